// Orders looked up in a table of prices, which is read from a file again every second.
//
//   enrich_with_table FILE     lines of "item price", e.g. "tea 3"; until SIGINT. Replace the file
//                              with `mv` while it runs: the next batches have the new prices.
#include "usage.hpp"

#include <weir/main.hpp> // run_until_signal and report: for programs, not for libraries
#include <weir/weir.hpp>

#include <cstdint>
#include <cstdio>
#include <fstream>
#include <map>
#include <string>
#include <string_view>

namespace {

using prices = std::map<std::string, std::int64_t>;

/// Runs beside the batches, so it may take its time. An error keeps the prices there are.
weir::expected<prices> read_prices(const std::string& path) {
  std::ifstream file(path);
  if (!file)
    return weir::error(weir::errc::io, "cannot open '" + path + "'");
  prices all;
  std::string item;
  for (std::int64_t price = 0; file >> item >> price;)
    all[item] = price;
  if (!file.eof())
    return weir::error(weir::errc::decode, "'" + path + "' has a line that is not \"item price\"");
  return all;
}

} // namespace

int main(int argc, char** argv) {
  using namespace std::chrono_literals;
  if (const auto end = usage(argc, argv, "enrich_with_table FILE", 1, 1))
    return *end;
  auto ctx = weir::context::make({.name = "enrich", .batch_interval = 500ms});
  if (!ctx)
    return weir::report(ctx.error());

  const weir::refreshable_table<std::string, std::int64_t> price_of(
      "prices", 1s, [path = std::string(argv[1])] { return read_prices(path); });
  weir::rate_stream(*ctx, {.rows_per_second = 6})
      .map([](const weir::rate_row& row) { // somebody orders an item every now and then
        constexpr std::string_view items[] = {"tea", "coffee", "cake"};
        return std::pair{items[row.value % 3], row.value / 3 % 4 + 1};
      })
      .join_table(price_of, [](std::int64_t pieces, std::int64_t price) { return pieces * price; })
      .print(10);

  const auto done = weir::run_until_signal(*ctx);
  return done ? 0 : weir::report(done.error());
}
