// The reader behind json.hpp, on simdjson.
#include <weir/connectors/codec/json.hpp>

#include <weir/connectors/codec/internal/json_escapes.hpp>
#include <weir/connectors/codec/number.hpp>

#include <boost/unordered/unordered_flat_set.hpp>
#include <fmt/format.h>
#include <simdjson.h>

#include <bit>
#include <charconv>
#include <cstring>
#include <deque>
#include <optional>
#include <utility>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace weir::detail {
namespace {

namespace ondemand = simdjson::ondemand;

constexpr int max_depth = 64;
constexpr std::size_t max_document_bytes = std::size_t{64} << 20;

/// The eight bytes at `at`, the first in the lowest bits. All that is read lies in memory with
/// simdjson's padding behind it.
std::uint64_t eight_bytes(const char* at) noexcept {
  std::uint64_t bytes = 0;
  std::memcpy(&bytes, at, sizeof bytes);
  return std::endian::native == std::endian::little ? bytes : std::byteswap(bytes);
}

/// The first '"' or '\\' at or behind `at`. Strings are closed: the parser's first pass saw to it.
#if defined(__SSE2__)
const char* end_of_plain_text(const char* at) noexcept {
  const auto quotes = _mm_set1_epi8('"');
  const auto backslashes = _mm_set1_epi8('\\');
  for (;; at += 16) {
    const auto bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
    const auto ends = _mm_movemask_epi8(
        _mm_or_si128(_mm_cmpeq_epi8(bytes, quotes), _mm_cmpeq_epi8(bytes, backslashes)));
    if (ends != 0)
      return at + std::countr_zero(static_cast<unsigned>(ends));
  }
}
#else
const char* end_of_plain_text(const char* at) noexcept {
  // The high bit of each byte that is `wanted`; bits above the lowest one may be wrong.
  const auto equal = [](std::uint64_t bytes, char wanted) {
    constexpr std::uint64_t ones = 0x0101010101010101;
    const auto differing = bytes ^ (ones * static_cast<unsigned char>(wanted));
    return (differing - ones) & ~differing & (ones << 7);
  };
  for (;; at += 8) {
    const auto bytes = eight_bytes(at);
    if (const auto ends = equal(bytes, '"') | equal(bytes, '\\'))
      return at + std::countr_zero(ends) / 8;
  }
}
#endif

/// key_prefix() of a key in a document, without a loop.
std::uint64_t prefix_of(std::string_view key) noexcept {
  if (key.size() >= 8)
    return eight_bytes(key.data());
  return eight_bytes(key.data()) & ((std::uint64_t{1} << (8 * key.size())) - 1);
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
      const auto prefix = prefix_of(key);
      for (const auto& known : few_)
        if (known.prefix == prefix && known.key == key)
          return false;
      few_.push_back({prefix, key});
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
    std::uint64_t prefix;
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
  const auto read = read_number(token.data(), token.data() + token.size(), number);
  if (read.ec != std::errc())
    return std::nullopt;
  return number;
}

/// Whether all of eight bytes are digits.
bool are_digits(std::uint64_t bytes) noexcept {
  return ((bytes & 0xF0F0F0F0F0F0F0F0) |
          (((bytes + 0x0606060606060606) & 0xF0F0F0F0F0F0F0F0) >> 4)) == 0x3333333333333333;
}

/// The number that eight digits are, the first in the lowest bits: pairs, then fours, then all.
std::int64_t eight_digits(std::uint64_t bytes) noexcept {
  bytes -= 0x3030303030303030;
  bytes = bytes * 10 + (bytes >> 8);
  return static_cast<std::int64_t>(((bytes & 0x000000FF000000FF) * 0x000F424000000064 +
                                    ((bytes >> 16) & 0x000000FF000000FF) * 0x0000271000000001) >>
                                   32);
}

/// An integer of at most 18 digits, which needs no look at its range.
std::optional<std::int64_t> short_integer(std::string_view token) noexcept {
  const bool negative = token.starts_with('-');
  if (negative)
    token.remove_prefix(1);
  if (token.empty() || token.size() > 18 || (token.front() == '0' && token.size() > 1))
    return std::nullopt;
  std::int64_t number = 0;
  for (; token.size() >= 8; token.remove_prefix(8)) {
    const auto bytes = eight_bytes(token.data());
    if (!are_digits(bytes))
      return std::nullopt;
    number = number * 100'000'000 + eight_digits(bytes);
  }
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

/// What a document is that begins with neither '{' nor '[', for the error; simdjson would say which
/// of its functions to call. Bytes beyond ASCII are left to it.
std::optional<error> not_a_container(std::string_view text) {
  const auto begin = text.find_first_not_of(" \t\n\r");
  if (begin == text.npos)
    return error(errc::decode, "the document is blank");
  const char first = text[begin];
  if (first == '{' || first == '[' || static_cast<unsigned char>(first) >= 0x80)
    return std::nullopt;
  if (first == '\0') {
    constexpr std::size_t framing = 5; // of a schema registry: NUL, and the schema's number
    if (begin == 0 && text.size() > framing && (text[framing] == '{' || text[framing] == '[')) {
      std::uint32_t schema = 0;
      for (std::size_t i = 1; i < framing; ++i)
        schema = schema << 8U | static_cast<unsigned char>(text[i]);
      return error(errc::decode, fmt::format("the document begins with the framing of a schema "
                                             "registry (schema {}); cut its 5 bytes off first",
                                             schema));
    }
    const auto zeros = std::min(text.find_first_not_of('\0', begin), text.size()) - begin;
    return error(errc::decode, fmt::format("the document begins with {} NUL bytes, not with an "
                                           "object or an array",
                                           zeros));
  }
  text = text.substr(begin, text.find_last_not_of(" \t\n\r") + 1 - begin);
  const auto is = [](std::string_view what) {
    return error(errc::decode,
                 fmt::format("the document is {}, but must be an object or an array", what));
  };
  if (text == "null" || text == "true" || text == "false" || is_not_finite(text))
    return is(text);
  if (first == '"')
    return is("a text");
  if (kind_of(text) != number_kind::none)
    return is("a number");
  return error(
      errc::decode,
      static_cast<unsigned char>(first) < 0x20 || first == 0x7f
          ? fmt::format("malformed JSON: it begins with the byte 0x{:02x}",
                        static_cast<unsigned char>(first))
          : fmt::format("malformed JSON: it begins with '{}', not with an object or an array",
                        first));
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
  bool left_early = false; ///< An object was left before its end.

  bool wrong(errc code, std::string why) {
    if (!failure)
      failure.emplace(code, std::move(why));
    return false;
  }
  /// The mistake is in the member `name`.
  bool wrong_inside(std::string_view name) {
    if (failure)
      failure = std::move(*failure).with(fmt::format("member '{}'", name));
    return false;
  }
  bool wrong(simdjson::error_code code) {
    return wrong(code == simdjson::UTF8_ERROR ? errc::encoding : errc::decode,
                 fmt::format("malformed JSON: {}", simdjson::error_message(code)));
  }

  /// Of the open object at `depth`.
  key_guard& guard(int depth) {
    while (guards.size() <= static_cast<std::size_t>(depth))
      guards.emplace_back();
    return guards[static_cast<std::size_t>(depth)];
  }

  /// Whether the escapes of a string in the document, which has some at or behind `at`, are whole
  /// characters; halves are mended when that is asked for.
  bool whole_characters(const char* at);

  bool make_room(std::size_t size);
  simdjson::error_code start(std::string_view text, ondemand::document& document);
};

namespace {

/// What comes behind a member of an object.
enum class after { next, leave, failure };

/// A value with what is needed to read it. simdjson's own part stays where the parser left it: to
/// copy it at once would be to wait for the stores that have just written it.
struct node : json_value {
  node(json_reader::impl& r, ondemand::value& v, int d) : reader(&r), value(v), depth(d) {}

  json_reader::impl* reader;
  ondemand::value& value;
  int depth; ///< Containers around it.

  /// The characters of a scalar, or those that begin a container.
  std::string_view token() {
    auto text = value.raw_json_token();
    while (!text.empty() && static_cast<unsigned char>(text.back()) <= ' ')
      text.remove_suffix(1);
    return text;
  }

  /// Calls `use(key, value)` for each member of an object while it says `after::next`.
  template <class Use>
  bool each_member(Use use);
  template <class Use>
  bool each_element(Use use);
  bool text(std::string_view& out);
  template <class Number>
  bool decimal(Number& out);
  bool check();
  after pass_over(std::string_view key, ondemand::value& found);
};

node& of(json_value& value) { return static_cast<node&>(value); }
const node& of(const json_value& value) { return static_cast<const node&>(value); }

template <class Use>
bool node::each_member(Use use) {
  if (depth >= max_depth)
    return reader->wrong(errc::decode,
                         fmt::format("malformed JSON: more than {} levels deep", max_depth));
  ondemand::object object;
  if (value.get_object().get(object))
    return wrong("is no object");
  for (auto found : object) {
    if (const auto code = found.error())
      return reader->wrong(code);
    ondemand::field& field = found.value_unsafe();
    const char* const begin = field.key().raw();
    const char* const end = end_of_plain_text(begin);
    std::string_view key(begin, end);
    if (*end != '"') {
      if (!reader->whole_characters(end))
        return false;
      if (const auto code = field.unescaped_key().get(key))
        return reader->wrong(code);
    }
    switch (use(key, field.value())) {
    case after::next:
      break;
    case after::leave:
      reader->left_early = true;
      return true;
    case after::failure:
      return false;
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
  if (const char* const end = end_of_plain_text(raw.data() + 1); *end == '"') {
    if (end + 1 != raw.data() + raw.size())
      return reader->wrong(simdjson::STRING_ERROR);
    out = raw.substr(1, raw.size() - 2);
    return true;
  }
  if (!reader->whole_characters(raw.data() + 1))
    return false;
  if (const auto code = value.get_string().get(out))
    return reader->wrong(code);
  return true;
}

template <class Number>
bool node::decimal(Number& out) {
  const auto raw = token();
  const auto kind = kind_of(raw);
  if (kind == number_kind::none)
    return wrong("is no number");
  if (strict() && kind == number_kind::integer && !number_of<std::int64_t>(raw))
    return wrong("is an integer beyond 64 bits");
  const auto number = number_of<Number>(raw);
  if (!number)
    return wrong("is a number out of range");
  out = *number;
  return true;
}

/// A value that nobody wants: must be JSON all the same.
bool node::check() {
  const auto raw = token();
  switch (raw.empty() ? '\0' : raw.front()) {
  case '{': {
    reader->guard(depth).clear();
    return each_member(
        [&](std::string_view key, ondemand::value& found) { return pass_over(key, found); });
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

/// A member of this object that nobody wants.
after node::pass_over(std::string_view key, ondemand::value& found) {
  node member(*reader, found, depth + 1);
  if (reader->options.strict && !reader->guard(depth).add(key))
    return member.wrong("an object has a key twice") ? after::next : after::failure;
  return member.check() ? after::next : after::failure;
}

} // namespace

// ---- json_value

bool json_value::strict() const noexcept { return of(*this).reader->options.strict; }

bool json_value::wrong(std::string why) {
  return of(*this).reader->wrong(errc::decode, std::move(why));
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

bool json_value::read(float& out) { return of(*this).decimal(out); }
bool json_value::read(double& out) { return of(*this).decimal(out); }
bool json_value::read(long double& out) { return of(*this).decimal(out); }

bool json_value::read(std::string_view& out) { return of(*this).text(out); }

bool json_value::members(void* to, std::span<const json_member> of_type, std::span<bool> seen) {
  auto& self = of(*this);
  auto& reader = *self.reader;
  const bool strict = reader.options.strict;
  const bool skip = reader.options.skip_unknown;
  if (!skip)
    reader.guard(self.depth).clear();
  std::size_t expected = 0; // documents tend to keep the order of the struct
  std::size_t missing = of_type.size();
  const auto find = [&](std::string_view key) {
    const auto prefix = prefix_of(key);
    const auto is = [&](std::size_t m) {
      const auto& name = of_type[m].name;
      return of_type[m].prefix == prefix && name.size() == key.size() &&
             (key.size() <= sizeof prefix || name == key);
    };
    if (expected < of_type.size() && is(expected))
      return expected;
    std::size_t m = 0;
    while (m < of_type.size() && !is(m))
      ++m;
    return m;
  };
  const auto use = [&](std::string_view key, ondemand::value& found) {
    const auto m = find(key);
    if (m == of_type.size())
      return skip ? after::next : self.pass_over(key, found);
    const auto& member = of_type[m];
    node value(reader, found, self.depth + 1);
    expected = m + 1;
    if (seen[m] && strict) {
      (void)value.wrong("is there twice");
      return (void)reader.wrong_inside(member.name), after::failure;
    }
    if (!strict && !member.optional && value.is_null())
      return after::next;
    missing -= !std::exchange(seen[m], true);
    if (!member.read(value, to))
      return (void)reader.wrong_inside(member.name), after::failure;
    return skip && missing == 0 ? after::leave : after::next;
  };
  if (!self.each_member(use))
    return false;
  if (strict && missing != 0)
    for (std::size_t m = 0; m < of_type.size(); ++m)
      if (!seen[m] && !of_type[m].optional) {
        (void)wrong("is missing");
        return reader.wrong_inside(of_type[m].name);
      }
  return true;
}

bool json_value::entries(void* to, bool (*entry)(void*, std::string_view, json_value&)) {
  auto& self = of(*this);
  return self.each_member([&](std::string_view key, ondemand::value& found) {
    node value(*self.reader, found, self.depth + 1);
    return entry(to, key, value) ? after::next : after::failure;
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

bool json_reader::impl::whole_characters(const char* at) {
  char* const begin = padded.data() + (at - padded.data());
  if (options.invalid_utf8 == invalid_utf8::replace)
    replace_half_characters(begin);
  else if (has_half_character(begin))
    return wrong(errc::decode, "an escape is half a character: a surrogate without its other "
                               "half; set invalid_utf8 to replace to read U+FFFD in its place");
  return true;
}

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
  own.left_early = false;
  if (text.size() > max_document_bytes)
    return error(errc::decode, fmt::format("the document has {} bytes; {} are allowed", text.size(),
                                           max_document_bytes));
  if (const auto foreign = encoding_of_json(text); !foreign.empty())
    return error(errc::encoding,
                 fmt::format("the document is {}; JSON is read as UTF-8: convert it", foreign));
  text = without_mark(text);
  if (without_mark(text).size() < text.size())
    return error(errc::encoding, "the document begins with two byte order marks; remove them");
  if (text.empty() || !own.make_room(text.size()))
    return own.failure ? *own.failure : error(errc::decode, "the document is empty");
  if (auto other = not_a_container(text))
    return std::move(*other);
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
