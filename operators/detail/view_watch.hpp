// Finds views that point into what is gone, for tests. Used by detail/fused_stage.hpp.
#pragma once

#include <weir/runtime/block.hpp>
#include <weir/runtime/expected.hpp>
#include <weir/runtime/record_traits.hpp>
#include <weir/runtime/timed.hpp>

#include <concepts>
#include <cstddef>
#include <optional>
#include <ranges>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>
#include <vector>

namespace weir::detail {

/// A step whose results are views of its own memory, and not of the record it was given.
template <class Step>
concept makes_own_views = requires { requires Step::makes_own_views; };

/// Whether the bytes are part of what the program was loaded with and cannot change.
[[nodiscard]] bool in_read_only_data(std::string_view bytes) noexcept;

[[nodiscard]] bool is_part(std::string_view part, std::string_view of) noexcept;

template <class T>
inline constexpr bool is_span = false;
template <class T, std::size_t N>
inline constexpr bool is_span<std::span<T, N>> = true;

/// A range, but none of ranges of its own type, as a path of the file system is.
template <class T>
concept is_range_of_others =
    std::ranges::input_range<const T> &&
    !std::same_as<std::remove_cvref_t<std::ranges::range_reference_t<const T>>, T>;

/// Calls `use(bytes, viewed)` for the text in a value that it owns, and for that which it views.
/// @returns false when a part of the value is of a type that nobody can look into.
template <class T, class Use>
bool each_text(const T& value, const Use& use) {
  if constexpr (std::is_same_v<T, std::string> || std::is_same_v<T, std::string_view>) {
    use(std::string_view(value), std::is_same_v<T, std::string_view>);
    return true;
  } else if constexpr (requires { record_traits<T>::each_view(value, use); }) {
    record_traits<T>::each_view(value, use);
    return true;
  } else if constexpr (std::is_arithmetic_v<T> || std::is_enum_v<T> || is_chrono<T> ||
                       std::is_empty_v<T>) {
    return true;
  } else if constexpr (requires {
                         value.has_value();
                         *value;
                       }) {
    return !value.has_value() || each_text(*value, use);
  } else if constexpr (requires { std::variant_size<T>::value; }) {
    return value.valueless_by_exception() ||
           std::visit([&](const auto& held) { return each_text(held, use); }, value);
  } else if constexpr (is_range_of_others<T>) {
    if constexpr (is_span<T>)
      use(std::string_view(reinterpret_cast<const char*>(value.data()), value.size_bytes()), true);
    bool all = true;
    for (const auto& element : value)
      all = each_text(element, use) && all;
    return all;
  } else if constexpr (requires { std::tuple_size<T>::value; }) {
    return std::apply([&](const auto&... part) { return (... & each_text(part, use)); }, value);
  } else if constexpr (is_timed<T>) {
    return each_text(value.value, use);
  } else if constexpr (has_fields<T>) {
    bool all = true;
    boost::pfr::for_each_field(value,
                               [&](const auto& field) { all = each_text(field, use) && all; });
    return all;
  } else {
    return false;
  }
}

/// Looks at what each step of a stage is given and what it makes of it. A view may point into what
/// the step was given, into the block that this came from, and into the program's read-only data.
class view_watch {
public:
  explicit view_watch(std::vector<std::string> kinds)
      : kinds_(std::move(kinds)), given_(kinds_.size()) {}

  /// The records that follow come from this block, or from the head's own memory.
  void enter(const block_base* data) noexcept { block_ = data; }

  /// What operator `index` is given from now on.
  template <class T>
  [[gnu::noinline, gnu::cold]] void given(std::size_t index, const T& record) {
    auto& to = given_[index];
    to.texts.clear();
    to.known = each_text(record, [&](std::string_view bytes, bool) { to.texts.push_back(bytes); });
  }

  /// What operator `index` has made of it.
  template <class T>
  [[gnu::noinline, gnu::cold]] void made(std::size_t index, const T& record) {
    const auto& from = given_[index];
    if (from.known)
      made(index, record, [&](std::string_view bytes) {
        return holds(from.texts, bytes) || (block_ && block_->holds(bytes));
      });
  }
  /// The same, where `holds(bytes)` says whether they are in what it was given.
  template <class T, class Holds>
  void made(std::size_t index, const T& record, const Holds& holds) {
    each_text(record, [&](std::string_view bytes, bool viewed) {
      if (viewed && !bytes.empty() && !holds(bytes) && !in_read_only_data(bytes))
        note(index);
    });
  }

  /// The first view that points elsewhere.
  [[nodiscard]] const std::optional<error>& found() const noexcept { return found_; }

private:
  struct texts_given {
    std::vector<std::string_view> texts;
    bool known = false;
  };

  [[nodiscard]] static bool holds(const std::vector<std::string_view>& texts,
                                  std::string_view bytes) noexcept;
  void note(std::size_t index);

  std::vector<std::string> kinds_;
  std::vector<texts_given> given_; ///< By operator of the stage, the head first.
  const block_base* block_ = nullptr;
  std::optional<error> found_;
};

} // namespace weir::detail
