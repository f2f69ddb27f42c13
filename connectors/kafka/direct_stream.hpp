// Puts a Kafka source into a graph. Next on the data path: internal/receiver.hpp.
#pragma once

#include <source_location>

#include <weir/connectors/kafka/options.hpp>
#include <weir/connectors/kafka/record.hpp>
#include <weir/runtime/source.hpp>

namespace weir::kafka {

/// The source by itself, for embedding under another engine and for tests. `direct_stream` is what jobs use.
/// Its `open` checks the options.
[[nodiscard]] source_factory make_source(direct_stream_options options);

} // namespace weir::kafka
