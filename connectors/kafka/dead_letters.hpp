// Dead letters as Kafka messages. Headers: docs/formats/dead_letters.md.
#pragma once

#include <weir/connectors/kafka/producer_sink.hpp>
#include <weir/runtime/dead_letter.hpp>

namespace weir::kafka {

/// The letter as a message: key, value, headers and timestamp of the record, then headers that
/// begin with `weir-` and say where it came from and what was wrong.
[[nodiscard]] owned_outgoing to_message(const dead_letter& letter);

/// A letter that is too large for its topic, cut: 1,024 bytes of key, value and each header that
/// begins with `weir-`, and headers that say how large it was. No other headers.
[[nodiscard]] owned_outgoing shorten_letter(const outgoing& letter);

/// A sink for `on_error::dead_letter`: one message per letter. The batch is complete when the
/// broker has acknowledged each. A letter that the client or the broker refuses as too large is
/// sent cut, since the record behind it would come again and again.
[[nodiscard]] sink_factory<dead_letter> dead_letters(producer_options options);

} // namespace weir::kafka
