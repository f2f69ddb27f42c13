// Each option outside its range is refused by name.
#include <weir/runtime/context.hpp>

#include <catch2/catch.hpp>

using namespace std::chrono_literals;
using weir::context_options;

namespace {

/// The message that refuses these options, or "accepted".
std::string verdict(const context_options& options) {
  const auto made = weir::context::make(options);
  if (made)
    return "accepted";
  CHECK(made.error().code() == weir::errc::invalid_config);
  return made.error().message();
}

} // namespace

SCENARIO("the defaults are accepted", "[runtime][options]") { CHECK(verdict({}) == "accepted"); }

SCENARIO("a value outside its range is refused with the field, the value and what is allowed",
         "[runtime][options]") {
  using Catch::Contains;
  CHECK_THAT(verdict({.name = ""}), Contains("name") && Contains("1 to 64"));
  CHECK_THAT(verdict({.name = std::string(65, 'x')}), Contains("65 characters"));
  CHECK_THAT(verdict({.batch_interval = 0ms}), Contains("batch_interval is 0 ns"));
  CHECK_THAT(verdict({.batch_interval = 1500us}),
             Contains("batch_interval is 1500000 ns") && Contains("whole number"));
  CHECK_THAT(verdict({.worker_threads = 1025}), Contains("worker_threads is 1025"));
  CHECK_THAT(verdict({.memory_budget = 1 << 20}),
             Contains("memory_budget is 1048576") && Contains("8 MiB"));
  CHECK_THAT(verdict({.default_partitions = 129}),
             Contains("default_partitions is 129") && Contains("128"));
  CHECK_THAT(verdict({.block = {.max_records = 0}}), Contains("block.max_records is 0"));
  CHECK_THAT(verdict({.block = {.max_bytes = 0}}), Contains("max_bytes 0"));
  CHECK_THAT(verdict({.delivery = weir::delivery::exactly_once}),
             Contains("delivery is exactly_once") && Contains("not there yet"));
  CHECK_THAT(verdict({.delivery = weir::delivery::at_most_once}), Contains("at_most_once"));
  CHECK_THAT(verdict({.max_waiting_batches = 0}), Contains("max_waiting_batches is 0"));
  CHECK_THAT(verdict({.rate_control = {.gains = {.proportional = -1}}}), Contains("proportional"));
}

SCENARIO("the ends of the ranges are allowed", "[runtime][options]") {
  CHECK(verdict({.name = std::string(64, 'x'),
                 .batch_interval = 1ms,
                 .worker_threads = 1024,
                 .memory_budget = 8 << 20,
                 .default_partitions = 128,
                 .block = {.max_records = 1, .max_bytes = 1},
                 .max_waiting_batches = 1}) == "accepted");
}
