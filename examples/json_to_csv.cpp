// Turns files of JSON lines into files of CSV; lines that are no sale become dead letters.
//
//   json_to_csv DIR PREFIX     reads DIR/*.jsonl, writes PREFIX-sales-<ms>/ and
//   PREFIX-bad-<ms>-*.jsonl
#include "usage.hpp"

#include <weir/connectors/codec/json.hpp>
#include <weir/connectors/file/dead_letter_files.hpp>
#include <weir/main.hpp> // run_until_signal and report: for programs, not for libraries
#include <weir/weir.hpp>

#include <cstdint>
#include <cstdio>
#include <optional>
#include <string>
#include <string_view>

struct sale {
  std::string_view item; // a view costs no allocation; it lives as long as its record
  std::int64_t pieces = 0;
  std::optional<double> price;
};
BOOST_DESCRIBE_STRUCT(sale, (), (item, pieces, price))

int main(int argc, char** argv) {
  if (const auto end = usage(argc, argv, "json_to_csv DIR PREFIX", 2, 2))
    return *end;
  const std::string prefix = argv[2];
  auto ctx = weir::context::make({.name = "json_to_csv", .trigger = weir::trigger::available_now});
  if (!ctx)
    return weir::report(ctx.error());

  // Up to a tenth may be bad; the default is a hundredth.
  const auto set_aside =
      weir::on_error::dead_letter(weir::dead_letter_files(prefix + "-bad")).max_bad_ratio(0.1);

  weir::directory_stream(*ctx, argv[1], {.pattern = "*.jsonl", .new_files_only = false})
      .apply(weir::parse_json<sale>())
      .on_error(set_aside)
      .filter([](const sale& s) { return s.pieces > 0; })
      .save_as_csv_files(prefix + "-sales");

  const auto done = weir::run_until_signal(*ctx);
  return done ? 0 : weir::report(done.error());
}
