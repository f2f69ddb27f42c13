// trigger::continuous on a real broker: what is committed, and what is read again.
#include "kafka_jobs.hpp"

#include <weir/connectors/outlet.hpp>
#include <weir/weir.hpp>

using namespace weir;
using namespace weir::kafka;
using testing_support::outgoing_record;

namespace {

/// Reads a topic as a group, and keeps what comes until it is told enough.
class reader {
public:
  reader(const testing_support::real_broker& broker, const std::string& topic,
         const std::string& group, std::string poison = "")
      : job_(*context::make({.name = "reader",
                             .batch_interval = 20ms,
                             .trigger = trigger::continuous,
                             .worker_threads = 2})) {
    auto options = reading(broker, topic);
    options.group = group;
    direct_stream(job_, options)
        .map([poison](const record& r) {
          if (*r.value == poison)
            throw std::runtime_error("poisoned");
          return *r.value;
        })
        .to(results_.sink());
    REQUIRE(outcome_of(job_.start()) == "ok");
  }

  std::vector<std::string> take(std::size_t count) {
    std::vector<std::string> values;
    while (values.size() < count) {
      auto next = results_.pop_for(30s);
      if (!next)
        break;
      values.push_back(std::move(*next));
    }
    std::sort(values.begin(), values.end());
    return values;
  }
  context& job() { return job_; }

private:
  outlet<std::string_view> results_;
  context job_;
};

} // namespace

SCENARIO("epochs commit what they have read, and failed ones are read again",
         "[connectors][kafka][continuous]") {
  const auto* broker = require_broker();
  if (!broker)
    return;
  auto admin = broker->admin();
  const auto topic = fresh_name("continuous");
  const auto group = fresh_name("group");
  admin.create_topic(topic, 2);
  const auto produce = [&](int first, int count) {
    admin.produce(topic, static_cast<std::uint64_t>(count),
                  [&](std::uint64_t i, outgoing_record& r) {
                    r = {};
                    r.value = std::to_string(first + static_cast<int>(i));
                    r.partition = static_cast<std::int32_t>(i % 2);
                  });
  };
  produce(100, 50);
  {
    reader first(*broker, topic, group);
    CHECK(first.take(50) == numbers(100, 50));
    produce(150, 10);
    CHECK(first.take(10) == numbers(150, 10));
    REQUIRE(first.job().stop());
  }
  produce(160, 1);
  {
    reader second(*broker, topic, group, "160"); // begins where the first one ended
    const auto ended = second.job().await();
    REQUIRE_FALSE(ended);
    CHECK(ended.error().to_string().find("poisoned") != std::string::npos);
  }
  reader third(*broker, topic, group);
  CHECK(third.take(1) == numbers(160, 1));
  produce(161, 4);
  CHECK(third.take(4) == numbers(161, 4));
  REQUIRE(third.job().stop());
}
