// Blocks and bytes that a downstream replica will still take from one sender. Next: outbox.hpp.
#pragma once

#include <cstddef>
#include <cstdint>

namespace weir {

/// Credit in blocks and in bytes; both must suffice. Starts at the window of its link and never
/// exceeds it.
///
/// Invariant: window - available = what is in flight or being worked on downstream. A block larger
/// than the whole window travels alone, and then the bytes are below zero until it comes back.
class credit {
public:
  struct amount {
    std::int64_t blocks = 0;
    std::int64_t bytes = 0;
    friend bool operator==(const amount&, const amount&) = default;
  };

  explicit credit(amount window) : window_(window), available_(window) {}

  /// Whether a block of this charge may be sent now.
  [[nodiscard]] bool covers(std::size_t charge) const noexcept {
    if (available_.blocks <= 0)
      return false;
    return available_.bytes >= static_cast<std::int64_t>(charge) || available_ == window_;
  }

  void take(std::size_t charge) noexcept {
    --available_.blocks;
    available_.bytes -= static_cast<std::int64_t>(charge);
  }

  void give_back(amount returned) noexcept {
    available_.blocks += returned.blocks;
    available_.bytes += returned.bytes;
  }

  [[nodiscard]] amount window() const noexcept { return window_; }
  [[nodiscard]] amount available() const noexcept { return available_; }
  [[nodiscard]] std::int64_t bytes_in_flight() const noexcept {
    return window_.bytes - available_.bytes;
  }

private:
  amount window_;
  amount available_;
};

} // namespace weir
