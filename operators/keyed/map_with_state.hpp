// State per key, used record by record: map_with_state, and its second result, snapshots of all
// state. Next: detail/state_tables.hpp.
#pragma once

#include <weir/operators/detail/compose.hpp>
#include <weir/operators/detail/state_tables.hpp>
#include <weir/operators/keyed/keyed_state.hpp>

#include <algorithm>
#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <utility>

namespace weir {
namespace detail {

template <class T>
inline constexpr bool is_optional = false;
template <class T>
inline constexpr bool is_optional<std::optional<T>> = true;

template <class T>
struct unwrapped {
  using type = T;
};
template <class T>
struct unwrapped<std::optional<T>> {
  using type = T;
};

/// How a function with state is called: with the batch time first, or without.
template <class F, class Key, class Value, class State>
struct state_call {
  static constexpr bool takes_time = false;
  using result =
      std::remove_cvref_t<std::invoke_result_t<F&, const Key&, const Value*, keyed_state<State>&>>;
};
template <class F, class Key, class Value, class State>
  requires std::is_invocable_v<F&, batch_time, const Key&, const Value*, keyed_state<State>&>
struct state_call<F, Key, Value, State> {
  static constexpr bool takes_time = true;
  using result = std::remove_cvref_t<
      std::invoke_result_t<F&, batch_time, const Key&, const Value*, keyed_state<State>&>>;
};

/// The head behind a shuffle that calls the function for each record, and at the batch's end for
/// each key that times out.
template <class In, class State, class Function>
class map_with_state_head {
public:
  using key_view = typename In::first_type;
  using key_type = owned_t<key_view>;
  using one = typename In::second_type;
  using states = state_tables<key_type, State>;
  using entry = typename states::table::entry;

  map_with_state_head(Function update,
                      std::shared_ptr<const state_options<key_type, State>> options)
      : update_(std::move(update)), states_(options, options->timeout > duration::zero()),
        timeout_(options->timeout) {}

private:
  static decltype(auto) call(Function& update, batch_time time, const key_view& k, const one* v,
                             keyed_state<State>& state) {
    if constexpr (state_call<Function, key_view, one, State>::takes_time)
      return std::invoke(update, time, k, v, state);
    else
      return std::invoke(update, k, v, state);
  }
  /// How many keys are looked up before the first of their records is worked on.
  static constexpr std::size_t look_ahead = 128;
  static constexpr bool looks_ahead =
      std::is_reference_v<decltype(lookup_key<key_type>(std::declval<const key_view&>()))>;

  using called = typename state_call<Function, key_view, one, State>::result;
  static_assert(!std::is_void_v<called>, "map_with_state: return a value, or std::optional of one");

public:
  using value = typename unwrapped<called>::type;
  using snapshot = std::pair<key_type, State>;

  /// Whether someone reads the snapshots; shared by all copies, set before the start.
  [[nodiscard]] const std::shared_ptr<bool>& snapshots_wanted() const { return snapshots_wanted_; }

  expected<void> open(const replica_context& context) {
    snapshots_.emplace(context.limits);
    return states_.open(context);
  }

  expected<void> begin(const batch& whole) {
    time_ = whole.time;
    local_ = 0;
    updated_ = false;
    walking_ = false;
    return states_.begin(whole);
  }

  expected<void> prepare() { return states_.prepare(); }
  expected<void> committed() { return states_.committed(); }
  void undo() noexcept {
    snapshots_->clear();
    states_.undo();
  }
  void close() noexcept { states_.close(); }
  void add_to(stage_counts& counts) const noexcept { states_.add_to(counts); }

  template <class Flow>
  expected<progress> process(std::uint32_t, const parcel& in, block_cursor& cursor, Flow& flow) {
    const auto records = block_cast<In>(*in.data).records();
    auto& table = states_.of(in.partition);
    std::size_t i = cursor.next_record;
    flow.enter(in.partition);
    for (bool blocked = false; i < records.size() && !blocked;) {
      const auto next = records.subspan(i, std::min(look_ahead, records.size() - i));
      std::array<entry*, look_ahead> found;
      const auto moves = table.moves();
      look_up(table, next, found);
      table.expect(next.size());
      for (std::size_t j = 0; j < next.size() && !blocked; ++j, ++i) {
        const auto& k = lookup_key<key_type>(next[j].first);
        auto* at = found[j];
        if (!at || table.moves() != moves) [[unlikely]]
          at = table.find(k);
        const bool passed = map(next[j], k, at, table, flow);
        if (flow.noted()) [[unlikely]]
          if (auto settled = flow.settle_noted(); !settled)
            return std::move(settled).error();
        if constexpr (Flow::may_block)
          blocked = passed && flow.blocked();
      }
    }
    flow.count_in(i - cursor.next_record);
    cursor.next_record = i;
    if (i < records.size())
      return progress::blocked;
    if (auto left = flow.leave(); !left)
      return std::move(left).error();
    if (auto kept = states_.account(); !kept)
      return std::move(kept).error();
    return progress::done;
  }

  template <class Flow>
  expected<progress> end(const barrier&, Flow& flow) {
    if (!updated_) {
      if (auto timed_out = time_keys_out(flow); !timed_out || *timed_out == progress::blocked)
        return timed_out;
      if (auto ended = states_.end(); !ended)
        return std::move(ended).error();
      updated_ = true;
      local_ = 0;
    }
    return *snapshots_wanted_ ? take_snapshots(flow) : progress::done;
  }

private:
  /// Looks for the keys of the next records in one tight loop, so that the machine waits for their
  /// memory together.
  [[gnu::noinline, gnu::flatten]] static void look_up(typename states::table& in,
                                                      std::span<const In> next,
                                                      std::array<entry*, look_ahead>& found) {
    for (std::size_t j = 0; j < next.size(); ++j)
      if constexpr (looks_ahead)
        found[j] = in.peek(lookup_key<key_type>(next[j].first));
      else
        found[j] = nullptr; // each look would make a key
  }

  /// Calls the function for a record. @returns whether it passed something on.
  template <class K, class Flow>
  bool map(const In& record, const K& k, entry* found, typename states::table& in, Flow& flow) {
    keyed_state<State> state(found ? &found->state : nullptr);
    std::optional<called> made;
    try {
      made.emplace(call(update_, time_, record.first, &record.second, state));
    } catch (...) {
      flow.threw();
      return false;
    }
    const bool passed = push(*made, flow); // first: it may view the state
    if (state.fresh()) {
      in.put(k, found, std::move(*state.fresh()));
    } else if (found) {
      if (state.removed())
        in.erase(k, found);
      else
        in.touch(k, found);
    }
    return passed;
  }

  template <class Flow>
  bool push(called& made, Flow& flow) {
    if constexpr (is_optional<called>) {
      if (made)
        flow.push(std::move(*made));
      return made.has_value();
    } else {
      flow.push(std::move(made));
      return true;
    }
  }

  template <class Flow>
  expected<progress> time_keys_out(Flow& flow) {
    if (timeout_ == duration::zero())
      return progress::done;
    const auto before = (states_.now() - timeout_).time_since_epoch().count();
    for (; local_ < states_.hosted(); ++local_) {
      auto& table = states_.at(local_);
      flow.enter(states_.partition_at(local_));
      while (true) {
        if (flow.blocked())
          return progress::blocked;
        auto* found = table.pop_oldest(before, expired_);
        if (!found)
          break;
        time_out(table, found, flow);
        if (auto settled = flow.settle_noted(); !settled)
          return std::move(settled).error();
      }
    }
    return progress::done;
  }

  template <class Flow>
  void time_out(typename states::table& in, entry* found, Flow& flow) {
    keyed_state<State> state(&found->state, true);
    std::optional<called> made;
    try {
      made.emplace(call(update_, time_, key_view(*expired_), nullptr, state));
    } catch (...) {
      flow.threw();
    }
    if (made)
      push(*made, flow);
    in.erase(*expired_, found);
  }

  template <class Flow>
  expected<progress> take_snapshots(Flow& flow) {
    for (; local_ < states_.hosted(); ++local_) {
      auto& table = states_.at(local_);
      const auto partition = states_.partition_at(local_);
      if (!walking_)
        table.rewind();
      walking_ = true;
      while (true) {
        if (flow.blocked())
          return progress::blocked;
        const auto [key, found] = table.next();
        if (!key)
          break;
        snapshots_->push(snapshot(*key, found->state));
        if (snapshots_->full())
          flow.emit_side(partition, snapshots_->build());
      }
      if (!snapshots_->empty())
        flow.emit_side(partition, snapshots_->build());
      walking_ = false;
    }
    if (auto settled = states_.settle(); !settled)
      return std::move(settled).error();
    return progress::done;
  }

  Function update_;
  states states_;
  duration timeout_;
  batch_time time_{};
  std::size_t local_ = 0; ///< Where `end` resumes.
  bool updated_ = false;  ///< Nothing but snapshots is left to do in this batch.
  bool walking_ = false;
  std::optional<key_type> expired_;
  std::shared_ptr<bool> snapshots_wanted_ = std::make_shared<bool>(false);
  std::optional<block_builder<snapshot>> snapshots_;
};

} // namespace detail

/// The shared result of map_with_state: a stream of what the function returned, with the state as a
/// second one.
template <class T, class Snapshot>
class [[nodiscard("a stream does nothing until an action uses it")]] stateful_stream
    : public stream<T> {
public:
  stateful_stream(stream<T> mapped, std::shared_ptr<bool> wanted)
      : stream<T>(std::move(mapped)), wanted_(std::move(wanted)) {}

  stateful_stream& named(std::string name) {
    stream<T>::named(std::move(name));
    return *this;
  }
  [[nodiscard]] stateful_stream share() const { return *this; }

  /// `(key, state)` of every key after each batch. Costs as much as there is state.
  [[nodiscard]] auto
  state_snapshots(std::source_location where = std::source_location::current()) const {
    *wanted_ = true;
    const auto& composed = this->composed();
    auto start = detail::chain_start::behind(composed, {this->node()}, {"state_snapshots", where});
    start.reads_side = true;
    return chain<Snapshot, detail::block_head<Snapshot>>(std::move(start), {}, {});
  }

private:
  std::shared_ptr<bool> wanted_;
};

/// The result of map_with_state: a chain, and what only the node behind it can give.
template <class Head>
class [[nodiscard("a chain does nothing until an action closes it")]] stateful_chain
    : public chain<typename Head::value, Head> {
public:
  using base = chain<typename Head::value, Head>;
  using shared = stateful_stream<typename Head::value, typename Head::snapshot>;

  stateful_chain(base mapped, std::shared_ptr<bool> wanted)
      : base(std::move(mapped)), wanted_(std::move(wanted)) {}

  /// As those of `chain`.
  [[nodiscard]] stateful_chain named(std::string name) const {
    return {base::named(std::move(name)), wanted_};
  }
  [[nodiscard]] stateful_chain on_error(weir::on_error policy) const {
    return {base::on_error(policy), wanted_};
  }
  [[nodiscard]] shared share(std::source_location where = std::source_location::current()) const {
    return {base::share(where), wanted_};
  }

  /// `(key, state)` of every key after each batch. To use the mapped records too, `share()` first
  /// and take both from the result; else the function runs once for each.
  [[nodiscard]] auto
  state_snapshots(std::source_location where = std::source_location::current()) const {
    return share(where).state_snapshots(where);
  }

private:
  std::shared_ptr<bool> wanted_;
};

} // namespace weir
