#include <weir/connectors/kafka/internal/start_rule.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

namespace weir::kafka {

namespace {

/// The offset that `start` names, and what to call it.
std::int64_t offset_by_rule(const partition_facts& facts, const starting_offsets& start) {
  switch (start.which()) {
  case starting_offsets::kind::earliest:
    return facts.low;
  case starting_offsets::kind::latest:
    return facts.end;
  case starting_offsets::kind::at_time:
    return facts.at_time.value_or(facts.end);
  case starting_offsets::kind::listed:
    break;
  }
  const auto listed = std::ranges::find_if(start.places(), [&](const partition_offset& place) {
    return place.partition == facts.partition && place.topic == facts.topic;
  });
  if (listed == start.places().end() || listed->offset == partition_offset::beginning)
    return facts.low;
  return listed->offset == partition_offset::end ? facts.end : listed->offset;
}

} // namespace

std::int64_t wanted_offset(const partition_facts& facts, const starting_offsets& start) {
  if (facts.committed)
    return *facts.committed;
  return facts.newcomer ? facts.low : offset_by_rule(facts, start);
}

expected<start_decision> decide_start(const partition_facts& facts,
                                      const direct_stream_options& options) {
  const auto offset = wanted_offset(facts, options.start);
  if (offset >= facts.low && offset <= std::max(facts.end, facts.high.value_or(0)))
    return start_decision{.offset = offset};
  return apply_data_loss(facts, offset, facts.committed ? "committed offset" : "starting offset",
                         options.on_data_loss);
}

expected<start_decision> decide_anew(const partition_facts& facts, log_verdict verdict,
                                     std::int64_t position, std::int64_t old_end,
                                     data_loss policy) {
  const auto unread = std::max<std::int64_t>(0, old_end - position);
  if (policy == data_loss::fail)
    return error{
        errc::offset_out_of_range,
        fmt::format("{} [{}]: {}: position {}, {} offsets of the old log were not read, and the "
                    "log holds [{}, {}) now; set `on_data_loss` to earliest or latest to go on "
                    "with the new log",
                    facts.topic, facts.partition,
                    verdict == log_verdict::other ? "the topic was made anew while it was read"
                                                  : "the log was cut, or the topic made anew",
                    position, unread, facts.low, facts.end)};
  const auto offset = policy == data_loss::earliest ? facts.low : facts.end;
  return start_decision{.offset = offset, .gap = unread + offset - facts.low};
}

expected<start_decision> apply_data_loss(const partition_facts& facts, std::int64_t position,
                                         std::string_view wanted_by, data_loss policy) {
  if (policy == data_loss::fail) {
    const auto why = position < facts.low ? "older records were deleted"
                                          : "the log was cut, or the topic made anew";
    return error{errc::offset_out_of_range,
                 fmt::format("{} [{}]: {} {} is outside the log, which holds [{}, {}): {}; set "
                             "`on_data_loss` to earliest or "
                             "latest to go on with a gap, or restore the topic",
                             facts.topic, facts.partition, wanted_by, position, facts.low,
                             facts.end, why)};
  }
  const auto offset = policy == data_loss::earliest ? facts.low : facts.end;
  return start_decision{.offset = offset, .gap = std::abs(offset - position)};
}

} // namespace weir::kafka
