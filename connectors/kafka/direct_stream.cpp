#include <weir/connectors/kafka/direct_stream.hpp>

#include <weir/connectors/kafka/internal/source.hpp>

#include <fmt/format.h>

namespace weir::kafka {

namespace {

std::string label_of(const direct_stream_options& options) {
  if (!options.topic_pattern.empty())
    return fmt::format("kafka(~{})", options.topic_pattern);
  std::vector<std::string> names = options.topics;
  for (const auto& entry : options.assign)
    names.push_back(entry.topic);
  return fmt::format("kafka({})", fmt::join(names, ", "));
}

/// Most receivers that make sense as far as the options tell: the rest is known when the broker has
/// been asked.
std::uint32_t most_receivers(const direct_stream_options& options) {
  std::uint32_t listed = 0;
  for (const auto& entry : options.assign) {
    if (entry.partitions.empty())
      return options.consumers;
    listed += static_cast<std::uint32_t>(entry.partitions.size());
  }
  if (listed == 0)
    return options.consumers;
  return options.consumers == 0 ? listed : std::min(listed, options.consumers);
}

} // namespace

stream<record> direct_stream(context& to, direct_stream_options options,
                             std::source_location where) {
  source_spec spec;
  spec.label = label_of(options);
  spec.max_replicas = most_receivers(options);
  if (auto checked = options.check(); !checked)
    spec.mistakes.push_back(std::move(checked).error().at(where));
  if (options.assign.empty())
    spec.shared_by = options.group;
  spec.make = make_source(std::move(options));
  return add_source<record>(to, std::move(spec), where);
}

source_factory make_source(direct_stream_options options) {
  return [options = std::move(options)] { return std::make_unique<kafka_source>(options); };
}

} // namespace weir::kafka
