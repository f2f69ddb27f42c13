// A process that logs what it receives is killed at any moment, again and again: what it has
// acknowledged comes out.
#include <catch2/catch.hpp>
#include <fmt/format.h>
#include <spawn.h>
#include <tests/support/scratch_directory.hpp>

#include <chrono>
#include <csignal>
#include <fstream>
#include <map>
#include <random>
#include <thread>

#include <sys/wait.h>

extern char** environ; // NOLINT: POSIX

using namespace std::chrono_literals;

namespace {

pid_t start(const std::string& folder, int last) {
  std::vector<std::string> words{WEIR_LOG_WORKER, folder, std::to_string(last)};
  std::vector<char*> argv;
  for (auto& word : words)
    argv.push_back(word.data());
  argv.push_back(nullptr);
  pid_t pid = -1;
  REQUIRE(::posix_spawn(&pid, WEIR_LOG_WORKER, nullptr, nullptr, argv.data(), environ) == 0);
  return pid;
}

int wait_for(pid_t pid) {
  int status = 0;
  ::waitpid(pid, &status, 0);
  return status;
}

std::vector<int> numbers_in(const std::string& path) {
  std::vector<int> found;
  std::ifstream in(path);
  for (int n = 0; in >> n;)
    found.push_back(n);
  return found;
}

} // namespace

SCENARIO("what was acknowledged survives kill -9, and what is sent again is taken once", "[wal]") {
  const weir::test::scratch_directory dir;
  constexpr int last = 60'000;
  std::mt19937 chance(7);
  int lives = 0;
  for (; lives < 12; ++lives) {
    const auto pid = start(dir.text(), last);
    std::this_thread::sleep_for(std::chrono::milliseconds(50 + chance() % 200));
    ::kill(pid, SIGKILL);
    const int status = wait_for(pid);
    if (!WIFSIGNALED(status)) // it was faster
      break;
  }
  CHECK(lives > 3);
  const auto ended = wait_for(start(dir.text(), last));
  REQUIRE(WIFEXITED(ended));
  CHECK(WEXITSTATUS(ended) == 0);

  std::map<int, int> times;
  for (const int n : numbers_in(dir.text() + "/out"))
    ++times[n];
  const auto doubled =
      std::count_if(times.begin(), times.end(), [](const auto& entry) { return entry.second > 1; });
  WARN(fmt::format("{} kills, {} numbers, {} of them doubled", lives, times.size(), doubled));
  CHECK(times.size() == last);
  CHECK(times.begin()->first == 1);
  CHECK(times.rbegin()->first == last);
  // Only a batch that was complete shortly before a kill, which the log did not know yet, comes
  // twice: some hundred milliseconds' worth each.
  CHECK(doubled < last / 2);
}
