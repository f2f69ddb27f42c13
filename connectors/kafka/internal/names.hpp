// Names of topics and groups, as far as they can be judged without a broker.
#pragma once

#include <weir/runtime/expected.hpp>

#include <string_view>

namespace weir::kafka {

/// Checks the name of a topic by Kafka's rule: 1 to 249 of A-Z, a-z, 0-9, '.', '_' and '-', and
/// neither "." nor "..".
/// @param what who names it, e.g. "option `topics`".
/// @returns errc::invalid_config naming it and the rule.
expected<void> check_topic(std::string_view what, std::string_view topic);

/// Checks the name of a group, which Kafka lets be almost anything: at most 32,000 bytes (its
/// protocol's limit), no NUL, and no blank in front, where librdkafka cuts blanks off: two groups
/// would be one, or none.
/// @returns errc::invalid_config naming it, the reason and the remedy.
expected<void> check_group(std::string_view group);

/// Checks a regular expression over topic names: at most 1,000 bytes, no NUL.
/// @returns errc::invalid_config.
expected<void> check_pattern(std::string_view pattern);

/// A text of a user for an error: at most 80 bytes of it, without control characters.
[[nodiscard]] std::string shown(std::string_view text);

/// What stands before the last '@', plain or as %40, with it: it may be a user and a password.
/// Empty without one.
[[nodiscard]] std::string_view credentials_in(std::string_view text);

} // namespace weir::kafka
