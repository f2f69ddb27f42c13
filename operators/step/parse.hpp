// Turns the text of each record into a value, or hands the record to the error policy.
#pragma once

#include <weir/operators/step/step.hpp>
#include <weir/runtime/expected.hpp>

#include <optional>
#include <string_view>
#include <utility>

namespace weir::step {

namespace detail {

template <class Record>
concept text = std::convertible_to<const Record&, std::string_view>;

template <class Record>
concept message = requires(const Record& record) { std::optional<std::string_view>(record.value); };

} // namespace detail

/// A record that has text: text itself, or a message whose value is text, such as `kafka::record`.
template <class Record>
concept has_text = detail::text<Record> || detail::message<Record>;

/// Passes on what `parser` makes of each record's text. A parser is a copyable class with
///
/// - `static constexpr std::string_view kind`, its name in plans and errors,
/// - `using value`, what it makes; views in a value live until the next call,
/// - `expected<bool> parse(std::string_view text, value& into)`: false when the text holds no
/// value.
///
/// What it refuses, and a null value, is for the error policy: errc::decode or errc::encoding.
template <class Parser>
class parse {
public:
  static constexpr std::string_view kind = Parser::kind;
  /// Views in what it passes on are views of its own memory, not of the record.
  static constexpr bool makes_own_views = true;
  template <class In>
  using output = as_timed_as<In, typename Parser::value>;

  explicit parse(Parser parser) : parser_(std::move(parser)) {}

  /// What is wrong with the parser's options, found when the graph is composed.
  [[nodiscard]] expected<void> check() const {
    if constexpr (requires { parser_.check(); })
      return parser_.check();
    else
      return {};
  }

  template <class Record, class Next>
  void on_record(Record&& record, Next&& next) {
    using plain = untimed_t<std::remove_cvref_t<Record>>;
    static_assert(has_text<plain>, "parsing needs text: a string, or a message whose value is one");
    if constexpr (detail::text<plain>) {
      from_text(std::string_view(value_of(record)), record, next);
    } else {
      const std::optional<std::string_view> value = value_of(record).value;
      if (!value) [[unlikely]]
        next.refused(error(errc::decode, "the record's value is null"));
      else
        from_text(*value, record, next);
    }
  }

private:
  template <class Record, class Next>
  void from_text(std::string_view text, const Record& record, Next& next) {
    typename Parser::value value{};
    auto parsed = parser_.parse(text, value);
    if (!parsed) [[unlikely]]
      next.refused(std::move(parsed).error());
    else if (*parsed)
      next.on_record(with_time_of(record, std::move(value)));
  }

  Parser parser_;
};

} // namespace weir::step
