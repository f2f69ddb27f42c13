// Runs an example program as a user would, and looks at what it prints.
#pragma once

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

namespace weir::testing_support {

/// A program of examples/, started when constructed, killed when destroyed. Its standard output and
/// standard error go to files, so it never waits for its reader. Threads: one at a time.
class example {
public:
  /// @param name such as "word_count". @throws std::runtime_error when it cannot be started.
  explicit example(const std::string& name, std::vector<std::string> arguments = {});
  ~example();
  example(const example&) = delete;
  example& operator=(const example&) = delete;

  void signal(int number) const;

  /// @returns its exit code, or minus the signal that ended it; nullopt when it still runs at the
  /// end of `limit`.
  std::optional<int> wait(std::chrono::milliseconds limit);

  /// Waits until its standard output holds `text`. @returns false when it ended or `limit` passed
  /// before.
  bool prints(const std::string& text, std::chrono::milliseconds limit);

  [[nodiscard]] std::string out() const; ///< Standard output so far.
  [[nodiscard]] std::string err() const; ///< Standard error so far.

  /// The last line of standard output that is not empty.
  [[nodiscard]] std::string last_line() const;

private:
  std::filesystem::path folder_;
  pid_t pid_ = -1;
  std::optional<int> ended_;
};

} // namespace weir::testing_support
