// The state of one key, in the hands of a user's function. Next: map_with_state.hpp, process.hpp.
#pragma once

#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

namespace weir {

/// What a function with state sees of its key's state, and how it changes it. Changes take effect
/// when the function returns; one that throws changes nothing. Misuse throws `std::logic_error`,
/// which is treated like any exception of the function. Valid during the call.
template <class State>
class keyed_state {
public:
  /// @param current the state, or null. @param timing_out whether the key is being removed.
  explicit keyed_state(const State* current, bool timing_out = false) noexcept
      : current_(current), timing_out_(timing_out) {}
  keyed_state(const keyed_state&) = delete;
  keyed_state& operator=(const keyed_state&) = delete;

  [[nodiscard]] bool exists() const noexcept { return fresh_ || current_; }

  /// The state. Throws when there is none.
  [[nodiscard]] const State& get() const {
    if (fresh_)
      return *fresh_;
    if (!current_) [[unlikely]]
      throw std::logic_error("keyed_state::get: the key has no state; ask exists() first");
    return *current_;
  }
  [[nodiscard]] std::optional<State> get_option() const {
    return exists() ? std::optional<State>(get()) : std::nullopt;
  }

  /// Sets the state. Throws after `remove` and while timing out.
  void update(State fresh) {
    refuse_misuse("update");
    fresh_.emplace(std::move(fresh));
  }

  /// Removes the key. Throws after `remove` and while timing out.
  void remove() {
    refuse_misuse("remove");
    removed_ = true;
    fresh_.reset();
    current_ = nullptr;
  }

  /// Whether the function is called because the key timed out: the state is removed afterwards.
  [[nodiscard]] bool is_timing_out() const noexcept { return timing_out_; }

  // ---- for operators

  [[nodiscard]] bool removed() const noexcept { return removed_; }
  /// What `update` has set.
  [[nodiscard]] std::optional<State>& fresh() noexcept { return fresh_; }

private:
  void refuse_misuse(const char* what) const {
    if (removed_ || timing_out_) [[unlikely]]
      throw std::logic_error(std::string("keyed_state::") + what +
                             (timing_out_
                                  ? ": the key is timing out, so its state is removed anyway"
                                  : ": the state was removed in this call"));
  }

  // Apart from each other, so that the compiler can keep a small fresh state in registers.
  const State* current_;
  std::optional<State> fresh_;
  bool removed_ = false;
  bool timing_out_;
};

} // namespace weir
