// Lines of comma-separated values to structs and back. Lines: docs/formats/text.md.
#pragma once

#include <weir/connectors/codec/number.hpp>
#include <weir/operators/action/format_csv.hpp>
#include <weir/operators/step/parse.hpp>
#include <weir/runtime/arena.hpp>
#include <weir/runtime/described.hpp>
#include <weir/runtime/utf8.hpp>

#include <boost/pfr/core.hpp>

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <vector>

namespace weir {

/// How a line of CSV is read.
struct csv_options {
  char separator = ',';
  char quote = '"';
  /// Names of the line's columns, in order; those that no member has are passed over. Empty: the
  /// members of the struct, in order.
  std::vector<std::string> columns{};
  bool skip_header = false; ///< A line that repeats the names of the columns holds no value.
  /// A line must have exactly the columns, and a member that is not optional must have a value.
  /// Else missing values leave the member as it is by default, and further ones are passed over.
  bool strict = true;
  weir::invalid_utf8 invalid_utf8 = weir::invalid_utf8::refuse;
};

namespace detail {

/// One value of a line. What was quoted is text even when it is empty.
struct csv_field {
  std::string_view text;
  bool quoted = false;
};

/// Cuts lines into fields. Fields are views of the line, or of memory that the next line reuses.
class csv_splitter {
public:
  csv_splitter() = default;
  csv_splitter(const csv_splitter&) {}
  csv_splitter& operator=(const csv_splitter&) = delete;

  /// @returns errc::decode for quotes that do not pair, errc::encoding.
  expected<void> split(std::string_view line, const csv_options& how);
  [[nodiscard]] const std::vector<csv_field>& fields() const noexcept { return fields_; }

private:
  expected<std::string_view> unquote(std::string_view& rest, const csv_options& how);

  std::vector<csv_field> fields_;
  arena unescaped_;
  std::string repaired_;
};

[[nodiscard]] error wrong_column(std::string_view column, std::string_view why);

/// @returns null, or what is wrong.
template <class T>
const char* read_csv(const csv_field& field, T& out) {
  if constexpr (nullable<T>) {
    if (field.text.empty() && !field.quoted) {
      out.reset();
      return nullptr;
    }
    return read_csv(field, out.emplace());
  } else if constexpr (std::is_same_v<T, std::string> || std::is_same_v<T, std::string_view>) {
    out = field.text;
    return nullptr;
  } else if constexpr (std::is_same_v<T, bool>) {
    if (field.text != "true" && field.text != "false")
      return "is neither true nor false";
    out = field.text == "true";
    return nullptr;
  } else if constexpr (is_chrono<T>) {
    typename T::rep count{};
    const auto* wrong = read_csv(field, count);
    if constexpr (requires { out.time_since_epoch(); })
      out = T(typename T::duration(count));
    else
      out = T(count);
    return wrong;
  } else if constexpr (std::is_enum_v<T>) {
    std::underlying_type_t<T> number{};
    const auto* wrong = read_csv(field, number);
    out = static_cast<T>(number);
    return wrong;
  } else {
    static_assert(std::is_arithmetic_v<T> && !std::is_same_v<T, char>,
                  "a column of CSV is text, a number, a truth value, a time or an enumeration, or "
                  "an optional of these");
    const auto* end = field.text.data() + field.text.size();
    const auto read = read_number(field.text.data(), end, out);
    if (read.ec == std::errc::result_out_of_range)
      return "is a number out of range";
    if (read.ec != std::errc() || read.ptr != end)
      return std::is_integral_v<T> ? "is no integer" : "is no number";
    return nullptr;
  }
}

/// Members by index, of described structs and of plain aggregates alike.
template <class T>
struct csv_members {
  static constexpr std::size_t count = [] {
    if constexpr (described<T>)
      return member_count<T>;
    else
      return boost::pfr::tuple_size_v<T>;
  }();
  using setter = const char* (*)(const csv_field&, T&);
  using asker = bool (*)();

  template <std::size_t I>
  static decltype(auto) get(T& value) {
    if constexpr (described<T>)
      return (value.*boost::mp11::mp_at_c<members_of<T>, I>::pointer);
    else
      return boost::pfr::get<I>(value);
  }
  template <std::size_t I>
  using member = std::remove_cvref_t<decltype(get<I>(std::declval<T&>()))>;

  static constexpr auto setters = []<std::size_t... I>(std::index_sequence<I...>) {
    return std::array<setter, count>{
        [](const csv_field& field, T& value) { return read_csv(field, get<I>(value)); }...};
  }(std::make_index_sequence<count>());
  static constexpr auto optional = []<std::size_t... I>(std::index_sequence<I...>) {
    return std::array<bool, count>{nullable<member<I>>...};
  }(std::make_index_sequence<count>());
};

} // namespace detail

/// Reads lines of CSV as values of `T`: a described struct, or a plain aggregate whose fields are
/// the columns in order.
template <class T>
class csv_parser {
public:
  static constexpr std::string_view kind = "parse_csv";
  using value = T;

  explicit csv_parser(csv_options options = {}) : options_(std::move(options)) {
    for (std::size_t m = 0; m < members::count; ++m)
      if constexpr (described<T>)
        names_.emplace_back(member_names<T>[m]);
      else
        names_.push_back(std::to_string(m + 1));
    if (options_.columns.empty())
      options_.columns = names_;
    for (const auto& column : options_.columns)
      member_of_.push_back(static_cast<std::size_t>(
          std::find(names_.begin(), names_.end(), column) - names_.begin()));
  }

  /// @returns errc::invalid_config when a member has no column or two, or a separator is no good.
  [[nodiscard]] expected<void> check() const {
    if (options_.separator == options_.quote || options_.separator == '\n' ||
        options_.quote == '\n')
      return error(errc::invalid_config,
                   "parse_csv: separator and quote must differ and be no line end");
    if (!described<T> && options_.columns != names_)
      return error(errc::invalid_config,
                   "parse_csv: columns need names of members: describe the struct with "
                   "BOOST_DESCRIBE_STRUCT");
    for (std::size_t m = 0; m < members::count; ++m) {
      const auto times = std::count(member_of_.begin(), member_of_.end(), m);
      if (times > 1 || (times == 0 && options_.strict && !members::optional[m]))
        return error(errc::invalid_config, "parse_csv: the member '" + names_[m] + "' has " +
                                               std::to_string(times) + " columns");
    }
    return {};
  }

  expected<bool> parse(std::string_view line, T& into) {
    if (auto split = splitter_.split(line, options_); !split)
      return std::move(split).error();
    const auto& fields = splitter_.fields();
    const auto& columns = options_.columns;
    if (fields.size() == 1 && columns.size() > 1 && fields.front().text.empty())
      return false; // a blank line
    if (options_.strict && fields.size() != columns.size())
      return error(errc::decode, "the line has " + std::to_string(fields.size()) +
                                     " columns instead of " + std::to_string(columns.size()));
    if (options_.skip_header && is_header(fields))
      return false;
    for (std::size_t c = 0; c < std::min(fields.size(), columns.size()); ++c) {
      const auto m = member_of_[c];
      if (m == members::count)
        continue;
      if (!options_.strict && fields[c].text.empty() && !fields[c].quoted)
        continue;
      if (const auto* wrong = members::setters[m](fields[c], into))
        return detail::wrong_column(columns[c], wrong);
    }
    return true;
  }

private:
  using members = detail::csv_members<T>;

  [[nodiscard]] bool is_header(const std::vector<detail::csv_field>& fields) const {
    return std::equal(
        fields.begin(), fields.end(), options_.columns.begin(), options_.columns.end(),
        [](const detail::csv_field& field, const std::string& name) { return field.text == name; });
  }

  csv_options options_;
  std::vector<std::string> names_;     ///< Of the members.
  std::vector<std::size_t> member_of_; ///< By column; `members::count` for none.
  detail::csv_splitter splitter_;
};

/// For `stream.apply(parse_csv<T>())`: the value of each line. What is no such line is for the
/// error policy, as errc::decode or errc::encoding. Members may be `std::string_view`; such a view
/// lives until the next record, and is copied where the stage hands its records on.
template <class T>
[[nodiscard]] step::parse<csv_parser<T>> parse_csv(csv_options options = {}) {
  return step::parse<csv_parser<T>>(csv_parser<T>(std::move(options)));
}

} // namespace weir
