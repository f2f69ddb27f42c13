// Where host code takes results out of a running job. The other end of push/inlet.hpp.
#pragma once

#include <weir/operators/stream.hpp>

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

namespace weir {

/// The host's end of a sink: a bounded queue of records. A cheap handle; copies are the same
/// outlet. Any number of threads may pop; records of one partition come in order.
///
/// Records come as they reach the sink, before their batch is complete: those of a batch that is
/// aborted come again. When the outlet is full the sink takes no more, and in time the job reads no
/// more.
template <class T>
class outlet {
public:
  using value_type = owned_t<T>;

  /// @param capacity records, >= 1. Their storage is taken once.
  explicit outlet(std::size_t capacity = 1024) : queue_(std::make_shared<queue>(capacity)) {}

  /// The next record, if one is there.
  [[nodiscard]] std::optional<value_type> try_pop() const {
    std::unique_lock lock(queue_->mutex);
    return queue_->take(lock);
  }

  /// Waits for the next record. @returns nullopt when none is left and the job has ended.
  [[nodiscard]] std::optional<value_type> pop() const {
    std::unique_lock lock(queue_->mutex);
    queue_->filled.wait(lock, [&] { return queue_->count > 0 || queue_->ended; });
    return queue_->take(lock);
  }

  /// Waits at most `limit` of real time. @returns nullopt when no record came by then.
  [[nodiscard]] std::optional<value_type> pop_for(duration limit) const {
    std::unique_lock lock(queue_->mutex);
    queue_->filled.wait_until(lock, deadline_after(std::chrono::steady_clock::now(), limit),
                              [&] { return queue_->count > 0 || queue_->ended; });
    return queue_->take(lock);
  }

  /// Calls `then` once, here or on another thread, when a record is there or the job has ended. It
  /// must not block. One waits at a time: a later call replaces one that has not been answered.
  void when_filled(std::function<void()> then) const {
    {
      std::lock_guard guard(queue_->mutex);
      if (queue_->count == 0 && !queue_->ended) {
        queue_->on_filled = std::move(then);
        return;
      }
    }
    then();
  }

  /// Whether the job has ended and every record has been taken. False before the first start.
  [[nodiscard]] bool ended() const {
    std::lock_guard guard(queue_->mutex);
    return queue_->ended && queue_->count == 0;
  }

  /// The sink that fills it: `stream.to(results.sink())`. For one stream: it ends with its job.
  [[nodiscard]] sink_factory<T> sink() const {
    return {.traits = {.name = "outlet"},
            .make = [to = queue_] { return std::make_unique<filler>(to); }};
  }

private:
  struct queue {
    explicit queue(std::size_t capacity) : slots(std::max<std::size_t>(1, capacity)) {}

    std::optional<value_type> take(std::unique_lock<std::mutex>& lock) {
      if (count == 0)
        return std::nullopt;
      auto taken = std::move(slots[first]);
      slots[first].reset();
      first = first + 1 == slots.size() ? 0 : first + 1;
      --count;
      // Half of it free again: the sink does not come for every single record.
      std::function<void()> resume;
      if (on_room && count <= slots.size() / 2)
        resume = std::exchange(on_room, nullptr);
      lock.unlock();
      if (resume)
        resume();
      return taken;
    }

    std::mutex mutex;
    std::condition_variable filled;
    std::vector<std::optional<value_type>> slots; ///< A ring.
    std::size_t first = 0;
    std::size_t count = 0;
    bool ended = false;
    std::function<void()> on_filled;
    std::function<void()> on_room; ///< Set while the sink waits.
  };

  class filler final : public weir::sink<T> {
  public:
    explicit filler(std::shared_ptr<queue> to) : to_(std::move(to)) {}

    expected<void> open(const replica_context& context) override {
      wake_ = context.wake;
      std::lock_guard guard(to_->mutex);
      to_->ended = false;
      return {};
    }

    expected<progress> write(const sink_block<T>& in, std::size_t& written) override {
      std::function<void()> tell;
      {
        std::lock_guard guard(to_->mutex);
        auto& ring = to_->slots;
        for (; written < in.records.size() && to_->count < ring.size(); ++written, ++to_->count)
          ring[(to_->first + to_->count) % ring.size()].emplace(
              record_traits<T>::to_owned(in.records[written]));
        if (written < in.records.size())
          to_->on_room = wake_;
        tell = std::exchange(to_->on_filled, nullptr);
      }
      to_->filled.notify_all();
      if (tell)
        tell();
      return written < in.records.size() ? progress::blocked : progress::done;
    }

    void abort() noexcept override {
      std::lock_guard guard(to_->mutex);
      to_->on_room = nullptr;
    }

    void close() noexcept override {
      std::function<void()> tell;
      {
        std::lock_guard guard(to_->mutex);
        to_->ended = true;
        to_->on_room = nullptr;
        tell = std::exchange(to_->on_filled, nullptr);
      }
      to_->filled.notify_all();
      if (tell)
        tell();
    }

  private:
    std::shared_ptr<queue> to_;
    std::function<void()> wake_;
  };

  std::shared_ptr<queue> queue_;
};

} // namespace weir
