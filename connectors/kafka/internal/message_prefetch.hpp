// Waiting for the memory of many messages at once. Used by internal/receiver.cpp.
#pragma once

#include <librdkafka/rdkafka.h>

#include <cstdint>
#include <utility>

namespace weir::kafka {

/// Asks for the memory of messages before it is their turn: another thread has just written them,
/// so each would be waited for. librdkafka makes the messages of an answer one after another, and
/// all but a few lie at the same distance from the one before, upwards or downwards. A guess that
/// is wrong costs nothing else: nothing is read.
class message_prefetch {
public:
  /// To be called for each message in turn.
  void follow(const rd_kafka_message_t& message) noexcept {
    const auto here = reinterpret_cast<std::uintptr_t>(&message);
    const auto step = here - std::exchange(last_, here); // modulo 2^64 if they go downwards
    if (step + farthest > 2 * farthest)
      return; // somewhere else
    const auto ahead = here + messages * step;
    for (int line = -2; line <= 2; ++line) // the message and the client's own fields around it
      __builtin_prefetch(reinterpret_cast<const void*>(ahead + std::uintptr_t(64 * line)));
  }

private:
  /// Counting words of small records, 8 was a tenth faster than none; 2, 4 and 16 less so.
  static constexpr std::uintptr_t messages = 8;
  static constexpr std::uintptr_t farthest = 1024; ///< Bytes; 320 with librdkafka 2.0.2.

  std::uintptr_t last_ = 0;
};

} // namespace weir::kafka
