// A program that a test starts, stops, freezes and kills.
#pragma once

#include <catch2/catch.hpp>
#include <spawn.h>

#include <chrono>
#include <csignal>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <sys/wait.h>

extern char** environ; // NOLINT: POSIX

namespace weir::test {

/// Started when constructed; killed when destroyed, unless it has ended before.
class child_process {
public:
  child_process(const std::string& program, std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), program);
    std::vector<char*> argv;
    for (auto& word : arguments)
      argv.push_back(word.data());
    argv.push_back(nullptr);
    REQUIRE(::posix_spawn(&pid_, program.c_str(), nullptr, nullptr, argv.data(), environ) == 0);
  }
  ~child_process() {
    if (pid_ > 0)
      (void)end(SIGKILL);
  }
  child_process(const child_process&) = delete;
  child_process& operator=(const child_process&) = delete;

  void signal(int number) const { ::kill(pid_, number); }

  /// Sends a signal and waits for the end. @returns the exit code, or minus the signal that ended
  /// it.
  int end(int number) {
    signal(number);
    int status = 0;
    ::waitpid(std::exchange(pid_, -1), &status, 0);
    return meaning(status);
  }

  /// Waits until it ends by itself. @returns the same; nullopt when it does not within `limit`.
  std::optional<int> wait(std::chrono::milliseconds limit) {
    const auto deadline = std::chrono::steady_clock::now() + limit;
    int status = 0;
    while (::waitpid(pid_, &status, WNOHANG) == 0) {
      if (std::chrono::steady_clock::now() > deadline)
        return std::nullopt;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    pid_ = -1;
    return meaning(status);
  }

private:
  static int meaning(int status) {
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }

  pid_t pid_ = -1;
};

} // namespace weir::test
