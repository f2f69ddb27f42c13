// A processor of one's own with state and timers per key: process. Next: detail/state_tables.hpp.
#pragma once

#include <weir/operators/detail/state_tables.hpp>
#include <weir/operators/keyed/keyed_state.hpp>

#include <algorithm>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

namespace weir {
namespace detail {

/// What is kept for a key: its state and its timers, in order. A key with neither is not kept.
template <class State>
struct processed_key {
  std::optional<State> state;
  std::vector<batch_time> timers;
};

} // namespace detail

/// What a processor can do in a call for one key. Changes, timers and results take effect when the
/// call returns; one that throws does nothing. Valid during the call.
template <class State, class Out>
class process_context {
public:
  process_context(batch_time time, const detail::processed_key<State>* kept, std::vector<Out>& out)
      : time_(time), timers_(kept ? std::span(kept->timers) : std::span<const batch_time>()),
        out_(&out), state_(kept && kept->state ? &*kept->state : nullptr) {}

  /// The batch time.
  [[nodiscard]] batch_time time() const noexcept { return time_; }

  /// The key's state.
  [[nodiscard]] keyed_state<State>& state() noexcept { return state_; }

  /// Passes a record on, after those emitted before.
  void emit(Out record) { out_->push_back(std::move(record)); }

  /// Has `on_timer` called for this key at the end of the first batch whose time is `at` or later;
  /// when `at` has passed already, that is the present batch, or in `on_timer` the next one. Setting
  /// the same time twice is setting it once.
  void set_timer(batch_time at) {
    auto& timers = changed();
    const auto place = std::lower_bound(timers.begin(), timers.end(), at);
    if (place == timers.end() || *place != at)
      timers.insert(place, at);
  }
  /// Nothing happens if there is no such timer.
  void delete_timer(batch_time at) {
    auto& timers = changed();
    timers.erase(std::remove(timers.begin(), timers.end(), at), timers.end());
  }
  /// The key's timers, earliest first.
  [[nodiscard]] std::span<const batch_time> timers() const noexcept {
    return changed_ ? std::span<const batch_time>(*changed_) : timers_;
  }

  // ---- for operators

  /// The timers, if the call changed them.
  [[nodiscard]] std::optional<std::vector<batch_time>>& changed_timers() noexcept {
    return changed_;
  }

private:
  std::vector<batch_time>& changed() {
    if (!changed_)
      changed_.emplace(timers_.begin(), timers_.end());
    return *changed_;
  }

  batch_time time_;
  std::span<const batch_time> timers_;
  std::vector<Out>* out_;
  keyed_state<State> state_;
  std::optional<std::vector<batch_time>> changed_;
};

template <class State>
struct record_traits<detail::processed_key<State>> {
  static constexpr bool self_contained = weir::self_contained<State>;
  static std::size_t heap_bytes(const detail::processed_key<State>& kept) {
    return record_traits<std::optional<State>>::heap_bytes(kept.state) +
           kept.timers.capacity() * sizeof(batch_time);
  }
};

namespace detail {

/// The head behind a shuffle that calls a processor for each record, and at the batch's end for each
/// timer that has come.
template <class In, class State, class Out, class Processor>
class process_head {
public:
  using value = Out;
  using key_view = typename In::first_type;
  using key_type = owned_t<key_view>;
  using kept = processed_key<State>;
  using states = state_tables<key_type, kept>;
  using table_type = typename states::table;
  using entry = typename table_type::entry;
  static_assert(self_contained<Out>,
                "process: a result outlives the call that emits it; use an owning type");

  process_head(Processor work, std::shared_ptr<const state_options<key_type, kept>> options)
      : work_(std::move(work)), states_(std::move(options), false) {}

  expected<void> open(const replica_context& context) {
    replicas_ = context.replicas;
    return states_.open(context);
  }

  expected<void> begin(const batch& whole) {
    time_ = whole.time;
    local_ = 0;
    looked_ = false;
    if (auto begun = states_.begin(whole); !begun)
      return begun;
    if (timers_.size() != states_.hosted()) {
      timers_.resize(states_.hosted());
      for (std::size_t i = 0; i < timers_.size(); ++i)
        fill_timers(i);
    }
    return states_.settle();
  }

  void clear() noexcept {
    forget_results();
    due_.clear();
    states_.clear();
    for (std::size_t i = 0; i < timers_.size(); ++i)
      fill_timers(i);
  }
  void close() noexcept { states_.close(); }
  void add_to(stage_counts& counts) const noexcept { states_.add_to(counts); }

  template <class Flow>
  expected<progress> process(std::uint32_t, const parcel& in, block_cursor& cursor, Flow& flow) {
    const auto records = block_cast<In>(*in.data).records();
    const std::size_t local = in.partition.value / replicas_;
    const std::size_t first = cursor.next_record;
    flow.enter(in.partition);
    auto passed = pass_on(flow); // of a record before the call was blocked
    for (auto& i = cursor.next_record; i < records.size() && passed && *passed == progress::done;) {
      const auto& [key, value] = records[i++];
      const auto& k = lookup_key<key_type>(key);
      call(local, k, states_.at(local).find(k), flow,
           [&](auto& context) { work_.on_record(context, key, value); });
      passed = pass_on(flow);
    }
    flow.count_in(cursor.next_record - first);
    if (!passed || *passed == progress::blocked)
      return passed;
    if (auto left = flow.leave(); !left)
      return std::move(left).error();
    if (auto counted = account(); !counted)
      return std::move(counted).error();
    return progress::done;
  }

  template <class Flow>
  expected<progress> end(const barrier&, Flow& flow) {
    for (; local_ < states_.hosted(); ++local_) {
      if (!std::exchange(looked_, true))
        find_due();
      flow.enter(states_.partition_at(local_));
      while (true) {
        if (auto passed = pass_on(flow); !passed || *passed == progress::blocked)
          return passed;
        if (next_due_ == due_.size())
          break;
        fire(due_[next_due_++], flow);
      }
      looked_ = false;
    }
    due_.clear();
    if (auto ended = states_.end(); !ended)
      return std::move(ended).error();
    if (auto counted = account(); !counted)
      return std::move(counted).error();
    return progress::done;
  }

private:
  using index = due_index<key_type>;

  /// Calls the processor for a key and carries out what it said.
  template <class K, class Flow, class Work>
  void call(std::size_t local, const K& key, entry* found, Flow& flow, Work work) {
    process_context<State, Out> context(time_, found ? &found->state : nullptr, results_);
    try {
      work(context);
    } catch (...) {
      results_.clear();
      flow.threw();
      return;
    }
    keep(local, key, found, context.state(), context.changed_timers());
  }

  template <class K>
  void keep(std::size_t local, const K& key, entry* found, keyed_state<State>& state,
            std::optional<std::vector<batch_time>>& timers) {
    auto& table = states_.at(local);
    if (!state.removed() && !state.fresh() && !timers) {
      if (found)
        table.touch(key, found);
      return;
    }
    kept now;
    if (state.fresh())
      now.state = std::move(state.fresh());
    else if (found && !state.removed())
      now.state = found->state.state;
    if (timers) {
      now.timers = std::move(*timers);
      const auto before = found ? first_of(found->state) : never;
      if (first_of(now) < before)
        timers_[local].push(first_of(now), key_type(key));
    } else if (found) {
      now.timers = found->state.timers;
    }
    if (now.state || !now.timers.empty())
      table.put(key, found, std::move(now));
    else if (found)
      table.erase(key, found);
  }

  template <class Flow>
  expected<progress> pass_on(Flow& flow) {
    while (next_result_ < results_.size()) {
      if (flow.blocked())
        return progress::blocked;
      flow.push(std::move(results_[next_result_++]));
    }
    forget_results();
    if (auto settled = flow.settle_noted(); !settled)
      return std::move(settled).error();
    return progress::done;
  }

  // ---- timers. The index has each key at the time of its first timer or before it.

  struct due_timer {
    batch_time at;
    key_type key;
  };

  static constexpr std::int64_t never = std::numeric_limits<std::int64_t>::max();
  static std::int64_t first_of(const kept& of) {
    return of.timers.empty() ? never : of.timers.front().time_since_epoch().count();
  }

  void fill_timers(std::size_t local) {
    auto& table = states_.at(local);
    timers_[local].clear();
    table.rewind();
    for (auto at = table.next(); at.first; at = table.next())
      if (!at.second->state.timers.empty())
        timers_[local].push(first_of(at.second->state), *at.first);
  }

  /// The timers of a partition that have come, by time. What they set is not among them.
  void find_due() {
    due_.clear();
    next_due_ = 0;
    auto& table = states_.at(local_);
    auto& timers = timers_[local_];
    if (timers.crowded(table.keys()))
      fill_timers(local_);
    while (timers.next_time() <= time_.time_since_epoch().count()) {
      auto top = timers.pop();
      const auto* found = table.find(top.key);
      if (!found)
        continue;
      for (const auto at : found->state.timers)
        if (at <= time_)
          due_.push_back({at, top.key});
        else {
          timers.push(at.time_since_epoch().count(), std::move(top.key));
          break;
        }
    }
    std::stable_sort(due_.begin(), due_.end(),
                     [](const due_timer& a, const due_timer& b) { return a.at < b.at; });
  }

  /// Calls the processor, unless the timer was deleted since, or stood in the index twice.
  template <class Flow>
  void fire(const due_timer& timer, Flow& flow) {
    auto& table = states_.at(local_);
    auto* found = table.find(timer.key);
    if (!found || !std::binary_search(found->state.timers.begin(), found->state.timers.end(),
                                      timer.at))
      return;
    kept without = found->state;
    std::erase(without.timers, timer.at);
    found = table.put(timer.key, found, std::move(without)); // gone even if the call throws
    call(local_, timer.key, found, flow,
         [&](auto& context) { work_.on_timer(context, key_view(timer.key), timer.at); });
    if (found = table.find(timer.key); found && !found->state.state && found->state.timers.empty())
      table.erase(timer.key, found);
  }

  expected<void> account() {
    std::size_t bytes = results_.capacity() * sizeof(Out);
    for (const auto& each : timers_)
      bytes += each.bytes();
    return states_.account(bytes);
  }

  void forget_results() noexcept {
    results_.clear();
    next_result_ = 0;
  }

  Processor work_;
  states states_;
  std::uint32_t replicas_ = 1;
  batch_time time_{};
  std::vector<Out> results_; ///< Emitted by the last call.
  std::size_t next_result_ = 0;
  std::deque<index> timers_; ///< By partition / replicas.
  std::vector<due_timer> due_; ///< Of the partition whose timers fire.
  std::size_t next_due_ = 0;
  std::size_t local_ = 0; ///< Where `end` resumes.
  bool looked_ = false;   ///< For the timers of that partition.
};

} // namespace detail
} // namespace weir
