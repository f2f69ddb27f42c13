// What people see: one row per batch on standard output, and below it, when standard error is a
// terminal, one line that follows the run. Next: surge.cpp.
#pragma once

#include "history.hpp"
#include "settings.hpp"

#include <atomic>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace impressions {

/// Thread-safe.
class terminal {
public:
  explicit terminal(colour when);
  ~terminal() { clear(); }
  terminal(const terminal&) = delete;
  terminal& operator=(const terminal&) = delete;

  /// A line that stays.
  void line(std::string_view text);
  /// The same in bold, where there is colour.
  void heading(std::string_view text);
  void table_head();
  /// @param since what the first column counts from. @param late a delay beyond it is shown in red.
  void row(const batch_figures& batch, weir::wall_time since, weir::duration late);
  void offset_table(const std::vector<weir::offset_range>& ranges);

  /// Replaces the line that follows the run; nothing where nobody would see it.
  void progress(std::string_view text);
  /// Removes it.
  void clear();

  /// Whether standard output has taken every line.
  [[nodiscard]] bool written() const { return written_; }

private:
  void print(std::string_view text);
  [[nodiscard]] std::string paint(std::string_view code, std::string_view text) const;

  const bool colour_;
  const bool progress_;
  std::mutex mutex_;
  std::atomic<bool> written_ = true;
  std::string shown_; ///< The progress line as it stands there.
};

} // namespace impressions
