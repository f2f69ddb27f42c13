// What has been pushed into one partition and is not in a complete batch yet. Next:
// push_source.hpp.
#pragma once

#include <weir/connectors/push/journal.hpp>
#include <weir/connectors/push/rate_gate.hpp>
#include <weir/runtime/block_builder.hpp>
#include <weir/runtime/expected.hpp>

#include <fmt/core.h>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

namespace weir {

/// What became of a record that was not to wait.
enum class push_result {
  taken,
  full,     ///< No room until batches complete.
  limited,  ///< The rate allows no record just now.
  closed,   ///< The input has ended, or its job has.
  too_long, ///< The record alone exceeds what its receiver may hold, or a frame of its log.
};

namespace detail {

/// How much a push buffer holds and how it cuts blocks.
struct push_limits {
  std::size_t bytes = std::size_t{1} << 20; ///< >= 1.
  std::size_t records = SIZE_MAX;           ///< >= 1.
  block_limits block{};
  duration block_interval{};
};

/// Records pushed by any threads, in order, cut into blocks. A record's position is its number
/// since the beginning. A block ends when it is full, or at the job's first look after its block
/// interval has passed; it stays, and counts against the limits, until its batch is complete.
///
/// `attach` and `detach` say whether a job is there: before the first job records are taken as far
/// as there is room, after a job has ended none are until the next one attaches. Thread-safe.
template <class T>
class push_buffer {
public:
  explicit push_buffer(push_limits limits = {}) : limits_(limits), builder_(limits.block) {}

  /// A job takes the records from now on. What was not in a complete batch is read again.
  /// @param time lives until `detach`. @param gate null: no rate limit.
  /// @param log null: none; lives until `detach`. Then `durable` is told how far it came.
  void attach(const push_limits& limits, clock& time, std::shared_ptr<rate_gate> gate,
              journal* log = nullptr, const write_ahead_options& ahead = {}) {
    std::lock_guard guard(mutex_);
    cut();
    limits_ = limits;
    builder_ = block_builder<T>(limits.block);
    time_ = &time;
    gate_ = std::move(gate);
    log_ = log;
    encode_ = ahead.encode;
    durable_ = next_;
    refuses_ = false;
    planned_ = first();
    take_unlogged();
  }

  /// Gives the buffer to one stream of `reader`. @returns false when a reader that still lives has
  /// it.
  bool claim(const std::weak_ptr<const void>& reader) {
    std::lock_guard guard(mutex_);
    if (!claimed_by_.expired())
      return false;
    claimed_by_ = reader;
    return true;
  }

  /// The job takes no more records; those that wait are refused.
  void detach() {
    {
      std::lock_guard guard(mutex_);
      refuses_ = true;
    }
    tell_waiters();
  }

  /// Continues behind what a log holds: the position of the next record, and the highest position
  /// of each origin. Before `attach`.
  void continue_at(std::int64_t next, std::map<std::string, std::int64_t, std::less<>> origins) {
    std::lock_guard guard(mutex_);
    builder_.clear();
    blocks_.clear();
    held_bytes_ = 0;
    completed_ = planned_ = cut_ = next_ = next;
    origins_ = std::move(origins);
  }

  /// A record found in a log, behind `continue_at`.
  void restore(const T& record) {
    std::lock_guard guard(mutex_);
    append(record);
  }

  /// The log has made everything before `until` durable, or takes records again.
  void durable(std::int64_t until) {
    acknowledge([&] {
      durable_ = until;
      wake_reader();
    });
    tell_waiters();
  }

  /// The log is about to go. After `detach`. What it does not hold is kept for the next job.
  /// @returns the number of these records.
  std::uint64_t release_log() {
    std::lock_guard guard(mutex_);
    if (!std::exchange(log_, nullptr))
      return 0;
    cut();
    for (const auto& block : blocks_)
      if (block.until > durable_)
        unlogged_.push_back({block.data, std::max(block.from, durable_), block.until});
    return static_cast<std::uint64_t>(next_ - durable_);
  }

  /// The input ends: no more records, whatever job there is. What was pushed is still read.
  void close() {
    {
      std::lock_guard guard(mutex_);
      closed_ = true;
    }
    tell_waiters();
  }

  // ---- the side that pushes

  /// Waits for room and for the rate. @returns errc::stopped when the input or its job has ended;
  /// errc::out_of_budget when the record alone is more than the limit of bytes.
  template <class U>
    requires std::same_as<std::remove_cvref_t<U>, T>
  expected<void> push(U&& record) {
    std::unique_lock lock(mutex_);
    while (true) {
      duration wait{};
      const auto result = admit(charge_of(record), wait);
      if (result == push_result::taken)
        break;
      if (result == push_result::closed)
        return closed_error();
      if (result == push_result::too_long)
        return too_long_error(charge_of(record));
      if (result == push_result::full)
        space_.wait(lock);
      else
        time_->wait_until(lock, space_, deadline_after(time_->steady_now(), wait));
    }
    if (log_)
      if (auto logged = log_->add(next_, &record, encode_); !logged)
        return logged;
    append(std::forward<U>(record));
    return {};
  }

  /// Takes the record if that is possible now; else leaves it as it is.
  /// @param wait set to the time until another attempt makes sense when the rate forbids it.
  template <class U>
    requires std::same_as<std::remove_cvref_t<U>, T>
  push_result try_push(U&& record, duration* wait = nullptr) {
    std::lock_guard guard(mutex_);
    duration ignored{};
    const auto result = admit(charge_of(record), wait ? *wait : ignored);
    if (result != push_result::taken)
      return result;
    if (log_ && !log_->add(next_, &record, encode_))
      return push_result::too_long;
    append(std::forward<U>(record));
    return result;
  }

  /// Waits until there is room, then takes all of `records` as blocks of their own. The rate does
  /// not hold them back: whoever hands over whole groups has read them already.
  /// @param origin when it is known: a group that is not behind the last one of its stream has been
  /// taken before, and is only acknowledged.
  /// @param done called once they cannot be lost: when the log has them or, without a log, when
  /// they are in complete batches. On a thread of weir's; not called if that does not happen.
  template <class Records>
  expected<void> push_group(Records&& records, const origin_position& origin,
                            std::function<void()> done) {
    std::unique_lock lock(mutex_);
    space_.wait(lock, [&] { return closed_ || refuses_ || !full(); });
    if (closed_ || refuses_)
      return closed_error();
    if (const auto last = origins_.find(origin.stream);
        last == origins_.end() || origin.position > last->second) {
      if (log_ && std::ranges::begin(records) != std::ranges::end(records)) {
        logged_records group{.first = next_, .origin = origin};
        for (const T& record : records) {
          encode_(&record, group.bytes);
          ++group.count;
        }
        if (auto logged = log_->add(std::move(group)); !logged)
          return logged;
      }
      cut();
      for (auto&& record : records)
        append(std::forward<decltype(record)>(record));
      cut();
      if (!origin.stream.empty())
        origins_[origin.stream] = origin.position;
    }
    if (done)
      acknowledge_.push_back({next_, std::move(done)});
    lock.unlock();
    acknowledge([] {});
    return {};
  }

  /// Asks the rate for one record of a group. @returns how long to wait before asking again.
  duration admit_to_group(std::size_t bytes) {
    std::lock_guard guard(mutex_);
    return gate_ && !closed_ && !refuses_ ? gate_->admit(bytes) : duration::zero();
  }

  [[nodiscard]] bool has_room() const {
    std::lock_guard guard(mutex_);
    return !full();
  }

  /// Calls `then` once, on another thread or at once, when a push that was refused may succeed:
  /// there is room, or nothing is taken any more. It must not block.
  void when_room(std::function<void()> then) {
    {
      std::lock_guard guard(mutex_);
      if (full() && !closed_ && !refuses_) {
        waiters_.push_back(std::move(then));
        return;
      }
    }
    then();
  }

  // ---- the job's side

  /// End of what a batch may be planned from. Cuts the block whose interval has passed; with a log,
  /// waits until it is durable.
  std::int64_t received() {
    std::unique_lock lock(mutex_);
    if (!builder_.empty() && (closed_ || refuses_ || !time_ || time_->steady_now() >= cut_at_))
      cut();
    if (!log_)
      return cut_;
    const auto end = cut_;
    lock.unlock();
    log_->flush();
    lock.lock();
    split_at_durable();
    return std::min(end, durable_);
  }

  /// First position that no batch is planned for.
  [[nodiscard]] std::int64_t planned() const {
    std::lock_guard guard(mutex_);
    return planned_;
  }

  /// Plans whole blocks up to `latest` for one batch.
  /// @param allowed records; nullopt: as many as there are. A block that exceeds it is taken whole,
  /// and the excess is taken off the next batches.
  /// @returns the end of the planned range.
  std::int64_t plan(std::int64_t latest, std::optional<std::uint64_t> allowed) {
    std::lock_guard guard(mutex_);
    if (allowed)
      allowance_ = std::min(allowance_, 0.0) + static_cast<double>(*allowed);
    for (auto block = block_at(planned_); block != blocks_.end(); ++block) {
      if (block->until > latest || (allowed && allowance_ <= 0))
        break;
      if (allowed)
        allowance_ -= static_cast<double>(block->until - block->from);
      planned_ = block->until;
    }
    return planned_;
  }

  /// The block that begins at `from`, and the position after it.
  std::pair<block_ptr, std::int64_t> read(std::int64_t from) const {
    std::lock_guard guard(mutex_);
    const auto block = block_at(from);
    return block == blocks_.end() ? std::pair(block_ptr(), from)
                                  : std::pair(block->data, block->until);
  }

  /// Whom to tell, from a thread that pushes, when `read_on` has found nothing and that changes;
  /// null: nobody, and nobody is told any more once this returns.
  void set_reader(std::function<void()> wake) {
    std::lock_guard guard(mutex_);
    reader_ = std::move(wake);
    reader_waits_ = false;
  }

  /// The block that begins at `from`, cut here if need be, and the position after it. Nothing:
  /// the reader will be told when there is something.
  std::pair<block_ptr, std::int64_t> read_on(std::int64_t from) {
    std::lock_guard guard(mutex_);
    if (from == cut_)
      cut();
    split_at_durable();
    const auto block = block_at(from);
    if (block == blocks_.end() || (log_ && block->until > durable_)) {
      reader_waits_ = true;
      return {block_ptr(), from};
    }
    return {block->data, block->until};
  }

  /// Plans again from `from` on.
  void rewind(std::int64_t from) {
    std::lock_guard guard(mutex_);
    planned_ = from;
  }

  /// The records before `until` are in complete batches: gives their room back and says so.
  void complete(std::int64_t until) {
    acknowledge([&] {
      for (; !blocks_.empty() && blocks_.front().until <= until; blocks_.pop_front()) {
        held_bytes_ -= blocks_.front().data->charge();
        completed_ = blocks_.front().until;
      }
    });
    if (log_)
      log_->complete(until);
    tell_waiters();
  }

  /// How many records there are that no batch is planned for.
  [[nodiscard]] std::uint64_t unplanned() const {
    std::lock_guard guard(mutex_);
    return static_cast<std::uint64_t>(next_ - planned_);
  }

  /// Closed, and everything is in complete batches.
  [[nodiscard]] bool ended() const {
    std::lock_guard guard(mutex_);
    return closed_ && completed_ == next_;
  }

  [[nodiscard]] bool refuses() const {
    std::lock_guard guard(mutex_);
    return closed_ || refuses_;
  }

private:
  struct held_block {
    block_ptr data;
    std::int64_t from = 0;
    std::int64_t until = 0;
  };
  struct acknowledgement {
    std::int64_t until = 0;
    std::function<void()> then;
  };
  using held_blocks = std::deque<held_block>;

  /// Makes a change, then acknowledges what is safe by now.
  template <class Change>
  void acknowledge(Change change) {
    std::vector<std::function<void()>> done;
    {
      std::lock_guard guard(mutex_);
      change();
      const auto safe = log_ ? durable_ : completed_;
      for (; !acknowledge_.empty() && acknowledge_.front().until <= safe; acknowledge_.pop_front())
        done.push_back(std::move(acknowledge_.front().then));
    }
    for (const auto& then : done)
      then();
  }

  [[nodiscard]] bool full() const {
    return held_bytes_ + builder_.charge() >= limits_.bytes ||
           static_cast<std::size_t>(next_ - completed_) >= limits_.records ||
           (log_ && !log_->accepts());
  }

  push_result admit(std::size_t bytes, duration& wait) {
    if (closed_ || refuses_)
      return push_result::closed;
    if (bytes > limits_.bytes) // before the first job its limits are not known
      return time_ ? push_result::too_long : push_result::full;
    if (full())
      return push_result::full;
    if (gate_)
      wait = gate_->admit(bytes);
    return wait > duration::zero() ? push_result::limited : push_result::taken;
  }

  template <class U>
  void append(U&& record) {
    if (builder_.empty() && time_) {
      const auto interval = std::max<duration>(limits_.block_interval, duration(1));
      const auto now = moment_of(*time_); // aligned with batch times
      cut_at_ = now.steady + (interval - now.wall.time_since_epoch() % interval);
    }
    if constexpr (self_contained<T>)
      builder_.push(std::forward<U>(record), next_);
    else
      builder_.push(record_traits<T>::relocate(record, builder_.bytes()), next_);
    ++next_;
    if (builder_.full())
      cut();
    if (reader_waits_ && !log_) [[unlikely]]
      wake_reader();
  }

  /// Logs anew what the log of the last job could not take.
  void take_unlogged() {
    for (const auto& kept : std::exchange(unlogged_, {})) {
      const auto& records = static_cast<const block<T>&>(*kept.data).records();
      for (const T& record : records.last(static_cast<std::size_t>(kept.until - kept.from)))
        if (!log_ || log_->add(next_, &record, encode_)) // it did fit into a frame before
          append(record);
    }
  }

  void wake_reader() {
    if (std::exchange(reader_waits_, false) && reader_)
      reader_();
  }

  void cut() {
    if (auto data = builder_.build()) {
      held_bytes_ += data->charge();
      blocks_.push_back({std::move(data), cut_, next_});
      cut_ = next_;
    }
  }

  /// While the disk refuses records, a block may be in the log in part. What the log has must not
  /// wait for the rest: room is made in it of what is in complete batches.
  void split_at_durable() {
    if (!log_ || log_->accepts())
      return;
    const auto whole = std::ranges::find_if(
        blocks_, [&](const held_block& b) { return b.from < durable_ && durable_ < b.until; });
    if (whole == blocks_.end())
      return;
    const auto records = static_cast<const block<T>&>(*whole->data).records();
    const auto part = [&](std::int64_t from, std::int64_t until) {
      block_builder<T> made(limits_.block);
      for (auto position = from; position < until; ++position) {
        const T& record = records[static_cast<std::size_t>(position - whole->from)];
        if constexpr (self_contained<T>)
          made.push(record, position);
        else
          made.push(record_traits<T>::relocate(record, made.bytes()), position);
      }
      return held_block{made.build(), from, until};
    };
    auto head = part(whole->from, durable_);
    auto tail = part(durable_, whole->until);
    held_bytes_ += head.data->charge() + tail.data->charge() - whole->data->charge();
    *whole = std::move(tail);
    blocks_.insert(whole, std::move(head));
  }

  [[nodiscard]] std::int64_t first() const { return blocks_.empty() ? cut_ : blocks_.front().from; }

  [[nodiscard]] typename held_blocks::const_iterator block_at(std::int64_t from) const {
    return std::lower_bound(
        blocks_.begin(), blocks_.end(), from,
        [](const held_block& block, std::int64_t position) { return block.from < position; });
  }

  void tell_waiters() {
    std::vector<std::function<void()>> waiters;
    {
      std::lock_guard guard(mutex_);
      if (!full() || closed_ || refuses_)
        waiters.swap(waiters_);
    }
    space_.notify_all();
    for (const auto& then : waiters)
      then();
  }

  [[nodiscard]] error too_long_error(std::size_t bytes) const {
    return error(errc::out_of_budget,
                 fmt::format("a record of {} bytes is not taken: {} bytes may be held; raise "
                             "push_options::max_bytes if it is set, else the memory budget",
                             bytes, limits_.bytes));
  }

  static error closed_error() {
    return error(errc::stopped, "the record is not taken: the input was closed or its job ended");
  }

  mutable std::mutex mutex_;
  std::condition_variable space_;
  push_limits limits_;
  std::weak_ptr<const void> claimed_by_;
  std::function<void()> reader_; ///< Of an open-ended batch.
  bool reader_waits_ = false;
  clock* time_ = nullptr; ///< Of the present job.
  std::shared_ptr<rate_gate> gate_;
  journal* log_ = nullptr; ///< Of the present job.
  void (*encode_)(const void*, std::string&) = nullptr;
  block_builder<T> builder_;
  steady_time cut_at_{}; ///< When the block being filled is due.
  held_blocks
      unlogged_;       ///< Of earlier jobs: the last `until - from` records of each are in no log.
  held_blocks blocks_; ///< Without gaps; the first that is not complete first.
  std::deque<acknowledgement> acknowledge_;
  std::vector<std::function<void()>> waiters_;
  std::int64_t completed_ = 0; ///< completed_ <= planned_ <= cut_ <= next_.
  std::int64_t planned_ = 0;
  std::int64_t cut_ = 0;
  std::int64_t next_ = 0;
  std::int64_t durable_ = 0; ///< With a log: what is before it will survive.
  std::map<std::string, std::int64_t, std::less<>> origins_; ///< Highest position by stream.
  std::size_t held_bytes_ = 0;                               ///< Of `blocks_`.
  double allowance_ = 0; ///< Records a batch may still take; negative: taken too many.
  bool refuses_ = false;
  bool closed_ = false;
};

} // namespace detail
} // namespace weir
