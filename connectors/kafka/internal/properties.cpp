#include <weir/connectors/kafka/internal/properties.hpp>

#include <weir/connectors/kafka/internal/names.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <span>

namespace weir::kafka {

namespace {

/// A property that users may not set, or only within bounds.
struct owned_property {
  std::string_view name;
  std::string_view reason;
  std::string_view remedy;
};

constexpr std::string_view queue_reason = "weir sizes the client's queues from the memory budget";
constexpr std::string_view queue_remedy = "change the context's memory budget";
constexpr std::string_view commit_reason =
    "weir commits offsets itself, after every sink has acknowledged a batch";
constexpr std::string_view commit_remedy = "use the option `offsets`";
constexpr std::string_view assign_reason =
    "two owners of the client's callbacks would work against each other";
constexpr std::string_view remove_it = "remove it";

constexpr auto owned_by_all = std::to_array<owned_property>({
    {"bootstrap.servers", "brokers are an option of their own", "use the option `brokers`"},
    {"metadata.broker.list", "brokers are an option of their own", "use the option `brokers`"},
    {"transactional.id",
     "weir names its transactional producers itself, so that a restart fences its former self",
     remove_it},
    {"log.queue", "weir sends the client's log to the log hook", remove_it},
    {"enabled_events", "weir decides which events it takes", remove_it},
    {"opaque", assign_reason, remove_it},
    {"group.protocol.type", "librdkafka knows no groups but those of consumers", remove_it},
    {"test.mock.num.brokers", "it puts a cluster in memory in the place of the brokers",
     "use kafka::embedded_broker"},
    {"default_topic_conf", assign_reason, "set topic properties like any other"},
});

constexpr auto owned_by_consumer = std::to_array<owned_property>({
    {"group.id", "the group is an option of its own", "use the option `group`"},
    {"enable.auto.commit", commit_reason, commit_remedy},
    {"auto.commit.enable", commit_reason, commit_remedy},
    {"auto.commit.interval.ms", commit_reason, commit_remedy},
    {"enable.auto.offset.store", commit_reason, commit_remedy},
    {"offset.store.method", commit_reason, commit_remedy},
    {"offset.store.path", commit_reason, commit_remedy},
    {"offset.store.sync.interval.ms", commit_reason, commit_remedy},
    {"auto.offset.reset", "weir decides where to start, so that a gap never passes in silence",
     "use the options `start` and `on_data_loss`"},
    {"enable.partition.eof", "weir needs the end-of-partition events to end its offset ranges",
     remove_it},
    {"queued.min.messages", queue_reason, queue_remedy},
    {"queued.max.messages.kbytes", queue_reason, queue_remedy},
    {"fetch.message.max.bytes", queue_reason, queue_remedy},
    {"max.partition.fetch.bytes", queue_reason, queue_remedy},
    {"fetch.max.bytes", queue_reason, queue_remedy},
    {"consume.callback.max.messages", "weir cuts records into blocks itself",
     "use the context's block limits"},
});

constexpr auto owned_by_producer = std::to_array<owned_property>({
    {"partitioner", "the partitioner is an option of its own", "use the option `partitioner`"},
    {"enable.idempotence", "idempotence is an option of its own", "use the option `idempotent`"},
    {"message.timeout.ms", "the delivery timeout is an option of its own",
     "use the option `delivery_timeout`"},
    {"delivery.timeout.ms", "the delivery timeout is an option of its own",
     "use the option `delivery_timeout`"},
    {"queue.buffering.max.kbytes", "the queue's size is an option of its own",
     "use the option `max_queued_bytes`"},
    {"delivery.report.only.error", "weir awaits the delivery report of every record", remove_it},
    {"dr_cb", assign_reason, remove_it},
    {"dr_msg_cb", assign_reason, remove_it},
});

error refused(std::string_view name, std::string_view value, std::string_view reason,
              std::string_view remedy) {
  return {errc::invalid_config, fmt::format("Kafka property {} = \"{}\" is refused: {}; {}", name,
                                            shown_value(name, value), reason, remedy)};
}

std::int64_t number(std::string_view text, std::int64_t fallback) {
  std::int64_t value = fallback;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
  return failed == std::errc{} && end == text.data() + text.size() ? value : fallback;
}

/// Properties that users may set to some values only.
expected<void> check_value(client_role role, std::string_view name, std::string_view value) {
  if (name == "client.id" && value.size() > 64)
    return refused(name, value, "librdkafka 2.0.2 can crash on more than 64 bytes", "shorten it");
  if (role == client_role::producer) {
    if ((name == "acks" || name == "request.required.acks") && value == "0")
      return refused(name, value, "without acknowledgements a lost record could not be noticed",
                     "use 1 or all");
    return {};
  }
  if (name == "isolation.level" && value != "read_committed")
    return refused(name, value,
                   "weir reads committed records only, so that aborted ones are never counted",
                   remove_it);
  if (name == "partition.assignment.strategy" &&
      value.find("cooperative") != std::string_view::npos)
    return refused(name, value,
                   "commits during a cooperative rebalance lose the assignment in librdkafka 2.0.2",
                   "use range or roundrobin");
  if (name == "topic.metadata.refresh.interval.ms") {
    const auto ms = number(value, -1);
    if (ms <= 0 || ms > 60'000)
      return refused(name, value, "new partitions must be noticed within 60 s",
                     "use a value from 1 to 60000, or the option `discovery_interval`");
  }
  return {};
}

expected<void> set(rd_kafka_conf_t* conf, const std::string& name, const std::string& value) {
  std::array<char, 512> text{};
  const auto answer =
      rd_kafka_conf_set(conf, name.c_str(), value.c_str(), text.data(), text.size());
  if (answer == RD_KAFKA_CONF_OK)
    return {};
  if (answer == RD_KAFKA_CONF_UNKNOWN) // without the value: a misspelt name may be that of a secret
    return error{errc::invalid_config,
                 fmt::format("Kafka property {}: librdkafka says: {}", shown(name), text.data())};
  std::string reason(text.data());
  if (const auto fit = shown_value(name, value); fit != value && !value.empty())
    for (auto at = reason.find(value); at != std::string::npos;
         at = reason.find(value, at + fit.size()))
      reason.replace(at, value.size(), fit);
  return error{errc::invalid_config, fmt::format("Kafka property {} = \"{}\": librdkafka says: {}",
                                                 name, shown_value(name, value), reason)};
}

} // namespace

std::string shown_value(std::string_view property, std::string_view value) {
  if (is_secret(property))
    return "***";
  const auto hidden = credentials_in(value);
  return hidden.empty() ? shown(value) : "***" + shown(value.substr(hidden.size()));
}

bool is_secret(std::string_view property) {
  if (property.ends_with(".location") || property.ends_with(".ca") ||
      property.starts_with("sasl.kerberos.keytab"))
    return false; // paths and public certificates
  constexpr auto words = std::to_array<std::string_view>(
      {"password", "secret", "token", "key", "jaas", "credential", "pem", "oauthbearer.config"});
  return std::ranges::any_of(
      words, [&](auto word) { return property.find(word) != std::string_view::npos; });
}

expected<void> check_properties(client_role role,
                                const std::map<std::string, std::string>& properties) {
  const auto refuse_owned = [&](std::span<const owned_property> table) -> expected<void> {
    for (const auto& owned : table)
      if (const auto found = properties.find(std::string(owned.name)); found != properties.end())
        return refused(found->first, found->second, owned.reason, owned.remedy);
    return {};
  };
  if (auto checked = refuse_owned(owned_by_all); !checked)
    return checked;
  const std::span<const owned_property> by_role =
      role == client_role::consumer ? std::span<const owned_property>(owned_by_consumer)
                                    : owned_by_producer;
  if (auto checked = refuse_owned(by_role); !checked)
    return checked;

  const conf_ptr scratch(rd_kafka_conf_new());
  for (const auto& [name, value] : properties) {
    if (name.find('\0') != name.npos || value.find('\0') != value.npos)
      return refused(shown(name), value, "librdkafka would cut it off at its NUL byte", remove_it);
    if (name.ends_with("_cb"))
      return refused(name, value, assign_reason, remove_it);
    if (auto checked = check_value(role, name, value); !checked)
      return checked;
    if (auto taken = set(scratch.get(), name, value); !taken)
      return taken;
  }
  const auto value_of = [&](const char* name) {
    const auto found = properties.find(name);
    return found == properties.end() ? std::string() : found->second;
  };
  const auto mechanism = value_of("sasl.mechanism") + value_of("sasl.mechanisms");
  const auto protocol = value_of("security.protocol");
  if (mechanism == "PLAIN" && (protocol == "SASL_PLAINTEXT" || protocol == "sasl_plaintext"))
    return refused("sasl.mechanism", "PLAIN", "the password would cross the network in clear text",
                   "set security.protocol to SASL_SSL, or use SCRAM-SHA-512");
  return {};
}

expected<conf_ptr> make_conf(const std::map<std::string, std::string>& user,
                             const property_list& own) {
  conf_ptr conf(rd_kafka_conf_new());
  for (const auto& [name, value] : user)
    if (auto taken = set(conf.get(), name, value); !taken)
      return std::move(taken).error();
  for (const auto& [name, value] : own)
    if (auto taken = set(conf.get(), name, value); !taken)
      return std::move(taken).error();
  return conf;
}

std::chrono::milliseconds time_of(const std::map<std::string, std::string>& properties,
                                  const std::string& name, std::chrono::milliseconds otherwise) {
  const auto set = properties.find(name);
  return set == properties.end()
             ? otherwise
             : std::chrono::milliseconds(number(set->second, otherwise.count()));
}

property_list member_properties(const std::map<std::string, std::string>& user) {
  if (user.contains("coordinator.query.interval.ms"))
    return {};
  // A coordinator that comes back at another address is not noticed before: 10 minutes by default.
  return {{"coordinator.query.interval.ms", "5000"}};
}

redactor::redactor(const std::map<std::string, std::string>& properties) {
  for (const auto& [name, value] : properties) {
    const std::string hidden(is_secret(name) ? value : credentials_in(value));
    if (hidden.size() >= 4)
      secrets_.push_back(hidden);
  }
}

std::string redactor::operator()(std::string_view text) const {
  std::string clean(text);
  for (const auto& secret : secrets_)
    for (auto at = clean.find(secret); at != std::string::npos; at = clean.find(secret, at + 3))
      clean.replace(at, secret.size(), "***");
  return clean;
}

} // namespace weir::kafka
