// A record that could not be used, with all that is known of it. Next: on_error.hpp.
#pragma once

#include <weir/runtime/error.hpp>
#include <weir/runtime/time.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace weir {

/// What the policy `on_error::dead_letter` hands to its sink for each record: where it came from,
/// what was wrong, and its bytes as far as they are known. Coordinates are known up to the first
/// shuffle. Bytes are those of the record as it entered the failing stage, when it is a Kafka
/// record or text; a record that an earlier stage made has coordinates alone.
struct dead_letter {
  std::string job{};       ///< `context_options::name`.
  std::string operation{}; ///< The operator, e.g. "parse_json".
  errc code = errc::user_function_failed;
  std::string message{}; ///< What was wrong; never the record's bytes, unless the user's text is.
  batch_time batch{};    ///< The batch that read it.
  std::string topic{};   ///< Topic or name of the source; empty when unknown.
  std::int32_t partition = -1;           ///< -1 when unknown.
  std::int64_t offset = -1;              ///< -1 when unknown.
  std::optional<event_time> timestamp{}; ///< Of the record at its source.
  std::optional<std::string> key{};      ///< Null when there is none or it is unknown.
  std::optional<std::string> value{};    ///< Null when there is none or it is unknown.
  std::vector<std::pair<std::string, std::optional<std::string>>> headers{};
};

} // namespace weir
