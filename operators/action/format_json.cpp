#include <weir/operators/action/format_json.hpp>

#include <weir/runtime/utf8.hpp>

#include <boost/json/serializer.hpp>
#include <fmt/format.h>

#include <cmath>
#include <iterator>

namespace weir::detail {

namespace {

template <class Integer>
void append_integer(Integer number, std::string& out) {
  const fmt::format_int text(number);
  out.append(text.data(), text.size());
}

template <class Float>
void append_float(Float number, std::string& out) {
  if (std::isfinite(number))
    fmt::format_to(std::back_inserter(out), "{}", number);
  else
    out += "null";
}

} // namespace

void append_json_number(std::int64_t number, std::string& out) { append_integer(number, out); }
void append_json_number(std::uint64_t number, std::string& out) { append_integer(number, out); }
void append_json_number(float number, std::string& out) { append_float(number, out); }
void append_json_number(double number, std::string& out) { append_float(number, out); }
void append_json_number(long double number, std::string& out) { append_float(number, out); }

void append_json_text(std::string_view text, std::string& out) {
  std::string repaired;
  if (!is_utf8(text)) {
    append_as_utf8(text, repaired);
    text = repaired;
  }
  thread_local boost::json::serializer writer; // keeps what it has allocated
  writer.reset(boost::json::string_view(text.data(), text.size()));
  char part[512];
  while (!writer.done())
    out += static_cast<std::string_view>(writer.read(part));
}

} // namespace weir::detail
