// Whatever a user writes into an option or a property: it is taken or refused, and the host lives.
#include <weir/connectors/kafka.hpp>
#include <weir/connectors/memory.hpp>
#include <weir/weir.hpp>

#include <catch2/catch.hpp>
#include <fmt/format.h>
#include <librdkafka/rdkafka.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <set>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

using namespace weir;
using namespace std::chrono_literals;
using Catch::Matchers::Contains;

namespace {

using properties = std::map<std::string, std::string>;

/// Every property that librdkafka describes, and those that it knows and does not describe.
std::set<std::string> all_properties() {
  char* text = nullptr;
  std::size_t size = 0;
  FILE* const to = open_memstream(&text, &size);
  REQUIRE(to != nullptr);
  rd_kafka_conf_properties_show(to);
  (void)std::fclose(to);
  const std::unique_ptr<char, decltype(&std::free)> owner(text, &std::free);
  std::set<std::string> names{"test.mock.num.brokers", "ut_handle_ProduceResponse", "interceptors"};
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    const auto end = line.find_first_of(" |");
    if (line.contains('|') && end != 0 && !line.starts_with("Property") && line.front() != '-')
      names.insert(line.substr(0, end));
  }
  REQUIRE(names.size() > 150);
  return names;
}

const std::vector<std::string> odd_values{
    "", " ", std::string(100'000, 'x'), "nonsense", "-1", "0", "2147483647", "\xff,\x01", "true"};

/// What needs a login and certificates before it is looked at.
const properties secure{{"security.protocol", "SASL_SSL"},
                        {"sasl.mechanism", "SCRAM-SHA-512"},
                        {"sasl.username", "weir"},
                        {"sasl.password", "hush"}};

bool is_about_security(const std::string& name) {
  return name.starts_with("ssl") || name.starts_with("sasl") || name.starts_with("enable.ssl") ||
         name == "security.protocol";
}

/// Nobody listens there.
constexpr auto nowhere = "127.0.0.1:1";

context_options in_line(bool hook) {
  context_options options{.name = "odd", .executor = executor_kind::in_line};
  if (hook)
    options.on_thread_start = [](std::string_view) {};
  return options;
}

expected<void> start_reading(kafka::direct_stream_options options, bool hook = true) {
  options.connect_timeout = 1ms;
  auto job = *context::make(in_line(hook));
  kafka::direct_stream(job, std::move(options)).for_each_batch([](auto&&) {});
  return job.start();
}

expected<void> start_writing(kafka::producer_options options, bool hook = true) {
  options.connect_timeout = 1ms;
  auto job = *context::make(in_line(hook));
  memory_stream(job, std::make_shared<memory_log<std::string>>())
      .map([](std::string_view text) { return kafka::outgoing{.value = text}; })
      .to(kafka::producer_sink(std::move(options)));
  return job.start();
}

expected<void> start_with(const properties& some, bool reads, bool hook = true) {
  return reads ? start_reading({.brokers = nowhere, .topics = {"t"}, .properties = some}, hook)
               : start_writing({.brokers = nowhere, .topic = "t", .properties = some}, hook);
}

/// The configuration is refused, or the broker that is not there is the only thing wrong.
void check_outcome(const expected<void>& outcome) {
  REQUIRE_FALSE(outcome);
  const auto text = outcome.error().to_string();
  CHECK(text.size() < 2'000);
  CHECK((outcome.error().code() == errc::invalid_config ||
         outcome.error().code() == errc::invalid_graph ||
         outcome.error().code() == errc::unreachable_broker ||
         outcome.error().code() == errc::authentication));
}

} // namespace

/// Starts a job with each property at each odd value, some at once: a start waits most of its time.
void try_all(bool reads) {
  struct trial {
    std::string name, value;
    expected<void> outcome{};
  };
  std::vector<trial> trials;
  for (const auto& name : all_properties())
    for (const auto& value : odd_values)
      trials.push_back({name, value});
  std::atomic<std::size_t> next{0};
  {
    std::vector<std::jthread> hosts;
    for (int i = 0; i < 8; ++i)
      hosts.emplace_back([&] {
        for (std::size_t n; (n = next++) < trials.size();) {
          const bool security = is_about_security(trials[n].name);
          auto with = security ? secure : properties();
          with[trials[n].name] = trials[n].value;
          trials[n].outcome = start_with(with, reads, security);
        }
      });
  }
  for (const auto& [name, value, outcome] : trials) {
    INFO(name << " = " << value.substr(0, 40));
    check_outcome(outcome);
  }
}

TEST_CASE("no value of any property crashes a host that reads", "[connectors][kafka][properties]") {
  try_all(true);
}

TEST_CASE("no value of any property crashes a host that writes",
          "[connectors][kafka][properties]") {
  try_all(false);
}

TEST_CASE("no name of a group, topic or broker crashes the host",
          "[connectors][kafka][properties]") {
  const std::vector<std::string> odd_names{
      "",  " ",  "\t", "\n",  " g",  "g ",   std::string(250, 'x'), std::string(40'000, 'x'),
      ".", "..", "^",  "^[a", "a/b", "\xff", std::string("\0", 1),  std::string("a\0b", 3)};
  for (const auto& name : odd_names) {
    INFO("\"" << name.substr(0, 20) << "\" of " << name.size() << " bytes");
    check_outcome(start_reading({.brokers = nowhere, .topics = {"t"}, .group = name}));
    check_outcome(start_reading({.brokers = nowhere, .assign = {{.topic = "t"}}, .group = name}));
    check_outcome(start_reading({.brokers = nowhere, .topics = {name}, .group = "g"}));
    check_outcome(start_reading({.brokers = nowhere, .assign = {{.topic = name}}}));
    check_outcome(start_reading({.brokers = nowhere, .topic_pattern = name}));
    check_outcome(start_reading({.brokers = name, .topics = {"t"}}));
    check_outcome(start_writing({.brokers = nowhere, .topic = name}));
    check_outcome(start_writing({.brokers = name, .topic = "t"}));
    check_outcome(start_writing({.brokers = nowhere, .topic = "t", .partitioner = name}));
  }
}

TEST_CASE("names that Kafka's client would change are refused", "[connectors][kafka][properties]") {
  const auto refusal = [](const auto& options) {
    const auto checked = options.check();
    REQUIRE_FALSE(checked);
    return checked.error().message();
  };
  kafka::direct_stream_options options{.brokers = "b", .topics = {"t"}, .group = "  "};
  CHECK_THAT(refusal(options), Contains("`group` = \"  \" is blank") && Contains("leave"));
  options.group = "\tg";
  CHECK_THAT(refusal(options), Contains("`group` = \"\\x09g\" begins with a blank"));
  options.group = std::string("a\0b", 3);
  CHECK_THAT(refusal(options), Contains("`group` = \"a\\x00b\" has a NUL byte"));
  options.group = std::string(32'001, 'g');
  CHECK_THAT(refusal(options), Contains("(32001 bytes)") && Contains("at most 32000"));
  options.group = std::string(32'000, 'g');
  CHECK(options.check());
  options.group = "any name, with blanks / and \xc3\xa9 ";
  CHECK(options.check());
  for (const std::string topic : {"a b", "a/b", "..", "t\n", "\xc3\xa9"}) {
    options.topics = {topic};
    CHECK_THAT(refusal(options), Contains("is no topic name") && Contains("letters, digits"));
    CHECK_THAT(refusal(kafka::producer_options{.brokers = "b", .topic = topic}),
               Contains("is no topic name"));
  }
  options.topics = {std::string(249, 'x')};
  CHECK(options.check());
  options.topics = {std::string(250, 'x')};
  CHECK_THAT(refusal(options), Contains("(250 bytes)"));
  options.topics = {};
  options.topic_pattern = std::string(100'000, '('); // recursion without an end
  CHECK_THAT(refusal(options), Contains("`topic_pattern`") && Contains("at most 1000"));
  options.topic_pattern = std::string(1'000, '(');
  check_outcome(start_reading({.brokers = nowhere, .topic_pattern = options.topic_pattern}));
}

TEST_CASE("what Kafka's client refuses late is an error with its reason, and threads are told of",
          "[connectors][kafka][properties]") {
  const bool hook = GENERATE(true, false);
  const bool reads = GENERATE(true, false);
  const auto refusal = [&](properties wrong) {
    wrong.insert(secure.begin(), secure.end());
    const auto outcome = start_with(wrong, reads, hook);
    REQUIRE_FALSE(outcome);
    CHECK(outcome.error().code() == errc::invalid_config);
    return outcome.error().to_string();
  };
  CHECK_THAT(refusal({{"ssl.ca.location", "/no/ca"}}),
             Contains("ssl.ca.location = \"/no/ca\"") && Contains("correct the property"));
  CHECK_THAT(refusal({{"ssl.key.location", "/no/key"}}), Contains("ssl.key.location = \"/no/key"));
  CHECK_THAT(refusal({{"ssl.certificate.location", "/no/cert"}}), Contains("= \"/no/cert\""));
  const auto pem = refusal({{"ssl.key.pem", "hunter22 is no key"}});
  CHECK_THAT(pem, Contains("ssl.key.pem = \"***\"") && !Contains("hunter22"));
  CHECK_THAT(refusal({{"ssl.ca.pem", "x"}}), Contains("ssl.ca.pem"));
  CHECK_THAT(refusal({{"ssl.certificate.pem", "x"}}), Contains("ssl.certificate.pem"));
  CHECK_THAT(refusal({{"sasl.username", ""}}), Contains("sasl.username"));
  CHECK_THAT(refusal({{"sasl.mechanism", "NONE"}}), Contains("SASL mechanism: NONE"));
}

TEST_CASE("librdkafka's threads are told of before they work", "[connectors][kafka][properties]") {
  std::atomic<int> started{0};
  auto options = in_line(false);
  options.on_thread_start = [&](std::string_view name) { started += name.starts_with("rdk"); };
  auto job = *context::make(options);
  kafka::direct_stream(job, {.brokers = nowhere, .topics = {"t"}, .connect_timeout = 1ms})
      .for_each_batch([](auto&&) {});
  CHECK_FALSE(job.start());
  CHECK(started > 0);
}
