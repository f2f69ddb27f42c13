// librdkafka's objects with owners.
#pragma once

#include <librdkafka/rdkafka.h>

#include <memory>
#include <string>

namespace weir::kafka {

template <auto Release>
struct releaser {
  template <class T>
  void operator()(T* held) const noexcept {
    Release(held);
  }
};

using conf_ptr = std::unique_ptr<rd_kafka_conf_t, releaser<rd_kafka_conf_destroy>>;
using queue_ptr = std::unique_ptr<rd_kafka_queue_t, releaser<rd_kafka_queue_destroy>>;
using topic_ptr = std::unique_ptr<rd_kafka_topic_t, releaser<rd_kafka_topic_destroy>>;
using event_ptr = std::unique_ptr<rd_kafka_event_t, releaser<rd_kafka_event_destroy>>;
using message_ptr = std::unique_ptr<rd_kafka_message_t, releaser<rd_kafka_message_destroy>>;
using api_error_ptr = std::unique_ptr<rd_kafka_error_t, releaser<rd_kafka_error_destroy>>;
using headers_ptr = std::unique_ptr<rd_kafka_headers_t, releaser<rd_kafka_headers_destroy>>;
using partition_list_ptr = std::unique_ptr<rd_kafka_topic_partition_list_t,
                                           releaser<rd_kafka_topic_partition_list_destroy>>;

inline partition_list_ptr make_partition_list(std::size_t expected) {
  return partition_list_ptr(rd_kafka_topic_partition_list_new(static_cast<int>(expected)));
}

/// Adds one partition with an offset.
inline void add(rd_kafka_topic_partition_list_t* list, const std::string& topic,
                std::int32_t partition, std::int64_t offset = RD_KAFKA_OFFSET_INVALID) {
  rd_kafka_topic_partition_list_add(list, topic.c_str(), partition)->offset = offset;
}

} // namespace weir::kafka
