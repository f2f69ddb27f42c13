// Gives every replica its own function, also one that cannot be copied.
#pragma once

#include <functional>
#include <optional>
#include <utility>

namespace weir {

/// A function made anew for each replica by a factory: for functions that own what cannot be copied
/// or shared, such as a connection or a parser with buffers. `stream.map(per_replica([] { return
/// parser(); }))`. The factory runs in each replica before its first record, and must be copyable.
template <class Factory>
class per_replica {
public:
  using function = std::invoke_result_t<Factory&>;

  explicit per_replica(Factory make) : make_(std::move(make)) {}
  per_replica(const per_replica& other)
      : make_(other.make_) {} // a copy starts without a function of its own
  per_replica(per_replica&&) = default;
  per_replica& operator=(per_replica&&) = default;

  template <class... Args>
    requires std::is_invocable_v<function&, Args...>
  decltype(auto) operator()(Args&&... args) {
    if (!function_) [[unlikely]]
      function_.emplace(std::invoke(make_));
    return std::invoke(*function_, std::forward<Args>(args)...);
  }

private:
  Factory make_;
  std::optional<function> function_;
};

} // namespace weir
