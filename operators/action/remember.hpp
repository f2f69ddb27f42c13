// The last batches of a stream in the hands of the host: remember and slice.
#pragma once

#include <weir/operators/detail/compose.hpp>
#include <weir/operators/detail/key_table.hpp>

#include <deque>
#include <memory>
#include <mutex>
#include <vector>

namespace weir {

namespace detail {

/// Complete batches by time, shared by the stage that fills it and the host that reads it.
template <class T>
class batch_memory {
public:
  using rows_ptr = std::shared_ptr<const std::vector<T>>;

  /// @param slide from one batch of the stream to the next; zero when they do not follow the clock.
  explicit batch_memory(duration slide) : slide_(slide) {}

  /// The job starts: what an earlier one left is gone.
  void restart() {
    std::lock_guard guard(mutex_);
    batches_.clear();
    started_ = true;
    zero_ = last_ = forgotten_ = {};
  }

  void add(batch_time at, rows_ptr rows) {
    std::lock_guard guard(mutex_);
    if (last_ == batch_time{})
      zero_ = at - slide_;
    last_ = at;
    batches_.push_back({at, std::move(rows)});
  }

  /// The batch that was added last has been aborted after all.
  void take_back() noexcept {
    std::lock_guard guard(mutex_);
    if (!batches_.empty())
      batches_.pop_back();
  }

  /// Drops batches at or before `until`. @returns what they held.
  std::vector<rows_ptr> forget(batch_time until) {
    std::lock_guard guard(mutex_);
    std::vector<rows_ptr> dropped;
    for (; !batches_.empty() && batches_.front().time <= until; batches_.pop_front()) {
      forgotten_ = batches_.front().time;
      dropped.push_back(std::move(batches_.front().rows));
    }
    return dropped;
  }

  [[nodiscard]] batch_time last() const {
    std::lock_guard guard(mutex_);
    return last_;
  }

  expected<std::vector<T>> slice(batch_time from, batch_time to) const {
    std::vector<rows_ptr> found; // copied without the lock
    {
      std::lock_guard guard(mutex_);
      if (auto checked = check(from, to); !checked)
        return std::move(checked).error();
      for (const auto& each : batches_)
        if (floored(from) <= floored(each.time) && floored(each.time) <= floored(to))
          found.push_back(each.rows);
    }
    std::vector<T> all;
    for (const auto& rows : found)
      all.insert(all.end(), rows->begin(), rows->end());
    return all;
  }

private:
  struct entry {
    batch_time time;
    rows_ptr rows;
  };

  expected<void> check(batch_time from, batch_time to) const {
    const auto refused = [&](std::string_view why) {
      return error(
          errc::invalid_state,
          fmt::format("slice({} ms, {} ms): {}", milliseconds_of(from), milliseconds_of(to), why));
    };
    if (to < from)
      return refused("it ends before it begins");
    if (!started_)
      return refused("the context has not started");
    if (last_ == batch_time{})
      return refused("no batch is complete yet");
    if (floored(to) > floored(last_))
      return refused(
          fmt::format("the last complete batch is that at {} ms; slice later, or end there",
                      milliseconds_of(last_)));
    if (forgotten_ != batch_time{} && floored(from) <= floored(forgotten_) && floored(to) > zero_)
      return refused(fmt::format("batches up to the one at {} ms are forgotten; give remember() a "
                                 "longer time",
                                 milliseconds_of(forgotten_)));
    return {};
  }

  /// The time of the batch at or before `t`.
  [[nodiscard]] batch_time floored(batch_time t) const {
    if (slide_ == duration::zero() || t < zero_)
      return t;
    return zero_ + (t - zero_) / slide_ * slide_;
  }

  const duration slide_;
  mutable std::mutex mutex_;
  std::deque<entry> batches_; ///< Oldest first.
  bool started_ = false;
  batch_time zero_{};      ///< One slide before the first batch.
  batch_time last_{};      ///< Newest complete batch; none at first.
  batch_time forgotten_{}; ///< Newest one that is gone; none at first.
};

/// Copies each batch, made to own its bytes, into a `batch_memory`. Forgets only what is needed no
/// more when a batch is final: until then it may be aborted.
template <class T>
class remember_stage final : public stage {
public:
  remember_stage(std::shared_ptr<batch_memory<owned_t<T>>> to, duration time)
      : to_(std::move(to)), time_(time) {}

  expected<void> open(const replica_context& context) override {
    node_ = context.node;
    retained_.open(context);
    to_->restart();
    return {};
  }

  expected<void> begin(const batch& whole) override {
    at_ = whole.time;
    present_ = whole.nodes[node_.value].present;
    added_ = false;
    records_ = 0;
    open_bytes_ = 0;
    return {};
  }

  expected<progress> process(std::uint32_t, const parcel& in, block_cursor&, emitter&) override {
    for (const auto& record : block_cast<T>(*in.data).records())
      open_bytes_ += charge_of(rows_.emplace_back(record_traits<T>::to_owned(record)));
    records_ += in.data->size();
    if (auto kept = retained_.set(bytes_ + open_bytes_); !kept)
      return std::move(kept).error();
    return progress::done;
  }

  expected<progress> end(const barrier&, emitter&) override {
    if (present_) {
      to_->add(at_, std::make_shared<const std::vector<owned_t<T>>>(std::exchange(rows_, {})));
      bytes_ += open_bytes_;
      added_ = true;
    }
    return progress::done;
  }

  expected<void> committed() override {
    for (const auto& gone : to_->forget(to_->last() - time_))
      bytes_ -= bytes_of(*gone);
    return retained_.set(bytes_);
  }

  void abort() noexcept override {
    rows_.clear();
    if (std::exchange(added_, false)) {
      to_->take_back();
      bytes_ -= open_bytes_;
    }
    (void)retained_.set(bytes_); // less than before
  }

  [[nodiscard]] stage_counts counts() const noexcept override {
    return {.records_in = records_, .records_out = records_};
  }

private:
  static std::size_t bytes_of(const std::vector<owned_t<T>>& rows) {
    std::size_t bytes = 0;
    for (const auto& row : rows)
      bytes += charge_of(row);
    return bytes;
  }

  std::shared_ptr<batch_memory<owned_t<T>>> to_;
  duration time_;
  node_id node_;
  retained_bytes retained_;
  std::vector<owned_t<T>> rows_; ///< Of the open batch.
  std::size_t open_bytes_ = 0;
  std::size_t bytes_ = 0; ///< Of the batches in `to_`.
  batch_time at_{};
  bool present_ = false;
  bool added_ = false; ///< The batch that began last is in `to_`.
  std::uint64_t records_ = 0;
};

} // namespace detail

/// The batches of a stream that are not older than what was asked for, see `remember`. A cheap
/// handle; any thread, also after the job has ended, up to its next start.
template <class T>
class remembered {
public:
  explicit remembered(std::shared_ptr<detail::batch_memory<T>> from) : from_(std::move(from)) {}

  /// A copy of all records of the batches at valid times in [from, to], in order of time. Both ends
  /// are floored to the stream's slide; times before the start contribute nothing.
  /// @returns errc::invalid_state when the context has not started, the batch at `to` is not
  /// complete, or one of them is forgotten already.
  [[nodiscard]] expected<std::vector<T>> slice(batch_time from, batch_time to) const {
    return from_->slice(from, to);
  }

private:
  std::shared_ptr<detail::batch_memory<T>> from_;
};

namespace detail {

/// Adds the node that keeps what `from` gives.
template <class T>
[[nodiscard]] remembered<owned_t<T>> remember(const std::shared_ptr<composition>& composed,
                                              node_id from, duration time,
                                              std::source_location where) {
  const auto& options = composed->options;
  const auto slide = options.batch_interval * composed->graph.slide_of(from);
  const auto memory = std::make_shared<batch_memory<owned_t<T>>>(
      is_bounded(options.trigger) ? duration::zero() : slide);
  node n;
  n.kind = node_kind::sink;
  n.operators.push_back({"remember", where});
  n.inputs = {from};
  n.max_replicas = 1;
  n.retains = true;
  n.where = where;
  n.make_stage = [memory, time] { return std::make_unique<remember_stage<T>>(memory, time); };
  if (time <= duration::zero())
    n.mistakes.push_back(
        error(errc::invalid_graph, "remember() needs a time above zero").at(where));
  composed->graph.add(std::move(n));
  return remembered<owned_t<T>>(memory);
}

} // namespace detail

} // namespace weir
