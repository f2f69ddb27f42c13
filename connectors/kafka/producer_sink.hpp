// Writes records to Kafka. Last on the data path.
#pragma once

#include <weir/connectors/kafka/options.hpp>
#include <weir/connectors/kafka/outgoing.hpp>
#include <weir/runtime/sink.hpp>

#include <fmt/core.h>

#include <concepts>
#include <exception>
#include <functional>
#include <memory>
#include <type_traits>

namespace weir::kafka {

/// A shorter message in the place of one that is too large for its topic.
using shorten_function = owned_outgoing (*)(const outgoing&);

/// The client behind the sink: queues copies of records, counts their acknowledgements. Used by one
/// thread at a time.
class producer {
public:
  /// @param shorten asked, once per message, when the client or the broker refuses it as too large;
  /// null: that is a failure.
  explicit producer(producer_options options, shorten_function shorten = nullptr);
  ~producer();
  producer(const producer&) = delete;
  producer& operator=(const producer&) = delete;

  /// Connects; waits up to `connect_timeout`.
  expected<void> open(const replica_context& env);

  /// Copies the record into the client's queue.
  /// @returns blocked when the queue is full; `replica_context::wake` comes when there is room.
  expected<progress> send(const outgoing& record);

  /// done when every record sent so far is acknowledged, blocked while some are not; then wakes.
  /// @returns the first failure of a record of this batch, if one was not delivered.
  expected<progress> flush();

  /// Drops what waits and forgets failures; acknowledgements of what is on its way are no longer
  /// awaited. An idempotent producer that has something on its way is replaced by a new one: its
  /// numbers would have a gap, which brokers refuse.
  void abort() noexcept;
  void close() noexcept;

private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

/// A sink replica that turns records into messages by an encoder.
template <class T, class Encoder>
class encoding_sink final : public sink<T> {
public:
  encoding_sink(producer_options options, Encoder encode, shorten_function shorten = nullptr)
      : producer_(std::move(options), shorten), encode_(std::move(encode)) {}

  expected<void> open(const replica_context& env) override { return producer_.open(env); }

  expected<progress> write(const sink_block<T>& in, std::size_t& written) override {
    for (; written < in.records.size(); ++written) {
      auto sent = encode_and_send(in.records[written]);
      if (!sent || *sent == progress::blocked)
        return sent;
    }
    return progress::done;
  }

  expected<progress> prepare() override { return producer_.flush(); }
  void abort() noexcept override { producer_.abort(); }
  void close() noexcept override { producer_.close(); }

private:
  expected<progress> encode_and_send(const T& value) {
    try {
      const auto& message = std::invoke(
          encode_, value); // may own its bytes: it lives until the client has copied them
      return producer_.send(message);
    } catch (const std::exception& thrown) {
      return error{errc::user_function_failed,
                   fmt::format("the encoder of a Kafka sink threw: {}", thrown.what())};
    } catch (...) {
      return error{errc::user_function_failed, "the encoder of a Kafka sink threw"};
    }
  }

  producer producer_;
  Encoder encode_;
};

/// A sink that writes each record as one Kafka message. At least once: a batch is acknowledged when
/// the broker has acknowledged each of its messages. Use it as `stream.for_each_batch` uses any
/// sink.
///
/// @param encode called as `encode(const T&)`; returns `outgoing` or `owned_outgoing`. Views in an
/// `outgoing` must
///               live until the next call, so an encoder may keep its buffer. Called again for a
///               record that was blocked.
template <class T, class Encoder>
  requires std::is_invocable_v<Encoder&, const T&> &&
           std::convertible_to<std::invoke_result_t<Encoder&, const T&>, outgoing>
[[nodiscard]] sink_factory<T> producer_sink(producer_options options, Encoder encode) {
  auto valid = options.check();
  return {.traits = {.name = fmt::format("kafka({})", options.topic.empty() ? "topic of the record"
                                                                            : options.topic),
                     .parallel = true,
                     .retains = true},
          .make = [options = std::move(options),
                   encode = std::move(encode)]() -> std::unique_ptr<sink<T>> {
            return std::make_unique<encoding_sink<T, Encoder>>(options, encode);
          },
          .valid = std::move(valid)};
}

/// The same for records that are messages already.
template <class T = outgoing>
  requires std::convertible_to<const T&, outgoing>
[[nodiscard]] sink_factory<T> producer_sink(producer_options options) {
  return producer_sink<T>(std::move(options), [](const T& message) -> const T& { return message; });
}

} // namespace weir::kafka
