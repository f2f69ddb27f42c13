// Loads the side values of a job: all at the start, then each when it is due. See side_value.hpp.
#pragma once

#include <weir/runtime/internal/control_loop.hpp>
#include <weir/runtime/log.hpp>
#include <weir/runtime/side_value.hpp>

#include <atomic>
#include <functional>
#include <memory>
#include <string_view>
#include <vector>

namespace weir {

/// Belongs to the control thread; loads on a thread of its own, which exists only if something is
/// to be reloaded, or on the caller's in line.
class side_value_loader {
public:
  using log_function = std::function<void(log_level, std::string_view, std::string_view)>;

  /// @param time lives longer; so does `loop`, which is told of the end of each load.
  side_value_loader(std::vector<std::shared_ptr<side_value>> values, clock& time,
                    control_loop& loop, log_function log);
  ~side_value_loader() { end(); }

  /// Loads everything, on the caller's thread. @returns the first error.
  expected<void> load_all();

  /// Reloads on `thread` from now on; null: on the caller's.
  void reload_on(std::unique_ptr<helper_thread> thread) { thread_ = std::move(thread); }
  [[nodiscard]] bool reloads() const noexcept;

  /// Nothing is loaded any more. Waits for the load that runs.
  void end();

  /// Begins the loads that are due. @returns whether there were any.
  bool reload_due();

  /// When the next one is due; `steady_time::max()` if none is.
  [[nodiscard]] steady_time next_due() const noexcept;

  /// What a batch that is planned now carries.
  [[nodiscard]] std::vector<std::shared_ptr<const void>> current() const;

private:
  struct entry {
    std::shared_ptr<side_value> value;
    steady_time due = steady_time::max(); ///< The latest there is while it is being loaded.
  };

  void loaded(entry& each, const expected<void>& result);

  std::vector<entry> entries_;
  clock* time_;
  control_loop* loop_;
  log_function log_;
  std::atomic<bool> ending_ = false;
  std::unique_ptr<helper_thread> thread_;
};

} // namespace weir
