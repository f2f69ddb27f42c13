// JSON text to structs. Needs the component weir::json. Mapping: docs/formats/text.md. Back to
// text: operators/action/format_json.hpp.
#pragma once

#include <weir/operators/action/format_json.hpp>
#include <weir/operators/step/parse.hpp>
#include <weir/runtime/described.hpp>
#include <weir/runtime/utf8.hpp>

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace weir {

/// How JSON text is read.
struct json_options {
  /// Refuses a key that an object has twice, integers beyond 64 bits, NaN and infinity, null for a
  /// member that is not optional, and its absence. Else the last key counts, large integers are
  /// read as floating-point numbers, NaN and infinity as null, and a member without a value stays
  /// as it is by default. Keys that no member has are passed over in either case, yet must be
  /// well-formed.
  bool strict = true;
  /// Passes over what no member has without a look at it, and ends with the last member found: what
  /// follows need not be JSON beyond its quotes and brackets, and may hold a key twice. Reads wide
  /// documents at a multiple of the speed.
  bool skip_unknown = false;
  weir::invalid_utf8 invalid_utf8 = weir::invalid_utf8::refuse;
};

namespace detail {

class json_value;

/// The first eight bytes of a key as a number, which tells most keys apart at once.
constexpr std::uint64_t key_prefix(std::string_view key) noexcept {
  std::uint64_t prefix = 0;
  for (std::size_t i = 0; i < std::min<std::size_t>(key.size(), 8); ++i)
    prefix |= std::uint64_t{static_cast<unsigned char>(key[i])} << (8 * i);
  return prefix;
}

/// A member of a struct, to the reader.
struct json_member {
  std::string_view name;
  std::uint64_t prefix; ///< key_prefix(name)
  bool optional;        ///< May be missing or null.
  bool (*read)(json_value& in, void* to);
};

/// One value of a document that is being read: what the reader, which knows the format, offers to
/// the templates below, which know the types. A call that returns false has noted what is wrong.
class json_value {
public:
  json_value(const json_value&) = delete;
  json_value& operator=(const json_value&) = delete;

  [[nodiscard]] bool strict() const noexcept;
  /// Null, or what a lenient reader takes for it.
  [[nodiscard]] bool is_null();
  bool read(bool& out);
  bool read(std::int64_t& out);
  bool read(std::uint64_t& out);
  bool read(float& out);
  bool read(double& out);
  bool read(long double& out);
  bool read(std::string_view& out); ///< A view that lives until the next document.

  /// Reads an object as a struct whose members are `of`; `seen` tells by member whether the object
  /// named it. What no member has is checked all the same, unless it is to be skipped: then the
  /// object is read up to the last member.
  bool members(void* to, std::span<const json_member> of, std::span<bool> seen);
  /// Calls `entry(to, key, value)` for each member of an object. Keys are views that live until the
  /// next document.
  bool entries(void* to, bool (*entry)(void* to, std::string_view key, json_value& value));
  /// Calls `element(to, value)` for each element of an array.
  bool array(void* to, bool (*element)(void* to, json_value& value));

  bool wrong(std::string why);

protected:
  json_value() = default;
  ~json_value() = default;
};

/// Parses documents one after another.
class json_reader {
public:
  explicit json_reader(json_options options);
  json_reader(const json_reader& other);
  json_reader& operator=(const json_reader&) = delete;
  json_reader(json_reader&&) noexcept;
  ~json_reader();

  /// Calls `root(to, value)` with the document's object or array.
  /// @returns errc::decode or errc::encoding.
  expected<bool> read(std::string_view text, void* to, bool (*root)(void* to, json_value& value));

  struct impl;

private:
  std::unique_ptr<impl> impl_;
};

template <class T>
bool read_json(json_value& in, T& out);

template <class T>
inline constexpr auto json_members = []<class... M>(boost::mp11::mp_list<M...>) {
  return std::array<json_member, sizeof...(M)>{json_member{
      .name = M::name,
      .prefix = key_prefix(M::name),
      .optional = nullable<std::remove_cvref_t<decltype(std::declval<T&>().*M::pointer)>>,
      .read = [](json_value& in, void* to) {
        return read_json(in, static_cast<T*>(to)->*M::pointer);
      }}...};
}(boost::mp11::mp_rename<members_of<T>, boost::mp11::mp_list>{});

template <class T>
concept json_sequence = requires(T values) {
  values.push_back(std::declval<typename T::value_type>());
  values.clear();
};

template <class T>
bool read_json(json_value& in, T& out) {
  if constexpr (std::is_same_v<T, bool> || std::is_same_v<T, std::string_view>) {
    return in.read(out);
  } else if constexpr (std::is_same_v<T, std::string>) {
    std::string_view text;
    if (!in.read(text))
      return false;
    out = text;
    return true;
  } else if constexpr (std::is_integral_v<T>) {
    std::conditional_t<std::is_signed_v<T>, std::int64_t, std::uint64_t> wide{};
    if (!in.read(wide))
      return false;
    if (!std::in_range<T>(wide))
      return in.wrong("is a number out of range");
    out = static_cast<T>(wide);
    return true;
  } else if constexpr (std::is_floating_point_v<T>) {
    return in.read(out);
  } else if constexpr (std::is_enum_v<T>) {
    std::underlying_type_t<T> number{};
    if (!read_json(in, number))
      return false;
    out = static_cast<T>(number);
    return true;
  } else if constexpr (is_chrono<T>) {
    typename T::rep count{};
    if (!read_json(in, count))
      return false;
    if constexpr (requires { out.time_since_epoch(); })
      out = T(typename T::duration(count));
    else
      out = T(count);
    return true;
  } else if constexpr (nullable<T>) {
    if (in.is_null()) {
      out.reset();
      return true;
    }
    return read_json(in, out.emplace());
  } else if constexpr (described<T>) {
    out = T{}; // a key that comes twice: nothing of the first value stays
    std::array<bool, member_count<T>> seen{};
    return in.members(&out, json_members<T>, seen);
  } else if constexpr (json_table<T>) {
    out.clear();
    return in.entries(&out, [](void* to, std::string_view key, json_value& value) {
      auto& table = *static_cast<T*>(to);
      auto [entry, added] = table.try_emplace(typename T::key_type(key));
      if (!added && value.strict())
        return value.wrong("an object has a key twice");
      return read_json(value, entry->second);
    });
  } else {
    static_assert(json_sequence<T>,
                  "weir does not know this type's members: describe it with BOOST_DESCRIBE_STRUCT");
    out.clear();
    return in.array(&out, [](void* to, json_value& value) {
      typename T::value_type element{};
      if (!read_json(value, element))
        return false;
      static_cast<T*>(to)->push_back(std::move(element));
      return true;
    });
  }
}

} // namespace detail

/// Reads JSON documents as values of `T`: a described struct, a table of text keys, or a sequence.
template <class T>
class json_parser {
public:
  static constexpr std::string_view kind = "parse_json";
  using value = T;

  explicit json_parser(json_options options = {}) : reader_(options) {}

  expected<bool> parse(std::string_view text, T& into) {
    return reader_.read(text, &into, [](void* to, detail::json_value& root) {
      return detail::read_json(root, *static_cast<T*>(to));
    });
  }

private:
  detail::json_reader reader_;
};

/// For `stream.apply(parse_json<T>())`: the value of each document. What is no such document is for
/// the error policy, as errc::decode or errc::encoding. Members may be `std::string_view`; such a
/// view lives until the next record, and is copied where the stage hands its records on.
template <class T>
[[nodiscard]] step::parse<json_parser<T>> parse_json(json_options options = {}) {
  return step::parse<json_parser<T>>(json_parser<T>(options));
}

} // namespace weir
