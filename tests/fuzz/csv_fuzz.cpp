// Any line is a row or an error; a row is written as a line that is read as the same row.
#include <weir/connectors/codec/csv.hpp>

#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>

namespace {

struct row {
  std::string name;
  std::int16_t count = 0;
  std::optional<double> price;
  std::optional<std::string_view> note;
  bool sold = false;
};
BOOST_DESCRIBE_STRUCT(row, (), (name, count, price, note, sold))

void check(std::string_view line, weir::csv_options options) {
  weir::csv_parser<row> chosen(std::move(options));
  weir::csv_parser<row> strict;
  row first;
  const auto read = chosen.parse(line, first);
  if (!read || !*read)
    return;
  const auto written = weir::to_csv(first);
  row second;
  const auto again = strict.parse(written, second);
  if (!again || !*again || weir::to_csv(second) != written)
    std::abort();
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view line(reinterpret_cast<const char*>(data), size);
  check(line, {});
  check(line, {.separator = ';',
               .columns = {"sold", "x", "name", "count"},
               .strict = false,
               .invalid_utf8 = weir::invalid_utf8::replace});
  return 0;
}
