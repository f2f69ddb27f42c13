// What a record looked like when it came, for dead letters.
#pragma once

#include <weir/runtime/record_traits.hpp>
#include <weir/runtime/timed.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace weir::detail {

/// The bytes of a record, as far as its type shows them.
struct original {
  std::optional<std::string> key{};
  std::optional<std::string> value{};
  std::optional<event_time> timestamp{};
  std::vector<std::pair<std::string, std::optional<std::string>>> headers{};
};

void add_header(original& to, std::string_view name, std::optional<std::string_view> value);

/// Messages of a topic and text show their bytes; of other types nothing is known.
template <class T>
[[nodiscard]] original original_of(const T& timed_or_not) {
  const auto& record = value_of(timed_or_not);
  using record_type = untimed_t<T>;
  original found;
  if constexpr (std::is_convertible_v<const record_type&, std::string_view>) {
    found.value.emplace(std::string_view(record));
  } else if constexpr (has_origin<record_type> && requires {
                         std::optional<std::string_view>(record.key);
                         std::optional<std::string_view>(record.value);
                         std::optional<event_time>(record.timestamp);
                         record.headers;
                       }) {
    found.key = record.key;
    found.value = record.value;
    found.timestamp = record.timestamp;
    for (const auto& header : record.headers)
      add_header(found, header.name, header.value);
  }
  return found;
}

} // namespace weir::detail
