// Full state per key, brought up to date once per batch: update_state_by_key.
#pragma once

#include <weir/operators/detail/state_tables.hpp>

#include <cstring>
#include <deque>
#include <functional>
#include <optional>
#include <span>
#include <vector>

namespace weir::detail {

/// The head behind a shuffle that gathers the values of a batch by key, and at its end calls
/// `update` for every key that has values or state. Passes on the full state.
template <class In, class State, class Function>
class update_state_head {
public:
  using key_type = owned_t<typename In::first_type>;
  using one = owned_t<typename In::second_type>;
  using value = std::pair<key_type, State>;
  using states = state_tables<key_type, State>;
  using entry = typename states::table::entry;

  update_state_head(Function update, std::shared_ptr<const state_options<key_type, State>> options)
      : update_(std::move(update)), states_(std::move(options), false) {}

  expected<void> open(const replica_context& context) {
    replicas_ = context.replicas;
    return states_.open(context);
  }

  expected<void> begin(const batch& whole) {
    time_ = whole.time;
    auto begun = states_.begin(whole);
    values_.resize(states_.hosted());
    local_ = 0;
    entered_ = false;
    return begun;
  }

  expected<void> prepare() { return states_.prepare(); }
  expected<void> committed() { return states_.committed(); }
  void undo() noexcept {
    forget_values();
    states_.undo();
  }
  void close() noexcept { states_.close(); }
  void add_to(stage_counts& counts) const noexcept { states_.add_to(counts); }

  template <class Flow>
  expected<progress> process(std::uint32_t, const parcel& in, block_cursor&, Flow& flow) {
    auto& table = values_[in.partition.value / replicas_];
    const auto records = block_cast<In>(*in.data).records();
    for (const auto& [key, each] : records) {
      auto* values = table.find_or_make(key, [] { return std::vector<one>(); }).first;
      value_bytes_ +=
          charge_of(values->emplace_back(record_traits<typename In::second_type>::to_owned(each)));
    }
    flow.count_in(records.size());
    if (auto kept = account(); !kept)
      return std::move(kept).error();
    return progress::done;
  }

  template <class Flow>
  expected<progress> end(const barrier&, Flow& flow) {
    for (; local_ < states_.hosted(); ++local_) {
      auto& table = states_.at(local_);
      if (!entered_) {
        for (const auto& [key, values] : values_[local_])
          apply(table, key, table.find(key), values, flow);
        if (auto settled = flow.settle_noted(); !settled)
          return std::move(settled).error();
        table.rewind();
        entered_ = true;
      }
      flow.enter(states_.partition_at(local_));
      while (true) {
        if (flow.blocked())
          return progress::blocked;
        auto [key, found] = table.next();
        if (!key)
          break;
        if (!table.updated(*found))
          found = apply(table, *key, found, {}, flow);
        if (found)
          flow.push(value(*key, found->state));
        if (auto settled = flow.settle_noted(); !settled)
          return std::move(settled).error();
      }
      entered_ = false;
    }
    forget_values();
    if (auto ended = states_.end(); !ended)
      return std::move(ended).error();
    return progress::done;
  }

private:
  /// Calls the function for one key. @returns the key's entry afterwards, or null.
  template <class Flow>
  entry* apply(typename states::table& in, const key_type& k, entry* found,
               std::span<const one> values, Flow& flow) {
    std::optional<State> fresh;
    try {
      const auto before = found ? std::optional<State>(found->state) : std::nullopt;
      if constexpr (std::is_invocable_v<Function&, std::span<const one>, std::optional<State>>)
        fresh = std::invoke(update_, values, before);
      else
        fresh = std::invoke(update_, time_, k, values, before);
    } catch (...) {
      flow.threw();
      return found;
    }
    if (fresh && found && values.empty() && same(*fresh, found->state))
      return found;
    if (fresh)
      return in.put(k, found, std::move(*fresh), !values.empty());
    if (found)
      in.erase(k, found);
    return nullptr;
  }

  /// Whether nothing need be written; false where comparing is not known to be cheap and exact.
  static bool same(const State& a, const State& b) {
    if constexpr (std::has_unique_object_representations_v<State>)
      return std::memcmp(&a, &b, sizeof(State)) == 0;
    else
      return false;
  }

  expected<void> account() {
    std::size_t bytes = value_bytes_;
    for (const auto& each : values_)
      bytes += each.bytes();
    return states_.account(bytes);
  }

  void forget_values() noexcept {
    for (auto& each : values_)
      each.clear();
    value_bytes_ = 0;
  }

  Function update_;
  states states_;
  std::uint32_t replicas_ = 1;
  batch_time time_{};
  std::deque<key_table<key_type, std::vector<one>>> values_; ///< By partition / replicas.
  std::size_t value_bytes_ = 0;
  std::size_t local_ = 0; ///< Where `end` resumes.
  bool entered_ = false;
};

} // namespace weir::detail
