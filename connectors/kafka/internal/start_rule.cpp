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

expected<start_decision> decide_start(const partition_facts& facts,
                                      const direct_stream_options& options) {
  std::int64_t offset = 0;
  std::string_view from = "starting offset";
  if (facts.committed) {
    offset = *facts.committed;
    from = "committed offset";
  } else {
    offset = facts.newcomer ? facts.low : offset_by_rule(facts, options.start);
  }
  if (offset >= facts.low && offset <= facts.end)
    return start_decision{.offset = offset};
  return apply_data_loss(facts, offset, from, options.on_data_loss);
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
