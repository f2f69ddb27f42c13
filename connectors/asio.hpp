// weir in a program that is driven by Asio: a job on the host's executor, its ends as awaitables.
// Needs the target weir::asio.
#pragma once

#include <weir/connectors/outlet.hpp>
#include <weir/connectors/push/inlet.hpp>
#include <weir/runtime/context.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <atomic>
#include <functional>
#include <memory>
#include <optional>

namespace weir::asio {

namespace detail {

/// Something that a coroutine waits for and that any thread may tell. What is told while nobody
/// waits is not lost; what is told twice counts once. The executor must run one handler at a time.
class signal : public std::enable_shared_from_this<signal> {
public:
  explicit signal(const boost::asio::any_io_executor& on) : timer_(on) {}

  /// Any thread.
  void tell() {
    if (!posted_.exchange(true, std::memory_order_acq_rel))
      boost::asio::post(timer_.get_executor(), [self = shared_from_this()] {
        self->posted_.store(false, std::memory_order_release);
        self->told_ = true;
        self->timer_.cancel();
      });
  }

  /// Until it is told, at most `limit`; without one, until everybody else on the executor has had a
  /// turn. @returns false when the coroutine is cancelled.
  boost::asio::awaitable<bool> wait(duration limit) {
    if (limit <= duration::zero()) {
      co_await boost::asio::post(timer_.get_executor(), boost::asio::use_awaitable);
      const auto state = co_await boost::asio::this_coro::cancellation_state;
      co_return state.cancelled() == boost::asio::cancellation_type::none;
    }
    if (told_) {
      told_ = false;
      co_return true;
    }
    constexpr duration longest = std::chrono::hours(1); // a wait that ends early does no harm
    timer_.expires_after(std::min(limit, longest));
    co_await timer_.async_wait(boost::asio::as_tuple(boost::asio::use_awaitable));
    told_ = false;
    const auto state = co_await boost::asio::this_coro::cancellation_state;
    co_return state.cancelled() == boost::asio::cancellation_type::none;
  }

private:
  boost::asio::steady_timer timer_;
  std::atomic<bool> posted_{false};
  bool told_ = false;
};

/// Tells `whom`, as long as its coroutine is there: what calls it may outlive the io_context.
inline std::function<void()> teller(const std::shared_ptr<signal>& whom) {
  return [weak = std::weak_ptr(whom)] {
    if (const auto there = weak.lock())
      there->tell();
  };
}

} // namespace detail

/// Starts an in-line job (`executor_kind::in_line`) and runs it on the coroutine's executor until
/// it ends; weir has no thread of its own then. That executor must run one handler at a time: an
/// io_context of one thread, or a strand. Use: `co_spawn(io, weir::asio::run(job), token)`. Stop it
/// by `job.request_stop()`; cancelling the coroutine abandons the job. After each slice of work
/// (`context_options::slice`) the executor's other handlers have a turn.
/// @returns what kept the job from starting, or the error that ended it.
inline boost::asio::awaitable<expected<void>> run(context& job) {
  const auto work = std::make_shared<detail::signal>(co_await boost::asio::this_coro::executor);
  co_await boost::asio::this_coro::throw_if_cancelled(false);
  if (job.options().executor != executor_kind::in_line)
    co_return error(errc::invalid_config,
                    "asio::run() drives jobs in line; set executor = executor_kind::in_line");
  job.on_work(detail::teller(work));
  if (auto started = job.start(); !started)
    co_return std::move(started).error();
  while (job.run_ready())
    if (!co_await work->wait(job.next_due()))
      job.request_stop(duration::zero(), stop_mode::abandon);
  co_return job.await();
}

/// The next record of an outlet. One coroutine waits at a time.
/// @returns nullopt when none is left and the job has ended, or when the coroutine is cancelled.
template <class T>
boost::asio::awaitable<std::optional<owned_t<T>>> pop(outlet<T> from) {
  std::shared_ptr<detail::signal> filled;
  while (true) {
    if (auto record = from.try_pop())
      co_return record;
    if (from.ended())
      co_return std::nullopt;
    if (!filled)
      filled = std::make_shared<detail::signal>(co_await boost::asio::this_coro::executor);
    from.when_filled(detail::teller(filled));
    if (!co_await filled->wait(duration::max()))
      co_return std::nullopt;
  }
}

/// Pushes a record into an inlet, waiting for room and for the rate limit.
/// @returns errc::stopped when the inlet is closed, the job has ended, or the coroutine is
/// cancelled.
template <class T>
boost::asio::awaitable<expected<void>> push(inlet<T> to, T record) {
  std::shared_ptr<detail::signal> room;
  while (true) {
    duration wait = duration::max();
    const auto result = to.try_push(std::move(record), &wait);
    if (result == push_result::taken)
      co_return expected<void>();
    if (result == push_result::closed)
      co_return error(errc::stopped, "the inlet takes no more records");
    if (result == push_result::too_long)
      co_return error(errc::out_of_budget,
                      "the record alone is more than the inlet may hold or its log can frame");
    if (!room)
      room = std::make_shared<detail::signal>(co_await boost::asio::this_coro::executor);
    if (result == push_result::full)
      to.when_room(detail::teller(room));
    if (!co_await room->wait(result == push_result::full ? duration::max() : wait))
      co_return error(errc::stopped, "the coroutine that pushes was cancelled");
  }
}

} // namespace weir::asio
