#include <weir/connectors/file/dead_letter_files.hpp>

#include <weir/connectors/file/internal/durable.hpp>
#include <weir/operators/action/format_json.hpp>
#include <weir/runtime/batch.hpp>
#include <weir/runtime/paths.hpp>
#include <weir/runtime/utf8.hpp>

#include <cstdio>

namespace weir {
namespace {

namespace fs = std::filesystem;
using detail::file_error;

/// What a line has, in its order.
struct letter_line {
  std::string job{};
  std::string operation{};
  std::string_view error{};
  std::string message{};
  event_time batch{};
  std::optional<std::string> topic{};
  std::optional<std::int32_t> partition{};
  std::optional<std::int64_t> offset{};
  std::optional<event_time> timestamp{};
  std::optional<std::string> key{};
  std::optional<std::string> key_base64{};
  std::optional<std::string> value{};
  std::optional<std::string> value_base64{};
  std::vector<std::pair<std::string, std::optional<std::string>>> headers{};
};
BOOST_DESCRIBE_STRUCT(letter_line, (),
                      (job, operation, error, message, batch, topic, partition, offset, timestamp,
                       key, key_base64, value, value_base64, headers))

std::string base64(std::string_view bytes) {
  constexpr std::string_view digits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const auto byte = [&](std::size_t at) {
      return at < bytes.size() ? static_cast<unsigned char>(bytes[at]) : 0U;
    };
    const unsigned three = byte(i) << 16U | byte(i + 1) << 8U | byte(i + 2);
    for (unsigned digit = 0; digit < 4; ++digit)
      text += i + digit > bytes.size() ? '=' : digits[three >> (18 - 6 * digit) & 63U];
  }
  return text;
}

/// Bytes that are text stand in a line as they are, others in base 64.
void put(const std::optional<std::string>& bytes, std::optional<std::string>& text,
         std::optional<std::string>& encoded) {
  if (bytes && is_utf8(*bytes))
    text = bytes;
  else if (bytes)
    encoded = base64(*bytes);
}

/// By header, name and value in base 64 where they are no text.
using encoded_headers =
    std::vector<std::pair<std::optional<std::string>, std::optional<std::string>>>;

/// Headers as they stand in a line. @returns what else must stand there; empty when all are text.
encoded_headers put_headers(const dead_letter& letter, letter_line& line) {
  bool some = false;
  encoded_headers all;
  for (const auto& [name, value] : letter.headers) {
    auto& shown = line.headers.emplace_back(name, std::nullopt);
    auto& encoded = all.emplace_back();
    if (!is_utf8(name))
      encoded.first = base64(name);
    put(value, shown.second, encoded.second);
    some = some || encoded.first || encoded.second;
  }
  return some ? std::move(all) : encoded_headers();
}

/// Writes to a hidden file that is renamed when the batch is committed.
class dead_letter_file final : public sink<dead_letter> {
public:
  explicit dead_letter_file(std::string prefix) : prefix_(std::move(prefix)) {}
  ~dead_letter_file() override { discard(); }

  expected<void> open(const replica_context& context) override {
    suffix_ = fmt::format("{}-{}", context.node.value, context.index);
    return {};
  }

  expected<void> begin(const batch& whole) override {
    discard();
    final_ = fmt::format("{}-{}-{}.jsonl", prefix_, milliseconds_of(whole.time), suffix_);
    temporary_ =
        final_.parent_path() / fmt::format(".{}.{}.tmp", final_.filename().string(), ::getpid());
    return {};
  }

  expected<progress> write(const sink_block<dead_letter>& in, std::size_t& written) override {
    if (auto opened = file_for_writing(); !opened)
      return std::move(opened).error();
    for (const auto& letter : in.records) {
      const auto line = to_json_line(letter) + '\n';
      if (std::fwrite(line.data(), 1, line.size(), file_) != line.size())
        return file_error("cannot write to", temporary_, errno);
    }
    written = in.records.size();
    return progress::done;
  }

  expected<progress> prepare() override {
    if (!file_)
      return progress::done;
    const int synced = std::fflush(file_) == 0 ? ::fsync(::fileno(file_)) : -1;
    if (synced != 0)
      return file_error("cannot sync", temporary_, errno);
    return progress::done;
  }

  expected<progress> commit() override {
    if (!file_)
      return progress::done;
    std::error_code code;
    fs::rename(temporary_, final_, code);
    if (code)
      return file_error("cannot publish", final_, code.value());
    std::fclose(std::exchange(file_, nullptr));
    if (auto synced = detail::sync_directory(final_.parent_path()); !synced)
      return std::move(synced).error();
    return progress::done;
  }

  void abort() noexcept override { discard(); }

private:
  expected<void> file_for_writing() {
    if (file_)
      return {};
    std::error_code code;
    if (const auto parent = final_.parent_path(); !parent.empty())
      fs::create_directories(parent, code);
    if (code)
      return file_error("cannot create the directory", final_.parent_path(), code.value());
    file_ = std::fopen(temporary_.c_str(), "we");
    if (!file_)
      return file_error("cannot create", temporary_, errno);
    return {};
  }

  void discard() noexcept {
    if (!file_)
      return;
    std::fclose(std::exchange(file_, nullptr));
    std::error_code ignored;
    fs::remove(temporary_, ignored);
  }

  std::string prefix_;
  std::string suffix_;
  fs::path final_;
  fs::path temporary_;
  std::FILE* file_ = nullptr; ///< Null until the batch has a letter.
};

} // namespace

std::string to_json_line(const dead_letter& letter) {
  letter_line line{.job = letter.job,
                   .operation = letter.operation,
                   .error = to_string(letter.code),
                   .message = letter.message,
                   .batch = std::chrono::floor<std::chrono::milliseconds>(letter.batch),
                   .timestamp = letter.timestamp};
  if (!letter.topic.empty())
    line.topic = letter.topic;
  if (letter.partition >= 0)
    line.partition = letter.partition;
  if (letter.offset >= 0)
    line.offset = letter.offset;
  put(letter.key, line.key, line.key_base64);
  put(letter.value, line.value, line.value_base64);
  const auto encoded = put_headers(letter, line);
  auto text = to_json(line);
  if (!encoded.empty()) {
    text.pop_back();
    text += fmt::format(",\"headers_base64\":{}}}", to_json(encoded));
  }
  return text;
}

sink_factory<dead_letter> dead_letter_files(std::string prefix) {
  auto valid = check_path("dead_letter_files: the prefix", prefix);
  return {.traits = {.name = "dead_letter_files", .parallel = true, .blocking = true},
          .make = [prefix = std::move(prefix)]() -> std::unique_ptr<sink<dead_letter>> {
            return std::make_unique<dead_letter_file>(prefix);
          },
          .valid = std::move(valid)};
}

} // namespace weir
