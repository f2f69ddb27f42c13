// A value of the host that functions of a job read, and that the host may replace while it runs.
#pragma once

#include <weir/operators/detail/side_reader.hpp>

#include <functional>
#include <mutex>

namespace weir {

namespace detail {

/// A user's function with one more argument: the batch's own version of a side value.
template <class F, class T>
class with_side_value {
public:
  with_side_value(F function, std::size_t place) : function_(std::move(function)), value_(place) {}

  void begin(const batch& whole) { value_.begin(whole); }

  template <class... Args>
    requires std::is_invocable_v<F&, Args..., const T&>
  decltype(auto) operator()(Args&&... args) {
    return std::invoke(function_, std::forward<Args>(args)..., *value_);
  }

private:
  F function_;
  side_reader<T> value_;
};

} // namespace detail

/// An immutable value that all replicas share. `update` replaces it from the next planned batch on:
/// every record of a batch sees the same one. A cheap handle; `update` and `get` may be called from
/// any thread. Belongs to one context.
///
/// ```
/// weir::broadcast<limits> allowed(ctx, limits{.highest = 30});
/// readings.filter(allowed.with([](const reading& r, const limits& l) { return r.value > l.highest;
/// })) allowed.update(limits{.highest = 25});
/// ```
template <class T>
class broadcast {
public:
  broadcast(context& to, T first) : composed_(to.composed()), held_(std::make_shared<held>()) {
    update(std::move(first));
    // NOLINTNEXTLINE(cppcoreguidelines-prefer-member-initializer): needs its first value
    place_ = detail::side_place(*composed_, held_);
  }

  void update(T value) {
    auto next = std::make_shared<const T>(std::move(value));
    std::lock_guard guard(held_->mutex);
    held_->now = std::move(next);
  }

  /// What the next planned batch will see.
  [[nodiscard]] std::shared_ptr<const T> get() const {
    std::lock_guard guard(held_->mutex);
    return held_->now;
  }

  /// `function(arguments..., value)` as a function of the arguments alone, for the steps (`map`,
  /// `filter`, `flat_map`, `inspect`, `map_values`, `flat_map_values`), `map_partitions`,
  /// `transform` and joins with tables. Nothing is locked or copied per record.
  template <class F>
  [[nodiscard]] auto with(F function) const {
    return detail::with_side_value<F, T>(std::move(function), place_);
  }

private:
  struct held final : side_value {
    [[nodiscard]] std::shared_ptr<const void> current() const override {
      std::lock_guard guard(mutex);
      return now;
    }
    [[nodiscard]] std::string name() const override { return "broadcast"; }

    mutable std::mutex mutex;
    std::shared_ptr<const T> now;
  };

  std::shared_ptr<composition> composed_;
  std::shared_ptr<held> held_;
  std::size_t place_ = 0;
};

} // namespace weir
