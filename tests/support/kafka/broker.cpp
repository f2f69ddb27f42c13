#include <tests/support/kafka/broker.hpp>

#include <spawn.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <memory>
#include <stdexcept>
#include <thread>
#include <vector>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

extern char** environ;

namespace weir::testing_support {

namespace {

using namespace std::chrono_literals;

#ifdef WEIR_KAFKA_SH
const std::filesystem::path script = WEIR_KAFKA_SH;
#else
const std::filesystem::path script = std::filesystem::absolute(__FILE__).parent_path() / "kafka.sh";
#endif

std::string read_file(const std::filesystem::path& path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::filesystem::path temporary_folder() {
  auto name = (std::filesystem::temp_directory_path() / "weir-broker-XXXXXX").string();
  if (!::mkdtemp(name.data()))
    throw std::runtime_error("cannot make " + name);
  return name;
}

std::string env_value(const std::string& env, const std::string& name) {
  std::size_t at = env.starts_with(name + "=") ? 0 : env.find("\n" + name + "=");
  if (at == std::string::npos)
    return {};
  at = env.find('=', at) + 1;
  return env.substr(at, env.find('\n', at) - at);
}

} // namespace

real_broker::real_broker(broker_options options)
    : options_(std::move(options)), temporary_(options_.dir.empty()) {
  if (temporary_)
    options_.dir = temporary_folder();
  std::filesystem::create_directories(options_.dir);
  try {
    spawn();
    await_started();
  } catch (...) {
    end(SIGKILL);
    if (temporary_)
      std::filesystem::remove_all(options_.dir);
    throw;
  }
  const auto env = read_file(options_.dir / "env");
  bootstrap_ = env_value(env, "bootstrap");
  ssl_ = env_value(env, "ssl");
  sasl_ssl_ = env_value(env, "sasl_ssl");
  ca_file_ = env_value(env, "ca");
}

real_broker::~real_broker() {
  end(temporary_ ? SIGKILL : SIGTERM); // nobody will read a temporary folder again
  std::error_code ignored;
  if (temporary_)
    std::filesystem::remove_all(options_.dir, ignored);
}

topic_admin::properties real_broker::ssl_client() const {
  return {{"security.protocol", "ssl"}, {"ssl.ca.location", ca_file_}};
}

topic_admin::properties real_broker::sasl_ssl_client(const std::string& mechanism) const {
  return {{"security.protocol", "sasl_ssl"},
          {"ssl.ca.location", ca_file_},
          {"sasl.mechanism", mechanism},
          {"sasl.username", user()},
          {"sasl.password", password()}};
}

void real_broker::stop() {
  if (pid_ > 0)
    ::kill(pid_, SIGCONT);
  end(SIGTERM);
}
void real_broker::kill() { end(SIGKILL); }
void real_broker::suspend() { ::kill(pid_, SIGSTOP); }
void real_broker::resume() { ::kill(pid_, SIGCONT); }

void real_broker::restart() {
  stop();
  spawn();
  await_started();
}

std::string real_broker::spare_address() {
  const int probe = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (::bind(probe, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
      ::getsockname(probe, reinterpret_cast<sockaddr*>(&address), &size) != 0)
    throw std::runtime_error("no free port");
  ::close(probe);
  return "127.0.0.1:" + std::to_string(ntohs(address.sin_port));
}

void real_broker::move_to(const std::string& address) {
  stop();
  const auto port_of = [](const std::string& at) { return at.substr(at.find(':') + 1); };
  for (const auto* name : {"env", "ports", "server.properties"}) {
    auto text = read_file(options_.dir / name);
    const auto old = port_of(bootstrap_);
    for (auto at = text.find(old); at != std::string::npos; at = text.find(old, at + 1))
      text.replace(at, old.size(), port_of(address));
    std::ofstream(options_.dir / name) << text;
  }
  bootstrap_ = address;
  spawn();
  await_started();
}

void real_broker::spawn() {
  std::filesystem::remove(options_.dir / "server.log");
  std::vector<std::string> words{script.string(), "run", options_.dir.string()};
  if (options_.tls_sasl)
    words.push_back("--tls-sasl");
  std::vector<std::string> settings{"KAFKA_HEAP=" + options_.heap,
                                    std::string("KAFKA_JIT=") +
                                        (options_.full_speed ? "full" : "fast")};
  if (!options_.version.empty())
    settings.push_back("KAFKA_VERSION=" + options_.version);
  std::vector<char*> argv, env;
  for (auto& word : words)
    argv.push_back(word.data());
  argv.push_back(nullptr);
  for (char** e = environ; *e; ++e) {
    const std::string_view inherited(*e);
    const auto name = inherited.substr(0, inherited.find('=') + 1);
    if (std::ranges::none_of(settings, [&](const auto& own) { return own.starts_with(name); }))
      env.push_back(*e);
  }
  for (auto& setting : settings)
    env.push_back(setting.data());
  env.push_back(nullptr);
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  const auto log = (options_.dir / "start.log").string();
  posix_spawn_file_actions_addopen(&files, 1, log.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
  posix_spawn_file_actions_adddup2(&files, 1, 2);
  posix_spawnattr_t attributes; // a group of its own, so that Ctrl-C reaches the test first
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setpgroup(&attributes, 0);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
  const int failure = ::posix_spawn(&pid_, argv[0], &files, &attributes, argv.data(), env.data());
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&files);
  if (failure != 0) {
    pid_ = -1;
    throw std::runtime_error("cannot run " + words[0] + ": " +
                             std::generic_category().message(failure));
  }
}

void real_broker::await_started() {
  const auto deadline = std::chrono::steady_clock::now() + 300s; // the first start downloads
  while (read_file(options_.dir / "server.log").find("Kafka Server started") == std::string::npos) {
    const bool gone = ::waitpid(pid_, nullptr, WNOHANG) == pid_;
    if (gone)
      pid_ = -1;
    if (gone || std::chrono::steady_clock::now() > deadline)
      throw std::runtime_error(
          "the broker did not start:\n" + read_file(options_.dir / "start.log") +
          read_file(options_.dir / "stdout.log") + read_file(options_.dir / "server.log"));
    std::this_thread::sleep_for(20ms);
  }
}

void real_broker::end(int signal) {
  if (pid_ <= 0)
    return;
  ::kill(pid_, signal);
  if (signal != SIGKILL) {
    for (int i = 0; i < 1500; ++i) {
      if (::waitpid(pid_, nullptr, WNOHANG) == pid_) {
        pid_ = -1;
        return;
      }
      std::this_thread::sleep_for(20ms);
    }
    ::kill(pid_, SIGKILL);
  }
  ::waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

real_broker* require_broker() {
  static std::string reason;
  static const auto shared = []() -> std::unique_ptr<real_broker> {
    try {
      return std::make_unique<real_broker>(broker_options{.tls_sasl = true});
    } catch (const std::exception& e) {
      reason = e.what();
      return nullptr;
    }
  }();
  if (shared)
    return shared.get();
  if (std::getenv("CI"))
    throw std::runtime_error(reason);
  static const int registered = ::on_exit(
      [](int status, void*) {
        std::fflush(nullptr);
        if (status == 0)
          ::_exit(77); // ctest: skipped
      },
      nullptr);
  static_cast<void>(registered);
  std::fprintf(stderr, "skipped: no broker: %s\n", reason.c_str());
  return nullptr;
}

std::string fresh_name(const std::string& prefix) {
  static std::atomic<int> last{0};
  return prefix + "-" + std::to_string(++last);
}

} // namespace weir::testing_support
