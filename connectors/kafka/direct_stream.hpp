// Puts a Kafka source into a graph. Next on the data path: internal/receiver.hpp.
#pragma once

#include <weir/connectors/kafka/options.hpp>
#include <weir/connectors/kafka/record.hpp>
#include <weir/operators/stream.hpp>
#include <weir/runtime/context.hpp>
#include <weir/runtime/source.hpp>

#include <source_location>

namespace weir::kafka {

/// Records of Kafka topics, without a receiver process or a log of weir's own: each batch is an
/// offset range per partition, and the group's offsets follow when every sink has acknowledged the
/// batch.
///
///     weir::kafka::direct_stream(*ctx, {.brokers = "localhost:9092", .topics = {"lines"}, .group =
///     "word-count"})
///
/// Mistakes in the options are reported by `context::start`, with the line of this call.
[[nodiscard]] stream<record>
direct_stream(context& to, direct_stream_options options,
              std::source_location where = std::source_location::current());

/// The source by itself, for other executors and for tests. Its `open` checks the options.
[[nodiscard]] source_factory make_source(direct_stream_options options);

} // namespace weir::kafka
