#include <weir/connectors/kafka/direct_stream.hpp>
#include <weir/connectors/kafka/internal/properties.hpp>
#include <weir/connectors/kafka/options.hpp>
#include <weir/connectors/kafka/receiver_stream.hpp>
#include <weir/runtime/internal/state_warning.hpp>
#include <weir/runtime/state_store.hpp>

#include <catch2/catch.hpp>

using namespace weir;
using namespace weir::kafka;
using namespace std::chrono_literals;
using Catch::Matchers::Contains;

namespace {

direct_stream_options valid() { return {.brokers = "localhost:9092", .topics = {"lines"}}; }

std::string refusal(const direct_stream_options& options) {
  const auto checked = options.check();
  REQUIRE_FALSE(checked);
  CHECK(checked.error().code() == errc::invalid_config);
  return checked.error().message();
}

std::string property_refusal(std::map<std::string, std::string> properties) {
  auto options = valid();
  options.properties = std::move(properties);
  return refusal(options);
}

/// A store that is never opened.
struct unopened final : weir::state_backend {
  weir::expected<std::unique_ptr<weir::state_store>> open(const std::string&,
                                                          std::uint32_t) override {
    return weir::error(weir::errc::io, "never opened");
  }
};

} // namespace

TEST_CASE("valid Kafka options pass", "[connectors][kafka][options]") {
  CHECK(valid().check());
  auto options = valid();
  options.properties = {{"fetch.min.bytes", "1000"},
                        {"security.protocol", "SASL_SSL"},
                        {"sasl.mechanism", "SCRAM-SHA-512"},
                        {"sasl.username", "weir"},
                        {"sasl.password", "hush"},
                        {"partition.assignment.strategy", "roundrobin"},
                        {"topic.metadata.refresh.interval.ms", "60000"}};
  CHECK(options.check());
}

TEST_CASE("a broker has a host, and a port from 1 to 65535", "[connectors][kafka][options]") {
  auto options = valid();
  for (const auto* some :
       {"a", "a:1", "a:65535, b:9092,", "SSL://a:9093", "[::1]:9092", "[::1]", "::1"}) {
    options.brokers = some;
    CHECK(options.check());
  }
  for (const std::string none : {":", ":9092", "a:", "a:0", "a:65536", "127.0.0.1:99999", "a:-1",
                                 "a:x", "a:1x", "[::1", "[::1]:0", "SSL://", "SSL://:1"}) {
    options.brokers = "b:9092," + none;
    CHECK_THAT(refusal(options), Contains("`brokers`: \"" + none + "\" is no broker"));
  }
}

TEST_CASE("credentials among the brokers are refused and not repeated",
          "[connectors][kafka][options]") {
  auto options = valid();
  for (const std::string user : {"weir", "we,ir", ""})
    for (const std::string password : {"hush", "h:ush", "hu@sh", "hu,sh", "hu sh", "9092"})
      for (const std::string before : {"", "SASL_SSL://", "b:9092,"})
        for (const std::string host : {"a", "a:1", "[::1]:9", "a:x"}) {
          options.brokers = before + user + ":" + password + "@" + host;
          CAPTURE(options.brokers);
          const auto said = refusal(options);
          for (std::size_t i = 0; i + 2 <= password.size(); ++i)
            CHECK_THAT(said, !Contains(password.substr(i, password.size())));
          CHECK_THAT(said, Contains("sasl.password") && Contains("@" + host));
          options.brokers += ",z:1";
          CHECK_THAT(refusal(options), !Contains(":" + password));
        }
}

TEST_CASE("credentials in a property that is refused are not repeated",
          "[connectors][kafka][options]") {
  for (const std::string name : {"bootstrap.servers", "metadata.broker.list", "debug",
                                 "broker.address.family", "security.protocol", "client.id"})
    for (const std::string at : {"@", "%40"}) {
      auto options = valid();
      const auto value = "SSL://user:s3cretpw" + at + std::string(80, 'h') + ":1";
      options.properties[name] = value;
      const auto said = refusal(options);
      CAPTURE(name);
      CHECK_THAT(said, Contains(name) && !Contains("s3cretpw"));
      options = valid();
      options.brokers = "user:s3cretpw" + at + "h:1";
      CHECK_THAT(refusal(options), Contains("sasl.password") && !Contains("s3cretpw"));
    }
}

TEST_CASE("topics are named once, and listed offsets belong to them",
          "[connectors][kafka][options]") {
  auto options = valid();
  options.topics = {"a", "b", "a"};
  CHECK_THAT(refusal(options), Contains("names a twice"));
  options.group = "g";
  CHECK_THAT(refusal(options), Contains("names a twice"));
  options.topics = {};
  using assignment = std::vector<topic_partitions>;
  for (const auto& twice : {assignment{{"a", {}}, {"a", {}}}, assignment{{"a", {1}}, {"a", {}}},
                            assignment{{"a", {}}, {"b", {}}, {"a", {0}}}}) {
    options.assign = twice;
    CHECK_THAT(refusal(options), Contains("names a twice"));
  }
  options.assign = {{"a", {0, 2}}, {"a", {1}}, {"b", {}}};
  CHECK(options.check());
  options.start = starting_offsets::at({{"a", 1, 5}, {"b", 7, 5}});
  CHECK(options.check());
  for (const auto& place : {partition_offset{"a", 3, 5}, partition_offset{"c", 0, 5}}) {
    options.start = starting_offsets::at({{"a", 1, 5}, place});
    CHECK_THAT(refusal(options), Contains(place.topic) && Contains("none of the partitions"));
  }
  options.assign = {};
  options.topic_pattern = "x.*";
  options.start = starting_offsets::at({{"xy", 1, 5}});
  CHECK(options.check()); // whether there is such a topic the broker knows
  options.start = starting_offsets::at({{"y", 1, 5}});
  CHECK_THAT(refusal(options), Contains("none of the partitions"));
}

TEST_CASE("Kafka options say what is wrong with them", "[connectors][kafka][options]") {
  auto options = valid();
  options.brokers = " ,";
  CHECK_THAT(refusal(options), Contains("`brokers` is empty"));
  options = valid();
  options.assign = {{.topic = "lines", .partitions = {0}}};
  CHECK_THAT(refusal(options), Contains("exactly one") && Contains("not 2"));
  options = valid();
  options.topics = {};
  CHECK_THAT(refusal(options), Contains("exactly one") && Contains("not 0"));
  options.assign = {{.topic = "lines", .partitions = {0, 1, 0}}};
  CHECK_THAT(refusal(options), Contains("partition 0 of topic lines twice"));
  options = valid();
  options.start = starting_offsets::at({{.topic = "lines", .partition = 0, .offset = -7}});
  CHECK_THAT(refusal(options), Contains("offset -7"));
  options = valid();
  options.discovery_interval = 2min;
  CHECK_THAT(refusal(options), Contains("`discovery_interval` = 120000"));
  options = valid();
  options.offsets = offset_commits::manual;
  CHECK_THAT(refusal(options), Contains("needs a `group`"));
  options.group = "g";
  CHECK_THAT(refusal(options), Contains("needs a `committer`"));
  options.committer.emplace();
  CHECK(options.check());
}

TEST_CASE("a start warns of state that a group would divide", "[connectors][kafka][options]") {
  const auto warning = [](bool in_store, auto stream_of) {
    auto ctx = *weir::context::make();
    const auto words = stream_of(ctx).map([](const weir::kafka::record& r) {
      return std::pair(std::string(r.value.value_or("")), 1);
    });
    weir::state_options<std::string, int> options;
    if (in_store)
      options.store = std::make_shared<unopened>();
    const auto count = [](const std::string&, const int*, weir::keyed_state<int>&) { return 1; };
    words.template map_with_state<int>(count, options)
        .named("counts")
        .for_each_batch([](const auto&) {});
    return weir::state_warning(ctx.composed()->graph);
  };
  const auto with = [](direct_stream_options options) {
    return [=](weir::context& to) { return weir::kafka::direct_stream(to, options); };
  };
  auto options = valid();
  options.group = "g7";
  CHECK_THAT(warning(true, with(options)),
             Contains("'counts'") && Contains("group 'g7'") && !Contains("ends with the job"));
  CHECK_THAT(warning(false, with(options)),
             Contains("ends with the job") && Contains("group 'g7'"));
  CHECK_THAT(warning(true,
                     [](weir::context& to) {
                       return weir::kafka::receiver_stream(
                           to, {.brokers = "b:1", .topics = {"lines"}, .group = "g7"});
                     }),
             Contains("group 'g7'"));
  options.topics.clear();
  options.assign = {{.topic = "lines", .partitions = {0}}}; // nobody else takes these
  CHECK(warning(true, with(options)).empty());
}

TEST_CASE("properties that weir owns are refused with reason and remedy",
          "[connectors][kafka][options]") {
  CHECK_THAT(property_refusal({{"enable.auto.commit", "true"}}),
             Contains("enable.auto.commit = \"true\"") && Contains("after every sink") &&
                 Contains("`offsets`"));
  CHECK_THAT(property_refusal({{"auto.offset.reset", "earliest"}}), Contains("`start`"));
  CHECK_THAT(property_refusal({{"queued.max.messages.kbytes", "1"}}), Contains("memory budget"));
  CHECK_THAT(property_refusal({{"group.id", "g"}}), Contains("`group`"));
  CHECK_THAT(property_refusal({{"topic.metadata.refresh.interval.ms", "300000"}}),
             Contains("60 s"));
  CHECK_THAT(property_refusal({{"topic.metadata.refresh.interval.ms", "-1"}}), Contains("60 s"));
  CHECK_THAT(property_refusal({{"partition.assignment.strategy", "cooperative-sticky"}}),
             Contains("range or roundrobin"));
  CHECK_THAT(property_refusal({{"isolation.level", "read_uncommitted"}}), Contains("committed"));
  CHECK_THAT(property_refusal({{"rebalance_cb", "x"}}), Contains("callbacks"));
  CHECK_THAT(property_refusal({{"client.id", std::string(65, 'x')}}), Contains("64 bytes"));
  CHECK_THAT(
      property_refusal({{"security.protocol", "SASL_PLAINTEXT"}, {"sasl.mechanism", "PLAIN"}}),
      Contains("clear text"));
  for (const auto* owned :
       {"enable.auto.offset.store", "enable.partition.eof", "queued.min.messages",
        "fetch.max.bytes", "max.partition.fetch.bytes", "transactional.id", "bootstrap.servers"})
    CHECK_THAT(property_refusal({{owned, "1"}}), Contains(owned));
}

TEST_CASE("unknown properties and bad values come back in librdkafka's words",
          "[connectors][kafka][options]") {
  CHECK_THAT(property_refusal({{"fetch.min.byte", "1"}}),
             Contains("No such configuration property"));
  CHECK_THAT(property_refusal({{"fetch.min.bytes", "many"}}),
             Contains("fetch.min.bytes = \"many\"") && Contains("librdkafka says"));
}

TEST_CASE("secrets never reach an error or a log", "[connectors][kafka][options]") {
  CHECK(is_secret("sasl.password"));
  CHECK(is_secret("ssl.key.pem"));
  CHECK(is_secret("sasl.oauthbearer.client.secret"));
  CHECK_FALSE(is_secret("ssl.ca.location"));
  CHECK_FALSE(is_secret("ssl.key.location"));
  CHECK_FALSE(is_secret("fetch.min.bytes"));
  const auto text = property_refusal({{"sasl.passwort", "hunter22"}});
  CHECK_THAT(text, Contains("sasl.passwort") && !Contains("hunter22"));
  CHECK(redactor({{"sasl.password", "hunter22"}, {"client.id", "x"}})(
            "login hunter22 failed, hunter22") == "login *** failed, ***");
}

TEST_CASE("producer options are checked as a whole", "[connectors][kafka][options]") {
  producer_options options{.brokers = "b", .topic = "out"};
  CHECK(options.check());
  options.properties = {{"linger.ms", "20"}, {"compression.type", "zstd"}, {"acks", "all"}};
  CHECK(options.check());
  options.properties = {{"acks", "1"}};
  CHECK_THAT(options.check().error().message(), Contains("contradicts"));
  options.idempotent = false;
  CHECK(options.check());
  options.properties = {{"acks", "0"}};
  CHECK_THAT(options.check().error().message(), Contains("lost record"));
  options.properties = {{"partitioner", "random"}};
  CHECK_THAT(options.check().error().message(), Contains("`partitioner`"));
  options.properties = {};
  options.partitioner = "murmur3";
  CHECK_THAT(options.check().error().message(), Contains("murmur3"));
}
