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

sink_factory<dead_letter> dead_letters(producer_options options) {
  return producer_sink<dead_letter>(std::move(options),
                                    [](const dead_letter& letter) { return to_message(letter); });
}

} // namespace weir::kafka
