// The keyed state of one replica of an operator: its partitions, its limits, and its epochs. Used
// by the heads in operators/keyed/.
#pragma once

#include <weir/operators/detail/batch_place.hpp>
#include <weir/operators/detail/state_table.hpp>
#include <weir/operators/keyed/state_options.hpp>

#include <deque>

namespace weir::detail {

/// A head with state keeps one of these and calls it as a stage is called. Counted in the retained
/// account.
template <class Key, class State>
class state_tables {
public:
  using table = state_table<Key, State>;
  using options = state_options<Key, State>;

  /// @param ordered whether the head asks for the keys that were updated longest ago.
  state_tables(std::shared_ptr<const options> wanted, bool ordered)
      : options_(std::move(wanted)),
        ordered_(ordered || options_->ttl > duration::zero() || options_->max_keys > 0) {}

  /// A copy takes over the options and starts empty: stages are copied as prototypes.
  state_tables(const state_tables& prototype)
      : options_(prototype.options_), ordered_(prototype.ordered_) {}
  state_tables& operator=(const state_tables&) = delete;

  expected<void> open(const replica_context& context) {
    context_ = context;
    retained_.open(context);
    if (!options_->store)
      return {};
    if (context.identity.empty())
      return error(errc::invalid_graph,
                   "'" + context.name +
                       "' keeps its state in a store, which finds it again by the operator's name; "
                       "give it one with .named(\"...\")");
    auto opened = options_->store->open(context.identity, context.index);
    if (!opened)
      return std::move(opened).error();
    store_ = std::move(*opened);
    return {};
  }

  /// First of all, state that is too old is forgotten.
  expected<void> begin(const batch& whole) {
    if (tables_.empty()) {
      if (auto recovered = recover(whole); !recovered)
        return recovered;
      make_tables(whole.nodes[context_.node.value].input_partitions);
    }
    if (store_)
      place_ = place_of(whole);
    tick_before_ = tick_;
    now_ = whole.time - whole.moved; // how old state is, no setting of the wall clock changes
    tick_ = std::max(now_.time_since_epoch().count() & ~std::int64_t{1}, tick_ + 2);
    evicted_ = 0;
    for (auto& each : tables_)
      each.begin(tick_);
    if (auto seeded = seed(); !seeded)
      return seeded;
    if (options_->ttl > duration::zero())
      for (auto& each : tables_)
        while (auto* old =
                   each.pop_oldest((now_ - options_->ttl).time_since_epoch().count(), oldest_))
          evict(each, old);
    return settle();
  }

  /// The batch has ended here; it may still be undone.
  expected<void> end() {
    if (options_->max_keys > 0)
      for (auto& each : tables_)
        while (each.keys() > max_keys_) {
          auto* old = each.pop_oldest(tick_ + 1, oldest_);
          if (!old)
            break; // the store failed
          evict(each, old);
        }
    return account();
  }

  /// What the batch has changed is on disk, for whoever comes after this process.
  expected<void> prepare() {
    if (!store_)
      return {};
    for (auto& each : tables_)
      each.write_changes();
    return store_->prepare(place_);
  }

  /// The batch that began last is final.
  expected<void> committed() {
    if (store_)
      if (auto adopted = store_->adopt(); !adopted)
        return adopted;
    for (auto& each : tables_)
      each.committed();
    return account();
  }

  /// Undoes the batch that began last.
  void undo() noexcept {
    for (auto& each : tables_)
      each.undo();
    if (seeds_open_)
      seeded_ = false;
    seeds_open_ = false;
    tick_ = tick_before_;
    failure_.reset();
    (void)account();
    if (store_)
      if (auto discarded = store_->discard(); !discarded)
        failure_ = std::move(discarded).error(); // the next batch fails
  }

  void close() noexcept {
    tables_.clear();
    store_.reset();
    retained_.release();
  }

  [[nodiscard]] table& of(partition_id partition) {
    return tables_[partition.value / context_.replicas];
  }
  [[nodiscard]] std::size_t hosted() const noexcept { return tables_.size(); }
  [[nodiscard]] table& at(std::size_t local) { return tables_[local]; }
  [[nodiscard]] partition_id partition_at(std::size_t local) const noexcept {
    return partition_id(static_cast<std::uint32_t>(local) * context_.replicas + context_.index);
  }

  /// The batch time, as if batch times had never been moved: by it state ages.
  [[nodiscard]] batch_time now() const noexcept { return now_; }

  /// What went wrong in the store since the last call, if anything.
  expected<void> settle() {
    if (failure_) [[unlikely]]
      return *std::exchange(failure_, std::nullopt);
    return {};
  }

  /// Brings the retained account up to date. @param more bytes that the head keeps besides.
  expected<void> account(std::size_t more = 0) {
    std::size_t bytes = more;
    for (const auto& each : tables_)
      bytes += each.bytes();
    if (auto kept = retained_.set(bytes); !kept)
      return kept;
    return settle();
  }

  void add_to(stage_counts& counts) const noexcept {
    for (const auto& each : tables_) {
      counts.state_keys += each.keys();
      counts.state_bytes += each.bytes();
    }
    counts.evicted += evicted_;
  }

private:
  /// Before the first batch: what a process that died had prepared counts, or not.
  expected<void> recover(const batch& first) {
    if (!store_)
      return {};
    return store_->recover([&](std::string_view place) -> expected<bool> {
      auto counts = counts_before(place, first);
      if (!counts)
        return std::move(counts).error().with("restoring the state of '" + context_.identity + "'");
      context_.log(log_level::info,
                   *counts ? "the state of the last batch is kept: its records are not read again"
                           : "the state of the last batch is dropped: its records are read again");
      return counts;
    });
  }

  void make_tables(std::uint32_t partitions) {
    partitions_ = std::max(1U, partitions);
    max_keys_ = (options_->max_keys + partitions_ - 1) / partitions_;
    for (std::uint32_t p = context_.index; p < partitions_; p += context_.replicas)
      tables_.emplace_back(store_.get(), &failure_, first_group_of(p), first_group_of(p + 1),
                           ordered_);
  }

  [[nodiscard]] std::uint32_t first_group_of(std::uint32_t partition) const noexcept {
    return (partition * key_groups + partitions_ - 1) / partitions_;
  }

  /// Before the first batch, unless there is state of an earlier run: the initial state.
  expected<void> seed() {
    seeds_open_ = !std::exchange(seeded_, true);
    if (!seeds_open_ || options_->initial.empty())
      return {};
    if (store_) {
      auto any = store_->scan(0, key_groups)->next();
      if (!any)
        return std::move(any).error();
      if (*any)
        return {};
    }
    for (const auto& [key, state] : options_->initial) {
      const auto home = partition_of(key, partitions_);
      if (home.value % context_.replicas != context_.index)
        continue;
      auto& to = of(home);
      to.put(key, to.find(key), state, false);
    }
    return {};
  }

  void evict(table& from, typename table::entry* old) {
    from.erase(*oldest_, old);
    ++evicted_;
  }

  std::shared_ptr<const options> options_;
  bool ordered_;
  replica_context context_;
  retained_bytes retained_;
  std::unique_ptr<state_store> store_;
  std::optional<error> failure_; ///< Of the store, noted where nothing can be returned.
  std::deque<table> tables_;     ///< By partition / replicas. Tables are not moved.
  std::uint32_t partitions_ = 1;
  std::size_t max_keys_ = 0; ///< Per partition.
  std::int64_t tick_ = std::numeric_limits<std::int64_t>::min() / 2;
  std::int64_t tick_before_ = tick_;
  batch_time now_{};
  bool seeded_ = false;     ///< The initial state has been put in.
  bool seeds_open_ = false; ///< By the batch that began last.
  std::string place_;       ///< Of that batch, for the store.
  std::optional<Key> oldest_;
  std::uint64_t evicted_ = 0;
};

} // namespace weir::detail
