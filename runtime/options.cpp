#include <weir/runtime/options.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace weir {

expected<void> check(const context_options& o) {
  using namespace std::chrono_literals;
  const auto invalid = [](std::string text) {
    return error(errc::invalid_config, std::move(text));
  };
  if (o.name.empty() || o.name.size() > 64)
    return invalid(
        fmt::format("name '{}' has {} characters; 1 to 64 are allowed", o.name, o.name.size()));
  if (std::ranges::any_of(o.name, [](char c) {
        const auto byte = static_cast<unsigned char>(c);
        return byte < 0x20 || byte == 0x7f || c == '/';
      }))
    return invalid(fmt::format("name {:?} has a '/' or a control character; it becomes part of the "
                               "names of threads, groups and files",
                               o.name));
  if (o.batch_interval < 1ms)
    return invalid(
        fmt::format("batch_interval is {} ns; it must be at least 1 ms", o.batch_interval.count()));
  if (o.batch_interval % 1ms != 0ms)
    return invalid(fmt::format(
        "batch_interval is {} ns; it must be a whole number of milliseconds, because batch times "
        "are milliseconds",
        o.batch_interval.count()));
  if (o.worker_threads > 1024)
    return invalid(fmt::format("worker_threads is {}; 0 (one per core) to 1024 are allowed",
                               o.worker_threads));
  if (o.memory_budget < (std::size_t{8} << 20))
    return invalid(
        fmt::format("memory_budget is {} bytes; it must be at least 8 MiB", o.memory_budget));
  if (o.default_partitions > 128)
    return invalid(fmt::format(
        "default_partitions is {}; 0 (one per worker thread) to 128, the number of key groups, "
        "are allowed",
        o.default_partitions));
  if (o.block.max_records == 0 || o.block.max_bytes == 0)
    return invalid(
        fmt::format("block.max_records is {} and block.max_bytes {}; both must be at least 1",
                    o.block.max_records, o.block.max_bytes));
  if (o.max_waiting_batches == 0)
    return invalid("max_waiting_batches is 0; at least one planned batch must be allowed to wait");
  if (o.slice < 0ns)
    return invalid(fmt::format("slice is {} ns; it must not be negative", o.slice.count()));
  if (o.quiesce_deadline < 0ns)
    return invalid(fmt::format("quiesce_deadline is {} ns; it must not be negative",
                               o.quiesce_deadline.count()));
  if (o.delivery != delivery::at_least_once)
    return invalid(
        fmt::format("delivery is {}, which is not there yet; with at_least_once no record is lost, "
                    "and what comes "
                    "again does no harm where results are written by key",
                    o.delivery == delivery::at_most_once ? "at_most_once" : "exactly_once"));
  return o.on_error.check();
}

} // namespace weir
