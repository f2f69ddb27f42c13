#include <weir/connectors/kafka/topic_admin.hpp>

#include <weir/connectors/kafka/internal/broker_list.hpp>
#include <weir/connectors/kafka/internal/client.hpp>
#include <weir/connectors/kafka/internal/errors.hpp>
#include <weir/connectors/kafka/internal/names.hpp>
#include <weir/runtime/time.hpp>

#include <fmt/format.h>
#include <librdkafka/rdkafka.h>

#include <array>
#include <optional>
#include <span>
#include <thread>

namespace weir::kafka {

namespace {

using namespace std::chrono_literals;
using steady = std::chrono::steady_clock;

using new_topic_ptr = std::unique_ptr<rd_kafka_NewTopic_t, releaser<rd_kafka_NewTopic_destroy>>;
using admin_options_ptr =
    std::unique_ptr<rd_kafka_AdminOptions_t, releaser<rd_kafka_AdminOptions_destroy>>;

milliseconds left_until(steady::time_point deadline) {
  return std::max(1ms, std::chrono::duration_cast<milliseconds>(deadline - steady::now()));
}

expected<void> check(const topic_settings& wanted) {
  if (auto ok = check_brokers(wanted.brokers); !ok)
    return ok;
  if (auto ok = check_topic("option `topic`", wanted.topic); !ok)
    return ok;
  if (wanted.partitions < 1)
    return error{
        errc::invalid_config,
        fmt::format("option `partitions` is {}; a topic has at least 1", wanted.partitions)};
  if (wanted.replication < 0)
    return error{
        errc::invalid_config,
        fmt::format("option `replication` is {}; use 0 for the broker's default, or 1 and more",
                    wanted.replication)};
  if (wanted.timeout <= 0ms)
    return error{errc::invalid_config, fmt::format("option `timeout` is {} ms; it must be positive",
                                                   wanted.timeout.count())};
  return {};
}

/// A consumer, because asking for a topic through a producer may create it with the broker's
/// defaults.
expected<std::unique_ptr<client>> connect(const topic_settings& wanted) {
  if (auto ok = check_properties(client_role::consumer, wanted.properties); !ok)
    return std::move(ok).error();
  // The group is never joined; but without one a consumer's errors cannot be polled.
  auto conf = make_conf(wanted.properties, {{"bootstrap.servers", wanted.brokers},
                                            {"group.id", "weir-admin"},
                                            {"allow.auto.create.topics", "false"}});
  if (!conf)
    return std::move(conf).error();
  auto state = std::make_shared<client_state>("weir.kafka.admin", log_hook(),
                                              redactor(wanted.properties), nullptr);
  return client::make(RD_KAFKA_CONSUMER, std::move(*conf), std::move(state));
}

/// Partitions of the topic; nullopt while the brokers do not know it.
expected<std::optional<std::int32_t>> find(const client& asked, const std::string& topic,
                                           milliseconds timeout) {
  const std::array names{topic};
  auto found = asked.topics(names, timeout);
  if (!found)
    return std::move(found).error();
  const auto& info = found->front();
  if (info.failure == RD_KAFKA_RESP_ERR_NO_ERROR && info.partitions > 0)
    return std::optional(info.partitions);
  if (info.failure == RD_KAFKA_RESP_ERR_NO_ERROR || nature_of(info.failure) == nature::missing ||
      nature_of(info.failure) == nature::transient)
    return std::optional<std::int32_t>();
  return to_error(info.failure, fmt::format("asking for topic {}", topic));
}

/// Asks the controller for the topic. That somebody else was faster is no failure.
expected<void> create(const client& asked, const topic_settings& wanted, milliseconds timeout) {
  std::array<char, 512> text{};
  const new_topic_ptr fresh(rd_kafka_NewTopic_new(wanted.topic.c_str(), wanted.partitions,
                                                  wanted.replication == 0 ? -1 : wanted.replication,
                                                  text.data(), text.size()));
  if (!fresh)
    return error{errc::invalid_config, fmt::format("topic {}: {}", wanted.topic, text.data())};
  const admin_options_ptr options(
      rd_kafka_AdminOptions_new(asked.get(), RD_KAFKA_ADMIN_OP_CREATETOPICS));
  const auto wait = static_cast<int>(std::min<milliseconds>(timeout, 1h).count()); // of librdkafka
  rd_kafka_AdminOptions_set_operation_timeout(options.get(), wait, text.data(), text.size());
  rd_kafka_AdminOptions_set_request_timeout(options.get(), wait, text.data(), text.size());
  const queue_ptr answers(rd_kafka_queue_new(asked.get()));
  auto* topic = fresh.get();
  rd_kafka_CreateTopics(asked.get(), &topic, 1, options.get(), answers.get());
  const event_ptr answer(rd_kafka_queue_poll(answers.get(), wait + 1000));
  const auto tried =
      fmt::format("creating topic {} with {} partitions", wanted.topic, wanted.partitions);
  if (!answer)
    return error{errc::timed_out,
                 fmt::format("{}: no answer within {} ms", tried, timeout.count())};
  if (const auto failure = rd_kafka_event_error(answer.get());
      failure != RD_KAFKA_RESP_ERR_NO_ERROR)
    return to_error(failure, tried, rd_kafka_event_error_string(answer.get()));
  std::size_t count = 0;
  const auto* results =
      rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(answer.get()), &count);
  for (const auto* result : std::span(results, count)) {
    const auto failure = rd_kafka_topic_result_error(result);
    if (failure == RD_KAFKA_RESP_ERR_NO_ERROR || failure == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS)
      continue;
    const char* detail = rd_kafka_topic_result_error_string(result);
    return to_error(failure, tried, detail ? detail : "");
  }
  return {};
}

} // namespace

expected<std::int32_t> ensure_topic(const topic_settings& wanted) {
  if (auto ok = check(wanted); !ok)
    return std::move(ok).error();
  const auto deadline = deadline_after(steady::now(), wanted.timeout);
  auto asked = connect(wanted);
  if (!asked)
    return std::move(asked).error();
  auto found = find(**asked, wanted.topic, wanted.timeout);
  if (!found)
    return std::move(found).error();
  if (*found)
    return **found;
  if (auto made = create(**asked, wanted, left_until(deadline)); !made)
    return std::move(made).error();
  // The controller has it; the broker that answers may hear of it a little later.
  while (steady::now() < deadline) {
    found = find(**asked, wanted.topic, left_until(deadline));
    if (!found)
      return std::move(found).error();
    if (*found)
      return **found;
    std::this_thread::sleep_for(20ms);
  }
  return error{errc::timed_out,
               fmt::format("topic {} was created, but no broker knew it within {} ms", wanted.topic,
                           wanted.timeout.count())};
}

} // namespace weir::kafka
