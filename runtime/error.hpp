// What went wrong: a code for programs, a sentence for people. Next: expected.hpp.
#pragma once

#include <source_location>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace weir {

/// Every kind of failure that weir reports. One sentence each says what the caller can do.
enum class errc {
  invalid_config, ///< An option has a value outside its range; the message names both.
  invalid_graph,  ///< The graph cannot run; `causes()` lists every mistake with its source line.
  invalid_state,  ///< The call does not fit the state of the context, e.g. adding a node after
                  ///< start.
  out_of_budget,  ///< What was asked for does not fit the memory budget; raise it or ask for less.
  user_function_failed, ///< A function given to an operator threw; the message names operator and
                        ///< record.
  sink_failed,          ///< A sink could not take or keep its records.
  source_failed,        ///< A source cannot go on reading.
  unreachable_broker,   ///< No broker answered within the configured time.
  unknown_topic,        ///< The broker does not know the topic.
  offset_out_of_range,  ///< The wanted offset is no longer, or not yet, in the log.
  authentication,       ///< The broker refused the credentials or the TLS handshake failed.
  fenced,               ///< Another owner has taken over; this one must stop writing.
  partitions_lost,      ///< The group took partitions away before the batch was complete.
  timed_out,            ///< A deadline passed.
  stopped,              ///< The context was stopped before the call could finish.
  io,                   ///< The operating system refused a file or socket operation.
  decode,               ///< Bytes are not a value of the wanted type.
  encoding,             ///< Text is not valid UTF-8.
  internal,             ///< A defect in weir; please report it.
};

/// Name of the code as it is spelled in the enumeration.
[[nodiscard]] std::string_view to_string(errc code) noexcept;

/// A failure as a value: what was tried, with which values, what to do.
class error {
public:
  error(errc code, std::string message) : code_(code), message_(std::move(message)) {}

  /// Several failures under one heading, e.g. every mistake of a graph.
  error(errc code, std::string message, std::vector<error> causes)
      : code_(code), message_(std::move(message)), causes_(std::move(causes)) {}

  [[nodiscard]] errc code() const noexcept { return code_; }
  [[nodiscard]] const std::string& message() const noexcept { return message_; }
  [[nodiscard]] const std::vector<error>& causes() const noexcept { return causes_; }

  /// The same failure seen from one level up: "`context`: message".
  [[nodiscard]] error with(std::string_view context) &&;

  /// The same failure at the line of the user's call that caused it.
  [[nodiscard]] error at(const std::source_location& where) &&;

  /// Message and causes, one per line.
  [[nodiscard]] std::string to_string() const;

private:
  errc code_;
  std::string message_;
  std::vector<error> causes_;
};

} // namespace weir
