// A table that is loaded at the start and again on a schedule, while the job runs.
#pragma once

#include <weir/operators/table/table_version.hpp>
#include <weir/runtime/side_value.hpp>

#include <exception>
#include <functional>
#include <mutex>
#include <optional>

namespace weir {

/// A table for `join_table` that a function of the user loads: once when a context starts, which
/// fails if the load does, and then on the clock of the context, on a thread of its own. The old
/// version serves until the new one is whole; a batch sees one version from its first record to its
/// last: the one that was there when it was planned. A reload that fails keeps the old version and
/// is logged and counted. A stop waits for the load that runs.
///
/// A cheap handle; any thread. Its memory is the program's own and counts for no budget: while it
/// is being loaded there are two versions, and more while batches use older ones.
template <class Key, class Value>
class refreshable_table {
public:
  using version = table_version<Key, Value>;

  /// What became of the loads so far, over all starts.
  struct history {
    std::uint64_t loads = 0;             ///< That succeeded, the one of each start included.
    std::uint64_t failed = 0;            ///< That did not.
    std::optional<error> last_failure{}; ///< Empty again once a load has succeeded.
    std::size_t size = 0;                ///< Entries of the present version.
  };

  /// @param name for messages.
  /// @param every from the end of one load to the beginning of the next, on the clock of the
  /// context; zero: load at the start only.
  /// @param load gives a range of (key, value), such as a std::map or a vector of pairs, or an
  /// expected one. It may block and throw; two contexts that share the table call it one at a time.
  template <std::invocable Load>
  refreshable_table(std::string name, duration every, Load load)
      : loaded_(std::make_shared<loaded>(std::move(name), every, std::move(load))) {}

  [[nodiscard]] history loads() const {
    std::lock_guard guard(loaded_->mutex);
    return loaded_->past;
  }

  /// For operators.
  [[nodiscard]] std::shared_ptr<side_value> side() const { return loaded_; }

private:
  using made = expected<std::shared_ptr<const version>>;

  struct loaded final : side_value {
    template <class Load>
    loaded(std::string name, duration interval, Load load)
        : label(std::move(name)), every(interval), make([load = std::move(load)]() mutable -> made {
            auto entries = load();
            if constexpr (requires { entries.error(); }) {
              if (!entries)
                return std::move(entries).error();
              return std::make_shared<const version>(*std::move(entries));
            } else {
              return std::make_shared<const version>(std::move(entries));
            }
          }) {}

    expected<void> load() override {
      std::lock_guard one_at_a_time(loading);
      auto next = made_safely();
      std::lock_guard guard(mutex);
      if (!next) {
        ++past.failed;
        past.last_failure = next.error();
        return std::move(next).error();
      }
      now = std::move(*next);
      ++past.loads;
      past.last_failure.reset();
      past.size = now->size();
      return {};
    }

    made made_safely() {
      try {
        return make();
      } catch (const std::exception& e) {
        return error(errc::user_function_failed, std::string("the loader threw: ") + e.what());
      } catch (...) {
        return error(errc::user_function_failed,
                     "the loader threw an exception that is no std::exception");
      }
    }

    [[nodiscard]] std::shared_ptr<const void> current() const override {
      std::lock_guard guard(mutex);
      return now;
    }
    [[nodiscard]] duration reload_interval() const override { return every; }
    [[nodiscard]] std::string name() const override { return label; }

    const std::string label;
    const duration every;
    std::mutex loading;
    std::move_only_function<made()> make; ///< Guarded by `loading`.
    mutable std::mutex mutex;
    std::shared_ptr<const version> now;
    history past;
  };

  std::shared_ptr<loaded> loaded_;
};

} // namespace weir
