// What a sink sees of a result that goes on changing.
#pragma once

#include <string_view>

namespace weir {

/// Which results of an aggregation over event time leave in a batch.
enum class output_mode {
  append,   ///< Those that have become final: each once, when the watermark has passed its window.
  update,   ///< Those that changed in this batch, as they are now.
  complete, ///< All, in every batch. Nothing is late, and nothing is ever forgotten.
};

[[nodiscard]] constexpr std::string_view to_string(output_mode mode) noexcept {
  switch (mode) {
  case output_mode::append:
    return "append";
  case output_mode::update:
    return "update";
  case output_mode::complete:
    return "complete";
  }
  return "?";
}

} // namespace weir
