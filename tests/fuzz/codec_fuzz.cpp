// Any bytes are a value or an error; a value has one encoding, which is decoded as that value.
#include <weir/runtime/codec.hpp>

#include <cstdint>
#include <cstdlib>
#include <map>
#include <string_view>
#include <unordered_map>
#include <variant>
#include <vector>

namespace {

struct tree {
  std::int32_t id = 0;
  std::vector<tree> children;
};

struct everything {
  std::string text;
  std::optional<double> number;
  std::map<std::string, std::vector<std::uint16_t>> lists;
  std::unordered_map<std::int32_t, std::string> names;
  std::variant<bool, std::string, std::set<std::int64_t>> either;
  std::array<std::uint8_t, 3> three{};
};

template <class T>
void check(std::string_view bytes) {
  const auto value = weir::decoded<T>(bytes);
  if (!value)
    return;
  const auto once = weir::encoded(*value);
  const auto again = weir::decoded<T>(once);
  if (!again || weir::encoded(*again) != once)
    std::abort();
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  check<everything>(bytes);
  check<tree>(bytes);
  check<std::vector<std::variant<std::monostate, std::string, std::pair<std::int8_t, bool>>>>(
      bytes);
  return 0;
}
