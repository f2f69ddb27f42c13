// The reader behind json.hpp, on simdjson.
#include <weir/connectors/codec/json.hpp>

#include <boost/unordered/unordered_flat_set.hpp>
#include <fmt/format.h>
#include <simdjson.h>

#include <bit>
#include <charconv>
#include <cstring>
#include <deque>
#include <optional>
#include <utility>

namespace weir::detail {
namespace {

namespace ondemand = simdjson::ondemand;

constexpr int max_depth = 64;
constexpr std::size_t max_document_bytes = std::size_t{64} << 20;

/// The eight bytes at `at`. All that is read lies in memory with simdjson's padding behind it.
std::uint64_t eight_bytes(const char* at) noexcept {
  std::uint64_t bytes = 0;
  std::memcpy(&bytes, at, sizeof bytes);
  return bytes;
}

/// The high bit of each byte of `bytes` that is `wanted`; bits above the lowest one may be wrong.
std::uint64_t bytes_equal(std::uint64_t bytes, char wanted) noexcept {
  constexpr std::uint64_t ones = 0x0101010101010101;
  const auto differing = bytes ^ (ones * static_cast<unsigned char>(wanted));
  return (differing - ones) & ~differing & (ones << 7);
}

/// The keys of one object that no member has: none may come twice.
class key_guard {
public:
  void clear() {
    few_.clear();
    many_.clear();
  }
  /// @returns whether the key is new.
  bool add(std::string_view key) {
    if (few_.size() < compared_at_most) {
      const auto bits = key.size() < 8 ? (8 - key.size()) * 8 : 0;
      const auto begins = key.empty() ? 0 : eight_bytes(key.data()) << bits;
      for (const auto& known : few_)
        if (known.begins == begins && known.key == key)
          return false;
      few_.push_back({begins, key});
      return true;
    }
    if (many_.empty())
      for (const auto& known : few_)
        many_.insert(known.key);
    return many_.insert(key).second;
  }

private:
  static constexpr std::size_t compared_at_most = 16;
  struct entry {
    std::uint64_t begins; ///< The first eight bytes: tells most keys apart.
    std::string_view key;
  };
  std::vector<entry> few_;
  boost::unordered_flat_set<std::string_view> many_;
};

enum class number_kind { none, integer, decimal };

/// What kind of number a token is by JSON's grammar.
number_kind kind_of(std::string_view token) noexcept {
  const char* at = token.data();
  const char* const end = at + token.size();
  const auto digits = [&] {
    const char* const from = at;
    while (at != end && *at >= '0' && *at <= '9')
      ++at;
    return at - from;
  };
  if (at != end && *at == '-')
    ++at;
  const bool zero = at != end && *at == '0';
  const auto whole = digits();
  if (whole == 0 || (zero && whole > 1))
    return number_kind::none;
  if (at == end)
    return number_kind::integer;
  if (*at == '.') {
    ++at;
    if (digits() == 0)
      return number_kind::none;
  }
  if (at != end && (*at == 'e' || *at == 'E')) {
    ++at;
    if (at != end && (*at == '+' || *at == '-'))
      ++at;
    if (digits() == 0)
      return number_kind::none;
  }
  return at == end ? number_kind::decimal : number_kind::none;
}

template <class Number>
std::optional<Number> number_of(std::string_view token) noexcept {
  Number number{};
  const auto read = std::from_chars(token.data(), token.data() + token.size(), number);
  if (read.ec != std::errc())
    return std::nullopt;
  return number;
}

/// An integer of at most 18 digits, which needs no look at its range.
std::optional<std::int64_t> short_integer(std::string_view token) noexcept {
  const bool negative = token.starts_with('-');
  if (negative)
    token.remove_prefix(1);
  if (token.empty() || token.size() > 18 || (token.front() == '0' && token.size() > 1))
    return std::nullopt;
  std::int64_t number = 0;
  for (const char c : token) {
    if (c < '0' || c > '9')
      return std::nullopt;
    number = number * 10 + (c - '0');
  }
  return negative ? -number : number;
}

bool is_not_finite(std::string_view token) noexcept {
  return token == "NaN" || token == "Infinity" || token == "-Infinity";
}

} // namespace

struct json_reader::impl {
  explicit impl(json_options o) : options(o) {}

  json_options options;
  ondemand::parser parser;
  std::vector<char> padded;     ///< The document and simdjson's padding behind it.
  std::string repaired;         ///< The document in UTF-8, when it came otherwise.
  std::deque<key_guard> guards; ///< By depth. A deque: they stay where they are.
  std::optional<error> failure;
  bool enough = false;     ///< The open object needs no further member.
  bool left_early = false; ///< An object was left before its end.

  bool wrong(errc code, std::string why) {
    if (!failure)
      failure.emplace(code, std::move(why));
    return false;
  }
  bool wrong(simdjson::error_code code) {
    return wrong(code == simdjson::UTF8_ERROR ? errc::encoding : errc::decode,
                 fmt::format("malformed JSON: {}", simdjson::error_message(code)));
  }

  bool make_room(std::size_t size);
  simdjson::error_code start(std::string_view text, ondemand::document& document);
};

namespace {

/// A value with what is needed to read it.
struct node : json_value {
  node(json_reader::impl& r, ondemand::value v, int d) : reader(&r), value(v), depth(d) {}

  json_reader::impl* reader;
  ondemand::value value;
  int depth; ///< Containers around it.

  /// The characters of a scalar, or those that begin a container.
  std::string_view token() {
    auto text = value.raw_json_token();
    while (!text.empty() && static_cast<unsigned char>(text.back()) <= ' ')
      text.remove_suffix(1);
    return text;
  }

  template <class Use>
  bool each_member(Use use);
  template <class Use>
  bool each_element(Use use);
  bool text(std::string_view& out);
  bool check();
};

node& of(json_value& value) { return static_cast<node&>(value); }
const node& of(const json_value& value) { return static_cast<const node&>(value); }

/// The characters of a key: as they stand in the document, unless something in them is escaped.
bool key_of(json_reader::impl& reader, ondemand::field& field, std::string_view& key) {
  const char* const from = field.key().raw();
  const char* at = from;
  for (;; at += 8) { // a string is closed: the parser's first pass has seen to it
    const auto bytes = eight_bytes(at);
    if (const auto ends = bytes_equal(bytes, '"') | bytes_equal(bytes, '\\')) {
      at += std::countr_zero(ends) / 8;
      break;
    }
  }
  if (*at == '"') {
    key = {from, static_cast<std::size_t>(at - from)};
    return true;
  }
  if (const auto code = field.unescaped_key().get(key))
    return reader.wrong(code);
  return true;
}

template <class Use>
bool node::each_member(Use use) {
  if (depth >= max_depth)
    return reader->wrong(errc::decode,
                         fmt::format("malformed JSON: more than {} levels deep", max_depth));
  ondemand::object object;
  if (value.get_object().get(object))
    return wrong("is no object");
  for (auto found : object) {
    ondemand::field field;
    if (const auto code = std::move(found).get(field))
      return reader->wrong(code);
    std::string_view key;
    if (!key_of(*reader, field, key))
      return false;
    node member(*reader, field.value(), depth + 1);
    if (!use(key, member))
      return false;
    if (std::exchange(reader->enough, false)) {
      reader->left_early = true;
      return true;
    }
  }
  return true;
}

template <class Use>
bool node::each_element(Use use) {
  if (depth >= max_depth)
    return reader->wrong(errc::decode,
                         fmt::format("malformed JSON: more than {} levels deep", max_depth));
  ondemand::array array;
  if (value.get_array().get(array))
    return wrong("is no array");
  for (auto found : array) {
    ondemand::value element;
    if (const auto code = std::move(found).get(element))
      return reader->wrong(code);
    node one(*reader, element, depth + 1);
    if (!use(one))
      return false;
  }
  return true;
}

bool node::text(std::string_view& out) {
  const auto raw = token();
  if (raw.size() < 2 || raw.front() != '"')
    return wrong("is no text");
  if (!std::memchr(raw.data(), '\\', raw.size())) {
    if (raw.back() != '"')
      return reader->wrong(simdjson::STRING_ERROR);
    out = raw.substr(1, raw.size() - 2);
    return true;
  }
  if (const auto code = value.get_string().get(out))
    return reader->wrong(code);
  return true;
}

/// A value that nobody wants: must be JSON all the same.
bool node::check() {
  const auto raw = token();
  switch (raw.empty() ? '\0' : raw.front()) {
  case '{': {
    const auto level = static_cast<std::size_t>(depth);
    while (reader->guards.size() <= level)
      reader->guards.emplace_back();
    reader->guards[level].clear();
    return each_member([&](std::string_view key, node& member) {
      if (reader->options.strict && !reader->guards[level].add(key))
        return member.wrong("an object has a key twice");
      return member.check();
    });
  }
  case '[':
    return each_element([](node& element) { return element.check(); });
  case '"': {
    std::string_view unused;
    return text(unused);
  }
  default:
    if (short_integer(raw) || raw == "true" || raw == "false" || raw == "null" ||
        (!reader->options.strict && is_not_finite(raw)))
      return true;
    const auto kind = kind_of(raw);
    if (kind == number_kind::none)
      return reader->wrong(errc::decode, "malformed JSON: a word that is no value");
    if (reader->options.strict && kind == number_kind::integer && !number_of<std::int64_t>(raw))
      return wrong("is an integer beyond 64 bits");
    return true;
  }
}

} // namespace

// ---- json_value

bool json_value::strict() const noexcept { return of(*this).reader->options.strict; }

bool json_value::skips_unknown() const noexcept { return of(*this).reader->options.skip_unknown; }

bool json_value::wrong(std::string why) {
  return of(*this).reader->wrong(errc::decode, std::move(why));
}

void json_value::inside(std::string_view name) {
  if (auto& failure = of(*this).reader->failure)
    failure = std::move(*failure).with(fmt::format("member '{}'", name));
}

bool json_value::is_null() {
  const auto token = of(*this).token();
  return token == "null" || (!strict() && is_not_finite(token));
}

bool json_value::read(bool& out) {
  const auto token = of(*this).token();
  if (token != "true" && token != "false")
    return wrong("is neither true nor false");
  out = token == "true";
  return true;
}

bool json_value::read(std::int64_t& out) {
  const auto token = of(*this).token();
  if (const auto number = short_integer(token)) {
    out = *number;
    return true;
  }
  if (kind_of(token) != number_kind::integer)
    return wrong("is no integer");
  const auto number = number_of<std::int64_t>(token);
  if (!number)
    return wrong("is an integer beyond 64 bits");
  out = *number;
  return true;
}

bool json_value::read(std::uint64_t& out) {
  const auto token = of(*this).token();
  if (kind_of(token) != number_kind::integer)
    return wrong("is no integer");
  const auto number = number_of<std::uint64_t>(token);
  if (!number)
    return wrong(token.front() == '-' ? "is a number out of range"
                                      : "is an integer beyond 64 bits");
  out = *number;
  return true;
}

bool json_value::read(double& out) {
  const auto token = of(*this).token();
  const auto kind = kind_of(token);
  if (kind == number_kind::none)
    return wrong("is no number");
  if (strict() && kind == number_kind::integer && !number_of<std::int64_t>(token))
    return wrong("is an integer beyond 64 bits");
  const auto number = number_of<double>(token);
  if (!number)
    return wrong("is a number out of range");
  out = *number;
  return true;
}

bool json_value::read(std::string_view& out) { return of(*this).text(out); }

bool json_value::object(void* to, taken (*member)(void*, std::string_view, json_value&)) {
  auto& self = of(*this);
  auto& reader = *self.reader;
  const auto level = static_cast<std::size_t>(self.depth);
  if (!reader.options.skip_unknown) {
    while (reader.guards.size() <= level)
      reader.guards.emplace_back();
    reader.guards[level].clear();
  }
  return self.each_member([&](std::string_view key, node& value) {
    switch (member(to, key, value)) {
    case taken::yes:
      return true;
    case taken::last:
      reader.enough = true;
      return true;
    case taken::not_wanted:
      if (reader.options.skip_unknown)
        return true;
      if (reader.options.strict && !reader.guards[level].add(key))
        return value.wrong("an object has a key twice");
      return value.check();
    case taken::failed:
      return false;
    }
    return false;
  });
}

bool json_value::array(void* to, bool (*element)(void*, json_value&)) {
  return of(*this).each_element([&](node& value) { return element(to, value); });
}

// ---- json_reader

json_reader::json_reader(json_options options) : impl_(std::make_unique<impl>(options)) {}
json_reader::json_reader(const json_reader& other) : json_reader(other.impl_->options) {}
json_reader::json_reader(json_reader&&) noexcept = default;
json_reader::~json_reader() = default;

bool json_reader::impl::make_room(std::size_t size) {
  if (padded.size() >= size + simdjson::SIMDJSON_PADDING)
    return true;
  const auto capacity = std::bit_ceil(size + simdjson::SIMDJSON_PADDING);
  padded.assign(capacity, ' ');
  const auto code = parser.allocate(capacity);
  return code == simdjson::SUCCESS || wrong(code);
}

/// Copies the text to where simdjson may read past its end, and makes the first pass.
simdjson::error_code json_reader::impl::start(std::string_view text, ondemand::document& document) {
  std::memcpy(padded.data(), text.data(), text.size());
  std::memset(padded.data() + text.size(), ' ', simdjson::SIMDJSON_PADDING);
  return parser.iterate(simdjson::padded_string_view(padded.data(), text.size(), padded.size()))
      .get(document);
}

expected<bool> json_reader::read(std::string_view text, void* to,
                                 bool (*root)(void*, json_value&)) {
  auto& own = *impl_;
  own.failure.reset();
  own.enough = own.left_early = false;
  if (text.size() > max_document_bytes)
    return error(errc::decode, fmt::format("the document has {} bytes; {} are allowed", text.size(),
                                           max_document_bytes));
  if (text.empty() || !own.make_room(text.size()))
    return own.failure ? *own.failure : error(errc::decode, "the document is empty");
  ondemand::document document;
  auto code = own.start(text, document);
  if (code == simdjson::UTF8_ERROR && own.options.invalid_utf8 == invalid_utf8::replace) {
    own.repaired.clear();
    append_as_utf8(text, own.repaired);
    if (own.make_room(own.repaired.size()))
      code = own.start(own.repaired, document);
  }
  ondemand::value value;
  if (code == simdjson::SUCCESS)
    code = document.get_value().get(value);
  if (code != simdjson::SUCCESS) {
    (void)own.wrong(code);
    return *own.failure;
  }
  node all(own, value, 0);
  if (!root(to, all))
    return own.failure ? *own.failure
                       : error(errc::internal, "reading JSON failed without a reason");
  if (!own.left_early && document.current_location().error() != simdjson::OUT_OF_BOUNDS)
    return error(errc::decode, "malformed JSON: something follows the value");
  return true;
}

} // namespace weir::detail
