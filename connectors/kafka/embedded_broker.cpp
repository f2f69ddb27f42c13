#include <weir/connectors/kafka/embedded_broker.hpp>

#include <weir/connectors/kafka/internal/client.hpp>
#include <weir/connectors/kafka/internal/errors.hpp>
#include <weir/connectors/kafka/internal/names.hpp>

#include <fmt/format.h>
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

namespace weir::kafka {

struct embedded_broker::impl {
  std::unique_ptr<client> owner; ///< The mock cluster lives in a client's threads.
  rd_kafka_mock_cluster_t* cluster = nullptr;
  std::unique_ptr<client> asker; ///< Asks for watermarks.
  std::string bootstrap;
  int brokers = 1;

  ~impl() {
    asker.reset(); // its connections go first
    if (cluster)
      rd_kafka_mock_cluster_destroy(cluster);
  }
};

namespace {

expected<std::unique_ptr<client>> make_client(const property_list& own) {
  auto conf = make_conf({}, own);
  if (!conf)
    return std::move(conf).error();
  auto state =
      std::make_shared<client_state>("weir.kafka.embedded", log_hook(), redactor(), nullptr);
  return client::make(RD_KAFKA_PRODUCER, std::move(*conf), std::move(state));
}

} // namespace

embedded_broker::embedded_broker(std::unique_ptr<impl> made) noexcept : impl_(std::move(made)) {}
embedded_broker::embedded_broker(embedded_broker&&) noexcept = default;
embedded_broker& embedded_broker::operator=(embedded_broker&&) noexcept = default;
embedded_broker::~embedded_broker() = default;

expected<embedded_broker> embedded_broker::make(int brokers) {
  if (brokers < 1 || brokers > 16)
    return error{errc::invalid_config,
                 fmt::format("an embedded Kafka cluster has 1 to 16 brokers, not {}", brokers)};
  auto made = std::make_unique<impl>();
  made->brokers = brokers;
  auto owner = make_client({});
  if (!owner)
    return std::move(owner).error();
  made->owner = std::move(*owner);
  made->cluster = rd_kafka_mock_cluster_new(made->owner->get(), brokers);
  if (!made->cluster)
    return error{errc::io, "an embedded Kafka cluster could not listen on 127.0.0.1"};
  made->bootstrap = rd_kafka_mock_cluster_bootstraps(made->cluster);
  auto asker = make_client({{"bootstrap.servers", made->bootstrap}});
  if (!asker)
    return std::move(asker).error();
  made->asker = std::move(*asker);
  return embedded_broker(std::move(made));
}

expected<void> embedded_broker::create_topic(std::string_view name, std::int32_t partitions) {
  if (auto ok = check_topic("an embedded topic", name); !ok)
    return ok;
  constexpr std::int32_t most = 10'000;
  if (partitions < 1 || partitions > most) // librdkafka would end the program
    return error{
        errc::invalid_config,
        fmt::format("topic {} cannot have {} partitions; use 1 to {}", name, partitions, most)};
  const std::string topic(name);
  const auto failure = rd_kafka_mock_topic_create(impl_->cluster, topic.c_str(), partitions, 1);
  if (failure != RD_KAFKA_RESP_ERR_NO_ERROR)
    return to_error(failure, fmt::format("creating topic {} with {} partitions", name, partitions));
  return {};
}

const std::string& embedded_broker::bootstrap() const noexcept { return impl_->bootstrap; }

expected<watermark_offsets> embedded_broker::watermarks(std::string_view topic,
                                                        std::int32_t partition) const {
  watermark_offsets found;
  const std::string name(topic);
  const auto failure = rd_kafka_query_watermark_offsets(impl_->asker->get(), name.c_str(),
                                                        partition, &found.low, &found.high, 5'000);
  if (failure != RD_KAFKA_RESP_ERR_NO_ERROR)
    return to_error(failure, fmt::format("asking for the watermarks of {} [{}]", topic, partition));
  return found;
}

expected<void> embedded_broker::suspend() {
  for (int id = 1; id <= impl_->brokers; ++id)
    if (const auto failure = rd_kafka_mock_broker_set_down(impl_->cluster, id);
        failure != RD_KAFKA_RESP_ERR_NO_ERROR)
      return to_error(failure, "suspending an embedded broker");
  return {};
}

expected<void> embedded_broker::resume() {
  for (int id = 1; id <= impl_->brokers; ++id)
    if (const auto failure = rd_kafka_mock_broker_set_up(impl_->cluster, id);
        failure != RD_KAFKA_RESP_ERR_NO_ERROR)
      return to_error(failure, "resuming an embedded broker");
  return {};
}

} // namespace weir::kafka
