#include "examples_process.hpp"

#include <spawn.h>

#include <csignal>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <system_error>
#include <thread>

#include <fcntl.h>
#include <sys/wait.h>

extern char** environ;

namespace weir::testing_support {

namespace {

using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;

std::string read_file(const std::filesystem::path& path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), {}};
}

} // namespace

example::example(const std::string& name, std::vector<std::string> arguments) {
  auto made = (std::filesystem::temp_directory_path() / "weir-example-XXXXXX").string();
  if (!::mkdtemp(made.data()))
    throw std::runtime_error("cannot make " + made);
  folder_ = made;
  arguments.insert(arguments.begin(), (std::filesystem::path(WEIR_EXAMPLES_DIR) / name).string());
  std::vector<char*> argv;
  for (auto& argument : arguments)
    argv.push_back(argument.data());
  argv.push_back(nullptr);
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  for (const auto& [number, file] : {std::pair{1, "out"}, std::pair{2, "err"}})
    posix_spawn_file_actions_addopen(&files, number, (folder_ / file).c_str(),
                                     O_WRONLY | O_CREAT | O_TRUNC, 0644);
  const int failure = ::posix_spawn(&pid_, argv[0], &files, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&files);
  if (failure != 0)
    throw std::runtime_error("cannot run " + arguments[0] + ": " +
                             std::generic_category().message(failure));
}

example::~example() {
  if (!wait(0ms)) {
    signal(SIGKILL);
    (void)wait(10s);
  }
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

void example::signal(int number) const {
  if (!ended_)
    ::kill(pid_, number);
}

std::optional<int> example::wait(std::chrono::milliseconds limit) {
  for (const auto deadline = clock::now() + limit; !ended_;) {
    int status = 0;
    if (::waitpid(pid_, &status, WNOHANG) == pid_)
      ended_ = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
    else if (clock::now() >= deadline)
      break;
    else
      std::this_thread::sleep_for(5ms);
  }
  return ended_;
}

bool example::prints(const std::string& text, std::chrono::milliseconds limit) {
  for (const auto deadline = clock::now() + limit;;) {
    const bool ended = wait(0ms).has_value(); // asked first: what it printed before counts
    if (out().find(text) != std::string::npos)
      return true;
    if (ended || clock::now() >= deadline)
      return false;
    std::this_thread::sleep_for(10ms);
  }
}

std::string example::out() const { return read_file(folder_ / "out"); }
std::string example::err() const { return read_file(folder_ / "err"); }

std::string example::last_line() const {
  auto text = out();
  while (!text.empty() && text.back() == '\n')
    text.pop_back();
  return text.substr(text.rfind('\n') + 1);
}

} // namespace weir::testing_support
