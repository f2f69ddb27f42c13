// A small job of somebody else's: keeps the even ones of a few numbers. Prints the version of weir
// it is linked with.
#include <weir/main.hpp>

#include <weir/weir.hpp>
#if WITH_KAFKA
#include <weir/connectors/kafka.hpp>
#endif
#if WITH_JSON
#include <weir/connectors/codec/json.hpp>
#endif

#include <chrono>
#include <iostream>
#include <memory>
#include <thread>

namespace {

using namespace std::chrono_literals;

#if WITH_JSON
struct reading {
  std::string place;
  double degrees = 0;
};
BOOST_DESCRIBE_STRUCT(reading, (), (place, degrees))
#endif

/// Runs the job on threads. @returns whether all it should keep arrived within ten seconds.
weir::expected<bool> keep_even_numbers() {
  auto ctx = weir::context::make({.name = "consumer", .batch_interval = 5ms, .worker_threads = 2});
  if (!ctx)
    return std::move(ctx).error();
  const auto numbers = std::make_shared<weir::memory_log<int>>();
  const auto kept = std::make_shared<weir::memory_table<int>>();
  numbers->append_all({1, 2, 3, 4, 5, 6});
  weir::memory_stream(*ctx, numbers)
      .filter([](int n) { return n % 2 == 0; })
      .to(weir::memory_sink(kept));
  if (auto started = ctx->start(); !started)
    return std::move(started).error();
  const auto deadline = std::chrono::steady_clock::now() + 10s;
  while (kept->rows().size() < 3 && std::chrono::steady_clock::now() < deadline)
    std::this_thread::sleep_for(1ms);
  if (auto stopped = ctx->stop(); !stopped)
    return std::move(stopped).error();
  return kept->rows() == std::vector<int>{2, 4, 6};
}

} // namespace

int main() {
  if (weir::version() != WEIR_VERSION) {
    std::cerr << "headers of " WEIR_VERSION ", library of " << weir::version() << '\n';
    return 1;
  }
#if WITH_KAFKA
  if (auto broker = weir::kafka::embedded_broker::make(); !broker)
    return weir::report(broker.error());
#endif
#if WITH_JSON
  reading hall;
  if (auto read = weir::json_parser<reading>().parse(R"({"place":"hall","degrees":19.5})", hall);
      !read)
    return weir::report(read.error());
#endif
  const auto kept = keep_even_numbers();
  if (!kept)
    return weir::report(kept.error());
  if (!*kept) {
    std::cerr << "the job did not keep 2, 4 and 6\n";
    return 1;
  }
  std::cout << "weir " << weir::version() << '\n';
}
