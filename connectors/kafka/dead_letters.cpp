#include <weir/connectors/kafka/dead_letters.hpp>

namespace weir::kafka {

owned_outgoing to_message(const dead_letter& letter) {
  owned_outgoing message{.key = letter.key, .value = letter.value, .timestamp = letter.timestamp};
  for (const auto& [name, value] : letter.headers)
    message.headers.push_back({name, value});
  const auto say = [&](const char* name, std::string value) {
    message.headers.push_back({name, std::move(value)});
  };
  say("weir-job", letter.job);
  say("weir-operation", letter.operation);
  say("weir-error", std::string(to_string(letter.code)));
  say("weir-message", letter.message);
  say("weir-batch", std::to_string(milliseconds_of(letter.batch)));
  if (!letter.topic.empty())
    say("weir-topic", letter.topic);
  if (letter.partition >= 0)
    say("weir-partition", std::to_string(letter.partition));
  if (letter.offset >= 0)
    say("weir-offset", std::to_string(letter.offset));
  return message;
}

namespace {

/// What is left of each part of a letter that is too large.
constexpr std::size_t kept_bytes = 1024;

std::string cut(std::string_view bytes) { return std::string(bytes.substr(0, kept_bytes)); }

} // namespace

owned_outgoing shorten_letter(const outgoing& letter) {
  owned_outgoing message{.topic = std::string(letter.topic), .timestamp = letter.timestamp};
  std::size_t left_out = 0;
  for (const auto& [name, value] : letter.headers)
    if (name.starts_with("weir-"))
      message.headers.push_back({std::string(name), cut(value.value_or(""))});
    else
      ++left_out;
  const auto say = [&](const char* name, std::size_t number) {
    message.headers.push_back({name, std::to_string(number)});
  };
  if (letter.key) {
    message.key = cut(*letter.key);
    if (letter.key->size() > kept_bytes)
      say("weir-key-bytes", letter.key->size());
  }
  if (letter.value) {
    message.value = cut(*letter.value);
    say("weir-value-bytes", letter.value->size());
  }
  if (left_out > 0)
    say("weir-headers-left-out", left_out);
  return message;
}

sink_factory<dead_letter> dead_letters(producer_options options) {
  constexpr auto encode = [](const dead_letter& letter) { return to_message(letter); };
  auto made = producer_sink<dead_letter>(options, encode);
  made.make = [options = std::move(options), encode]() -> std::unique_ptr<sink<dead_letter>> {
    return std::make_unique<encoding_sink<dead_letter, decltype(encode)>>(options, encode,
                                                                          &shorten_letter);
  };
  return made;
}

} // namespace weir::kafka
