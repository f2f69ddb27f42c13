#include <weir/operators/action/format_record.hpp>

#include <iterator>

namespace weir::detail {

void append_formatted(std::string& out, fmt::format_args one) {
  fmt::vformat_to(std::back_inserter(out), "{}", one);
}

} // namespace weir::detail
