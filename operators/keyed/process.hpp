// A processor of one's own with state and timers per key: process. Next: detail/state_tables.hpp.
#pragma once

#include <weir/operators/detail/state_tables.hpp>
#include <weir/operators/keyed/keyed_state.hpp>

#include <algorithm>
#include <array>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <utility>
#include <vector>

namespace weir {
namespace detail {

/// What makes a timer come: the batch time, or the watermark.
enum class timer_kind { processing, event };

/// What is kept for a key: its state and its timers, in order. A key with none of them is not kept.
template <class State>
struct processed_key {
  std::optional<State> state;
  std::vector<wall_time> timers;
  std::vector<wall_time> event_timers;

  [[nodiscard]] std::vector<wall_time>& of(timer_kind kind) {
    return kind == timer_kind::event ? event_timers : timers;
  }
  [[nodiscard]] const std::vector<wall_time>& of(timer_kind kind) const {
    return kind == timer_kind::event ? event_timers : timers;
  }
  [[nodiscard]] bool empty() const noexcept {
    return !state && timers.empty() && event_timers.empty();
  }
};

/// The timers of one kind as a call sees and changes them: copied when the first is changed.
class timer_list {
public:
  explicit timer_list(std::span<const wall_time> kept) : kept_(kept) {}

  void set(wall_time at) {
    auto& timers = changing();
    const auto place = std::lower_bound(timers.begin(), timers.end(), at);
    if (place == timers.end() || *place != at)
      timers.insert(place, at);
  }
  void erase(wall_time at) { std::erase(changing(), at); }
  [[nodiscard]] std::span<const wall_time> all() const noexcept {
    return changed_ ? std::span<const wall_time>(*changed_) : kept_;
  }
  /// The timers, if the call changed them.
  [[nodiscard]] std::optional<std::vector<wall_time>>& changed() noexcept { return changed_; }

private:
  std::vector<wall_time>& changing() {
    if (!changed_)
      changed_.emplace(kept_.begin(), kept_.end());
    return *changed_;
  }

  std::span<const wall_time> kept_;
  std::optional<std::vector<wall_time>> changed_;
};

} // namespace detail

/// What a processor can do in a call for one key. Changes, timers and results take effect when the
/// call returns; one that throws does nothing. Valid during the call.
template <class State, class Out>
class process_context {
public:
  process_context(batch_time time, weir::watermark watermark,
                  const detail::processed_key<State>* kept, std::vector<Out>& out)
      : time_(time), watermark_(watermark), out_(&out),
        state_(kept && kept->state ? &*kept->state : nullptr),
        timers_(kept ? std::span(kept->timers) : std::span<const wall_time>()),
        event_timers_(kept ? std::span(kept->event_timers) : std::span<const wall_time>()) {}

  /// The batch time.
  [[nodiscard]] batch_time time() const noexcept { return time_; }

  /// How far event time has come; `watermark::min()` when that is not known, e.g. in the first
  /// batch or where no timestamps are assigned.
  [[nodiscard]] weir::watermark watermark() const noexcept { return watermark_; }

  /// The key's state.
  [[nodiscard]] keyed_state<State>& state() noexcept { return state_; }

  /// Passes a record on, after those emitted before.
  void emit(Out record) { out_->push_back(std::move(record)); }

  /// Has `on_timer` called for this key at the end of the first batch whose time is `at` or later;
  /// when `at` has passed already, that is the present batch, or in a call for a timer the next
  /// one. Setting the same time twice is setting it once.
  void set_timer(batch_time at) { timers_.set(at); }
  /// Nothing happens if there is no such timer.
  void delete_timer(batch_time at) { timers_.erase(at); }
  /// The key's timers, earliest first. Valid until one is set or deleted.
  [[nodiscard]] std::span<const batch_time> timers() const noexcept { return timers_.all(); }

  // The same with the watermark in the place of the batch time; `on_event_timer` is called. Times
  // beyond those of a wall_time, such as event_time::max(), are never reached.
  void set_event_timer(event_time at) { event_timers_.set(to_wall_time(at)); }
  void delete_event_timer(event_time at) { event_timers_.erase(to_wall_time(at)); }
  [[nodiscard]] std::span<const wall_time> event_timers() const noexcept {
    return event_timers_.all();
  }

  // ---- for operators

  [[nodiscard]] detail::timer_list& timers_of(detail::timer_kind kind) noexcept {
    return kind == detail::timer_kind::event ? event_timers_ : timers_;
  }

private:
  batch_time time_;
  weir::watermark watermark_;
  std::vector<Out>* out_;
  keyed_state<State> state_;
  detail::timer_list timers_;
  detail::timer_list event_timers_;
};

template <class State>
struct record_traits<detail::processed_key<State>> {
  static constexpr bool self_contained = weir::self_contained<State>;
  static std::size_t heap_bytes(const detail::processed_key<State>& kept) {
    return record_traits<std::optional<State>>::heap_bytes(kept.state) +
           (kept.timers.capacity() + kept.event_timers.capacity()) * sizeof(wall_time);
  }
};

namespace detail {

/// The head behind a shuffle that calls a processor for each record, and at the batch's end for
/// each timer that has come.
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

  static constexpr bool takes_timers =
      requires(Processor& p, process_context<State, Out>& said, const key_view& key) {
        p.on_timer(said, key, batch_time());
      };
  static constexpr bool takes_event_timers =
      requires(Processor& p, process_context<State, Out>& said, const key_view& key) {
        p.on_event_timer(said, key, event_time());
      };

  static_assert(self_contained<Out>,
                "process: a result outlives the call that emits it; use an owning type");

  process_head(Processor work, std::shared_ptr<const state_options<key_type, kept>> options)
      : work_(std::move(work)), states_(std::move(options), false) {}

  expected<void> open(const replica_context& context) {
    replicas_ = context.replicas;
    node_ = context.node;
    return states_.open(context);
  }

  expected<void> begin(const batch& whole) {
    time_ = whole.time;
    watermark_ = whole.nodes[node_.value].evict;
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

  expected<void> prepare() { return states_.prepare(); }
  expected<void> committed() { return states_.committed(); }
  void undo() noexcept {
    forget_results();
    due_.clear();
    states_.undo();
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
      const auto& record = records[i++];
      const auto& key = lookup_key<key_type>(record.first);
      call(local, key, states_.at(local).find(key), flow,
           [&](auto& context) { work_.on_record(context, record.first, record.second); });
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

  struct partition_timers {
    index processing;
    index event;
  };

  /// Calls the processor for a key and carries out what it said.
  template <class K, class Flow, class Work>
  void call(std::size_t local, const K& key, entry* found, Flow& flow, Work work) {
    process_context<State, Out> context(time_, watermark_, found ? &found->state : nullptr,
                                        results_);
    try {
      work(context);
      refuse_deaf_timers(context);
    } catch (...) {
      results_.clear();
      flow.threw();
      return;
    }
    keep(local, key, found, context);
  }

  /// A timer that nothing would hear of.
  static void refuse_deaf_timers(process_context<State, Out>& said) {
    const auto set = [&](timer_kind kind) {
      const auto& timers = said.timers_of(kind).changed();
      return timers && !timers->empty();
    };
    if constexpr (!takes_timers)
      if (set(timer_kind::processing))
        throw std::logic_error("set_timer() was called by a processor without an on_timer()");
    if constexpr (!takes_event_timers)
      if (set(timer_kind::event))
        throw std::logic_error(
            "set_event_timer() was called by a processor without an on_event_timer()");
  }

  template <class K>
  void keep(std::size_t local, const K& key, entry* found, process_context<State, Out>& said) {
    auto& table = states_.at(local);
    auto& state = said.state();
    const bool timed = said.timers_of(timer_kind::processing).changed() ||
                       said.timers_of(timer_kind::event).changed();
    if (!state.removed() && !state.fresh() && !timed) {
      if (found)
        table.touch(key, found);
      return;
    }
    kept now;
    if (state.fresh())
      now.state = std::move(state.fresh());
    else if (found && !state.removed())
      now.state = found->state.state;
    for (const auto kind : kinds) {
      if (auto& timers = said.timers_of(kind).changed()) {
        now.of(kind) = std::move(*timers);
        if (first_of(now, kind) < (found ? first_of(found->state, kind) : never))
          index_of(local, kind).push(first_of(now, kind), key_type(key));
      } else if (found) {
        now.of(kind) = found->state.of(kind);
      }
    }
    if (!now.empty())
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

  // ---- timers. An index has each key at the time of its first timer or before it.

  struct due_timer {
    wall_time at;
    timer_kind kind;
    key_type key;
  };

  static constexpr std::array kinds{timer_kind::processing, timer_kind::event};
  static constexpr std::int64_t never = std::numeric_limits<std::int64_t>::max();
  static std::int64_t first_of(const kept& in, timer_kind kind) {
    const auto& timers = in.of(kind);
    return timers.empty() ? never : timers.front().time_since_epoch().count();
  }

  index& index_of(std::size_t local, timer_kind kind) {
    return kind == timer_kind::event ? timers_[local].event : timers_[local].processing;
  }

  /// How far the time has come that makes timers come.
  [[nodiscard]] std::int64_t now(timer_kind kind) const {
    if (kind == timer_kind::processing)
      return time_.time_since_epoch().count();
    return to_wall_time(watermark_).time_since_epoch().count(); // min() where it is unknown
  }

  void fill_timers(std::size_t local) {
    auto& table = states_.at(local);
    for (const auto kind : kinds)
      index_of(local, kind).clear();
    table.rewind();
    for (auto at = table.next(); at.first; at = table.next())
      for (const auto kind : kinds)
        if (const auto first = first_of(at.second->state, kind); first != never)
          index_of(local, kind).push(first, *at.first);
  }

  /// The timers of a partition that have come, by time. What they set is not among them.
  void find_due() {
    due_.clear();
    next_due_ = 0;
    auto& table = states_.at(local_);
    for (const auto kind : kinds)
      if (index_of(local_, kind).crowded(table.keys()))
        fill_timers(local_);
    for (const auto kind : kinds) {
      auto& timers = index_of(local_, kind);
      while (timers.next_time() <= now(kind)) {
        auto top = timers.pop();
        const auto* found = table.find(top.key);
        if (!found)
          continue;
        for (const auto at : found->state.of(kind)) {
          const auto time = at.time_since_epoch().count();
          if (time > now(kind)) {
            timers.push(time, std::move(top.key));
            break;
          }
          due_.push_back({at, kind, top.key});
        }
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
    if (!found)
      return;
    const auto& timers = found->state.of(timer.kind);
    if (!std::binary_search(timers.begin(), timers.end(), timer.at))
      return;
    kept without = found->state;
    std::erase(without.of(timer.kind), timer.at);
    found = table.put(timer.key, found, std::move(without)); // gone even if the call throws
    call(local_, timer.key, found, flow, [&](auto& context) {
      const key_view key(timer.key);
      if (timer.kind == timer_kind::processing) {
        if constexpr (takes_timers)
          work_.on_timer(context, key, timer.at);
      } else {
        if constexpr (takes_event_timers)
          work_.on_event_timer(context, key, std::chrono::floor<event_time::duration>(timer.at));
      }
    });
    if (found = table.find(timer.key); found && found->state.empty())
      table.erase(timer.key, found);
  }

  expected<void> account() {
    std::size_t bytes = results_.capacity() * sizeof(Out);
    for (const auto& each : timers_)
      bytes += each.processing.bytes() + each.event.bytes();
    return states_.account(bytes);
  }

  void forget_results() noexcept {
    results_.clear();
    next_result_ = 0;
  }

  Processor work_;
  states states_;
  std::uint32_t replicas_ = 1;
  node_id node_;
  batch_time time_{};
  weir::watermark watermark_ = weir::watermark::min();
  std::vector<Out> results_; ///< Emitted by the last call.
  std::size_t next_result_ = 0;
  std::deque<partition_timers> timers_; ///< By partition / replicas.
  std::vector<due_timer> due_;          ///< Of the partition whose timers fire.
  std::size_t next_due_ = 0;
  std::size_t local_ = 0; ///< Where `end` resumes.
  bool looked_ = false;   ///< For the timers of that partition.
};

} // namespace detail
} // namespace weir
