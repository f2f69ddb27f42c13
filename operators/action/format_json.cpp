#include <weir/operators/action/format_json.hpp>

#include <weir/runtime/utf8.hpp>

#include <boost/json/serializer.hpp>

namespace weir::detail {

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
