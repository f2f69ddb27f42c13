// Any text is a document or an error; what a strict reader takes is written as JSON and read back.
#include <weir/connectors/codec/json.hpp>

#include <cstdint>
#include <cstdlib>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace {

struct place {
  std::string_view city;
  std::optional<double> height;
};
BOOST_DESCRIBE_STRUCT(place, (), (city, height))

struct event {
  std::string name;
  std::int32_t count = 0;
  std::optional<std::uint64_t> id;
  std::optional<std::vector<std::optional<bool>>> marks;
  std::optional<std::map<std::string, place>> places;
};
BOOST_DESCRIBE_STRUCT(event, (), (name, count, id, marks, places))

void check(std::string_view text, weir::json_options options) {
  static weir::json_parser<event> strict{weir::json_options{}};
  weir::json_parser<event> chosen(options);
  event first;
  const auto read = chosen.parse(text, first);
  if (!read)
    return;
  const auto written = weir::to_json(first);
  event second;
  const auto again = strict.parse(written, second);
  if (!again || weir::to_json(second) != written)
    std::abort();
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  check(text, {});
  check(text, {.strict = false, .invalid_utf8 = weir::invalid_utf8::replace});
  return 0;
}
