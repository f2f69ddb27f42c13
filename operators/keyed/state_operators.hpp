// What a job remembers per key from batch to batch. A part of stream_operators.hpp.
#pragma once

#include <weir/operators/detail/compose.hpp>
#include <weir/operators/keyed/map_with_state.hpp>
#include <weir/operators/keyed/process.hpp>
#include <weir/operators/keyed/update_state.hpp>

#include <source_location>

namespace weir {

namespace detail {

/// Notes mistakes in the options of an operator with state. @returns them with the context's store
/// where they name none.
template <class Key, class State>
[[nodiscard]] std::shared_ptr<const state_options<Key, State>>
checked_state_options(composition& composed, state_options<Key, State> options, const char* kind,
                      bool times_out, std::source_location where) {
  static_assert(self_contained<State>,
                "state outlives its records: use an owning type such as std::string");
  const auto mistake = [&](const std::string& what) {
    composed.graph.add_mistake(
        error(errc::invalid_graph, std::string(kind) + ": " + what).at(where));
  };
  (void)checked_partitions(composed, options.partitions, where, true);
  if (options.timeout < duration::zero() || options.ttl < duration::zero())
    mistake("timeout and ttl must be 0 (none) or more");
  if (options.timeout > duration::zero() && !times_out)
    mistake("timeout is for map_with_state; use ttl to forget state, or timers in process");
  if (!options.store)
    options.store = composed.options.state;
  if (options.store && !state_table<Key, State>::storable)
    mistake("state is to be kept in a store, but its type or the key's has no weir::codec; "
            "specialise it");
  return std::make_shared<const state_options<Key, State>>(std::move(options));
}

/// A chain that begins with a head with state, behind a shuffle.
template <class T, class Stream, class Head>
[[nodiscard]] auto stateful(const Stream& from, Head head, const char* kind, bool stored,
                            std::uint32_t partitions, std::source_location where) {
  auto start =
      chain_start::behind(from.composed(), {shuffled<T>(from, partitions, where)}, {kind, where});
  start.retains = true;
  start.answers_missing = true;
  start.keeps = stored ? kept_state::in_store : kept_state::in_memory;
  return chain<typename Head::value, Head>(std::move(start), std::move(head), {});
}

} // namespace detail

/// See stream_operators.hpp. The records are pairs of a key and a value. State is kept from batch
/// to batch: in memory, where a restart of the context begins anew, or in a store
/// (`state_options::store`). It is exact: a batch that is aborted leaves no trace. A missing batch
/// is treated as an empty one, because the state is there.
template <class Derived, class T>
class state_operators {
public:
  using here = std::source_location;

  /// Once per batch, for every key that has state or values: `update(values, state)` with a
  /// `std::span` of the key's values of the batch, in order per source partition, and a
  /// `std::optional<State>`; or `update(time, key, values, state)`. Returns the new state as
  /// `std::optional<State>`, none to remove the key. Gives `(key, state)` of every key after each
  /// batch, so the cost is that of the whole state: prefer map_with_state.
  template <class State, class F, keyed U = T>
  [[nodiscard]] auto
  update_state_by_key(F update, state_options<owned_t<typename U::first_type>, State> options = {},
                      here where = here::current()) const {
    using head = detail::update_state_head<T, State, F>;
    auto checked = detail::checked_state_options<typename head::key_type, State>(
        *self().composed(), std::move(options), "update_state_by_key", false, where);
    const auto partitions = checked->partitions;
    const bool stored = checked->store != nullptr;
    return detail::stateful<T>(self(), head(std::move(update), std::move(checked)),
                               "update_state_by_key", stored, partitions, where);
  }

  /// For each record, in order per source partition and key: `update(time, key, value, state)`, or
  /// `update(key, value, state)`, where `time` is the batch time, `value` a pointer to the record's
  /// value and `state` a `keyed_state<State>&`. Passes on what it returns, or what is in the
  /// `std::optional` that it returns. With `options.timeout` it is called at the end of a batch for
  /// each key that times out, with a null `value`. Costs what the records cost, however much state
  /// there is. The result's `state_snapshots()` gives `(key, state)` of every key after each batch.
  template <class State, class F, keyed U = T>
  [[nodiscard]] auto
  map_with_state(F update, state_options<owned_t<typename U::first_type>, State> options = {},
                 here where = here::current()) const {
    using head = detail::map_with_state_head<T, State, F>;
    auto checked = detail::checked_state_options<typename head::key_type, State>(
        *self().composed(), std::move(options), "map_with_state", true, where);
    const auto partitions = checked->partitions;
    const bool stored = checked->store != nullptr;
    head work(std::move(update), std::move(checked));
    const auto wanted = work.snapshots_wanted();
    return stateful_chain<head>(
        detail::stateful<T>(self(), std::move(work), "map_with_state", stored, partitions, where),
        wanted);
  }

  /// For each record, in order per source partition and key: `processor.on_record(context, key,
  /// value)`; at the end of a batch, for each timer that has come, by time:
  /// `processor.on_timer(context, key, time)`. `context` is a `process_context<State, Out>&`:
  /// state, timers, and any number of results. The processor is copied once per replica. Behind an
  /// aggregation that emits `update` or `complete` it is given each row that this emits: a result
  /// that changes comes again, with its new value. `on_event_timer` needs a watermark.
  template <class State, class Out, class Processor, keyed U = T>
  [[nodiscard]] auto process(Processor processor,
                             state_options<owned_t<typename U::first_type>, State> options = {},
                             here where = here::current()) const {
    using head = detail::process_head<T, State, Out, Processor>;
    using key = typename head::key_type;
    state_options<key, typename head::kept> kept{.timeout = options.timeout,
                                                 .ttl = options.ttl,
                                                 .max_keys = options.max_keys,
                                                 .partitions = options.partitions,
                                                 .initial = {},
                                                 .store = std::move(options.store)};
    if constexpr (head::takes_event_timers)
      if (!self().open_chain().has_watermark())
        self().composed()->graph.add_mistake(
            error(errc::invalid_graph,
                  "process: the processor has an on_event_timer(), which would never be called: "
                  "the records have no watermark; assign_timestamps() before, or use on_timer()")
                .at(where));
    for (auto& [k, state] : options.initial)
      kept.initial.emplace_back(std::move(k), typename head::kept{std::move(state), {}, {}});
    auto checked = detail::checked_state_options<key, typename head::kept>(
        *self().composed(), std::move(kept), "process", false, where);
    const bool stored = checked->store != nullptr;
    return detail::stateful<T>(self(), head(std::move(processor), std::move(checked)), "process",
                               stored, options.partitions, where);
  }

private:
  [[nodiscard]] const Derived& self() const { return static_cast<const Derived&>(*this); }
};

} // namespace weir
