#include "cluster.hpp"
#include "text.hpp"

#include <fmt/format.h>

namespace impressions {

weir::expected<void> cluster::check_retention(const std::vector<weir::offset_range>& read) const {
  if (!embedded)
    return {}; // a real one fails the job when records are gone
  for (const auto& range : read) {
    const auto kept = embedded->watermarks(range.topic, range.partition);
    if (!kept)
      return kept.error();
    if (kept->low > range.until)
      return weir::error{
          weir::errc::offset_out_of_range,
          fmt::format("the embedded cluster dropped records {} to {} of partition {} before the "
                      "job read them; lower --surge or --surge-for, or raise --capacity",
                      grouped(range.until), grouped(kept->low - 1), range.partition)};
  }
  return {};
}

weir::expected<cluster> open_cluster(const settings& from) {
  if (from.embedded()) {
    auto broker = weir::kafka::embedded_broker::make();
    if (!broker)
      return std::move(broker).error();
    if (auto made = broker->create_topic(from.topic, settings::partitions); !made)
      return std::move(made).error();
    auto brokers = broker->bootstrap();
    return cluster{.embedded = std::move(*broker),
                   .brokers = std::move(brokers),
                   .partitions = settings::partitions};
  }
  const auto partitions = weir::kafka::ensure_topic({.brokers = from.brokers,
                                                     .topic = from.topic,
                                                     .partitions = settings::partitions,
                                                     .properties = from.properties});
  if (!partitions)
    return partitions.error();
  return cluster{.embedded = {}, .brokers = from.brokers, .partitions = *partitions};
}

weir::kafka::direct_stream_options reading(const settings& from, const cluster& at,
                                           weir::kafka::starting_offsets start) {
  return {.brokers = at.brokers,
          .topics = {from.topic},
          .start = std::move(start),
          .properties = from.properties};
}

weir::kafka::producer_options writing(const settings& from, const cluster& at) {
  auto properties = from.properties;
  properties.try_emplace("linger.ms", "20"); // fewer, larger requests
  return {.brokers = at.brokers, .topic = from.topic, .properties = std::move(properties)};
}

} // namespace impressions
