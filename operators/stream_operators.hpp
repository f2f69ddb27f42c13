// Every operator that streams and chains have; each method adds to the graph. Next: chain.hpp, then
// the steps.
#pragma once

#include <weir/operators/action/format_record.hpp>
#include <weir/operators/chain.hpp>
#include <weir/operators/concepts.hpp>
#include <weir/operators/detail/compose.hpp>
#include <weir/operators/detail/folding.hpp>
#include <weir/operators/detail/partition_head.hpp>
#include <weir/operators/event_time/event_time_operators.hpp>
#include <weir/operators/keyed/combining.hpp>
#include <weir/operators/keyed/grouping.hpp>
#include <weir/operators/keyed/join_operators.hpp>
#include <weir/operators/keyed/state_operators.hpp>
#include <weir/operators/per_replica.hpp>
#include <weir/operators/shuffle.hpp>
#include <weir/operators/step/filter.hpp>
#include <weir/operators/step/flat_map.hpp>
#include <weir/operators/step/flat_map_values.hpp>
#include <weir/operators/step/inspect.hpp>
#include <weir/operators/step/map.hpp>
#include <weir/operators/step/map_values.hpp>
#include <weir/operators/text.hpp>
#include <weir/operators/window/window_operators.hpp>
#include <weir/runtime/sink.hpp>

#include <functional>
#include <ranges>

namespace weir {

/// The operators of streams and chains alike. Every one may be called before the start only; each
/// takes the line of the user's call for messages. `T` is the type of the records; results are per
/// batch. A missing batch of the input stays missing, except where an operator needs all its
/// inputs.
template <class Derived, class T>
class stream_operators : public window_operators<Derived, T>,
                         public join_operators<Derived, T>,
                         public state_operators<Derived, T>,
                         public event_time_operators<Derived, T> {
public:
  using here = std::source_location;

  // ---- steps: record by record, fused. Functions see the value of a timed record; its time stays
  // with it.

  /// `change(record)` for each record, in order. A view that `change` returns must point into the
  /// record or into what outlives the batch; return an owning type for anything else.
  template <operator_function<untimed_t<T>> F>
  [[nodiscard]] auto map(F change, here where = here::current()) const {
    return open().then(step::map<F>(std::move(change)), where);
  }

  /// The records for which `keep(record)` is true, in order.
  template <operator_function<untimed_t<T>> F>
  [[nodiscard]] auto filter(F keep, here where = here::current()) const {
    return open().then(step::filter<F>(std::move(keep)), where);
  }

  /// Each element of the range `expand(record)`, in order.
  template <operator_function<untimed_t<T>> F>
  [[nodiscard]] auto flat_map(F expand, here where = here::current()) const {
    return open().then(step::flat_map<F>(std::move(expand)), where);
  }

  /// Calls `look(record)` for its effect; the records pass unchanged.
  template <operator_function<untimed_t<T>> F>
  [[nodiscard]] auto inspect(F look, here where = here::current()) const {
    return open().then(step::inspect<F>(std::move(look)), where);
  }

  /// `(key, change(value))` for each record. Keys and partitioning are kept.
  template <class F>
    requires keyed<untimed_t<T>>
  [[nodiscard]] auto map_values(F change, here where = here::current()) const {
    return open().then(step::map_values<F>(std::move(change)), where);
  }

  /// `(key, v)` for each `v` of the range `expand(value)`. Keys and partitioning are kept.
  template <class F>
    requires keyed<untimed_t<T>>
  [[nodiscard]] auto flat_map_values(F expand, here where = here::current()) const {
    return open().then(step::flat_map_values<F>(std::move(expand)), where);
  }

  /// What a step of a connector, or of your own, makes of each record:
  /// `apply(parse_json<event>())`.
  template <class Step>
  [[nodiscard]] auto apply(Step step, here where = here::current()) const {
    if constexpr (requires { step.check(); })
      if (auto fits = step.check(); !fits)
        composed()->graph.add_mistake(std::move(fits).error().at(where));
    return open().then(std::move(step), where);
  }

  // ---- partitions

  /// The elements of the range `change(partition_view)`, called once per batch and logical
  /// partition, empty ones included. Keeps the partition's blocks until the batch ends.
  template <operator_function<partition_view<T>> F>
  [[nodiscard]] auto map_partitions(F change, here where = here::current()) const {
    using head = detail::partition_head<T, F>;
    auto start =
        detail::chain_start::behind(composed(), {to_node(where)}, {"map_partitions", where});
    start.retains = true;
    return chain<typename head::value, head>(std::move(start), head(std::move(change)), {});
  }

  /// The records of this stream, then those of `other`; this stream's partitions come first. Both
  /// must belong to the same context.
  template <class Other>
  [[nodiscard]] auto union_with(const Other& other, here where = here::current()) const {
    static_assert(std::is_same_v<typename Other::record_type, T>,
                  "union_with needs two streams of the same record type");
    detail::check_same_context(composed(), other.composed(), "union_with", where);
    auto start = detail::chain_start::behind(composed(), {to_node(where), other.to_node(where)},
                                             {"union_with", where});
    start.concatenates = true;
    start.needs_all_inputs = true;
    return chain<T, detail::block_head<T>>(std::move(start), {}, {});
  }

  /// The same records in exactly `partitions` partitions, in turn. Gives up order. 1 to 128.
  [[nodiscard]] auto repartition(std::uint32_t partitions, here where = here::current()) const {
    const auto node = open().close(
        detail::round_robin_tail<T>(),
        {.kind = "repartition",
         .partitions = partition_rule::fixed,
         .fixed_partitions = detail::checked_partitions(*composed(), partitions, where),
         .needs_all_inputs = true},
        where);
    return detail::chain_at<T>(composed(), node);
  }

  // ---- whole batches

  /// One record per batch: the number of records, 0 for an empty batch.
  [[nodiscard]] auto count(here where = here::current()) const {
    const auto one = [](const T&) { return std::int64_t{1}; };
    const auto more = [](std::int64_t n, const T&) { return n + 1; };
    return fold<std::int64_t>("count", one, more, std::plus<>{}, std::optional<std::int64_t>(0),
                              where);
  }

  /// One record per batch: all records joined by `join(a, b)`, which must be associative and
  /// commutative. Nothing for an empty batch.
  template <class F>
    requires std::is_invocable_v<F&, owned_t<T>, const T&>
  [[nodiscard]] auto reduce(F join, here where = here::current()) const {
    using out = owned_t<T>;
    const auto own = [](const T& record) -> out { return record_traits<T>::to_owned(record); };
    return fold<out>("reduce", own, join, join, std::optional<out>(), where);
  }

  // ---- keys

  /// `(value, how often)` for each distinct record of the batch.
  [[nodiscard]] auto count_by_value(std::uint32_t partitions = 0,
                                    here where = here::current()) const {
    const auto own = [](std::int64_t) { return std::int64_t{1}; };
    const auto with_one = open().then(
        step::map([](const T& record) { return std::pair<T, std::int64_t>(record, 1); }), where);
    return with_one.combine("count_by_value", own, std::plus<>{}, std::plus<>{}, partitions, where);
  }

  /// `(key, all values joined by join(a, b))` for each key of the batch. `join` must be associative
  /// and commutative. Combines before the shuffle. @param partitions of the result, 1 to 128; 0:
  /// the default of the options.
  template <class F>
    requires keyed<T>
  [[nodiscard]] auto reduce_by_key(F join, std::uint32_t partitions = 0,
                                   here where = here::current()) const {
    using value = typename T::second_type;
    const auto own = [](const value& v) -> owned_t<value> {
      return record_traits<value>::to_owned(v);
    };
    return combine("reduce_by_key", own, join, join, partitions, where);
  }

  /// `(key, accumulator)` for each key of the batch: `create(value)` begins one,
  /// `merge_value(accumulator, value)` adds to it, `merge(accumulator, accumulator)` joins two,
  /// which must be associative and commutative. Combines before the shuffle.
  template <class Create, class MergeValue, class Merge>
    requires keyed<T>
  [[nodiscard]] auto combine_by_key(Create create, MergeValue merge_value, Merge merge,
                                    std::uint32_t partitions = 0,
                                    here where = here::current()) const {
    return combine("combine_by_key", std::move(create), std::move(merge_value), std::move(merge),
                   partitions, where);
  }

  /// `(key, all its values)` for each key of the batch. Keeps every value until the batch ends:
  /// prefer reduce_by_key.
  [[nodiscard]] auto group_by_key(std::uint32_t partitions = 0, here where = here::current()) const
    requires keyed<T>
  {
    using key = owned_t<typename T::first_type>;
    using value = owned_t<typename T::second_type>;
    using head = detail::group_head<T, key, value>;
    const auto node = detail::shuffled<T>(
        self(), detail::checked_partitions(*composed(), partitions, where, true), where);
    auto start = detail::chain_start::behind(composed(), {node}, {"group_by_key", where});
    start.retains = true;
    return chain<typename head::value, head>(std::move(start), head(), {});
  }

  // ---- actions: without one nothing runs

  /// Prints the first `n` records of each batch under a heading with the batch time. Diagnostic:
  /// for people.
  void print(std::size_t n = 10, here where = here::current()) const;

  /// Writes one directory per batch, `<prefix>-<ms>[.<suffix>]`, with one text file per partition,
  /// also for empty batches. The directory appears whole or not at all; one of the same time is
  /// replaced. The prefix may be a path, the suffix is part of a name.
  void save_as_text_files(std::string prefix, std::string suffix = "",
                          here where = here::current()) const;

  /// The same with each record as a line of CSV, in files `part-NNNNN.csv`
  /// (operators/action/format_csv.hpp). Files of described structs begin with the names of the
  /// columns.
  void save_as_csv_files(std::string prefix, std::string suffix = "",
                         here where = here::current()) const;

  /// The same with each record as a line of JSON, in files `part-NNNNN.jsonl`
  /// (operators/action/format_json.hpp).
  void save_as_json_files(std::string prefix, std::string suffix = "",
                          here where = here::current()) const;

  /// The same with one object file per partition (docs/formats/object-file.md), which
  /// `read_object_file` reads back; `codec<T>` says how records become bytes.
  void save_as_object_files(std::string prefix, std::string suffix = "",
                            here where = here::current()) const;

  /// Calls `use(batch_view)` once per batch, empty ones included, on a worker thread. The batch is
  /// complete when it returns.
  template <operator_function<batch_view<T>> F>
  void for_each_batch(F use, here where = here::current()) const;

  /// Calls `use(partition_view)` once per batch and logical partition, empty ones included;
  /// partitions in parallel.
  template <operator_function<partition_view<T>> F>
  void for_each_partition(F use, here where = here::current()) const;

  /// Hands each record to a writer that is opened and closed around each batch; partitions in
  /// parallel. A writer that throws fails the batch.
  template <record_writer<T> Writer>
  void for_each(Writer writer, writer_options options = {}, here where = here::current()) const;

  /// Sends the records to a sink.
  void to(sink_factory<T> factory, here where = here::current()) const {
    add_sink(std::move(factory), "", false, where);
  }

  // ---- for operators

  /// The node that makes this stream's blocks; closes an open chain.
  [[nodiscard]] node_id to_node(here where) const {
    if constexpr (requires { self().node(); })
      return self().node();
    else
      return self().share(where).node();
  }
  [[nodiscard]] const std::shared_ptr<composition>& composed() const { return self().composed(); }

  /// Closes with combining before a shuffle, and opens the chain behind it.
  template <class Create, class MergeValue, class Merge>
  [[nodiscard]] auto combine(const char* kind, Create create, MergeValue merge_value, Merge merge,
                             std::uint32_t partitions, here where) const {
    using key = owned_t<typename T::first_type>;
    using accumulator =
        std::remove_cvref_t<std::invoke_result_t<Create&, const typename T::second_type&>>;
    static_assert(self_contained<accumulator>,
                  "an accumulator outlives its records: use an owning type such as std::string");
    using combiner = detail::combiner<Create, MergeValue, Merge>;
    using head = detail::combine_head<key, accumulator, combiner>;
    const combiner how{std::move(create), std::move(merge_value), std::move(merge)};
    return chain<typename head::value, head>(
        behind_combining<key, accumulator>(kind, how, partitions, where), head(how), {});
  }

  /// Closes with combining before a shuffle. @returns how a chain behind it begins.
  template <class Key, class Accumulator, class Combiner>
  [[nodiscard]] detail::chain_start behind_combining(const char* kind, const Combiner& how,
                                                     std::uint32_t partitions, here where) const {
    using tail = detail::combine_tail<T, Key, Accumulator, Combiner>;
    const auto first_half = std::make_shared<detail::stage_operators>();
    const auto node = open().close(
        tail(how),
        {.kind = std::string(kind) + " (combine)",
         .partitions = partition_rule::fixed,
         .fixed_partitions = detail::checked_partitions(*composed(), partitions, where, true),
         .retains = true,
         .operators = first_half},
        where);
    auto start = detail::chain_start::behind(composed(), {node}, {kind, where});
    start.retains = true;
    start.first_half = first_half;
    return start;
  }

  /// Closes with folding each replica's records into one. @returns how a chain behind it begins.
  template <class Out, class Folder>
  [[nodiscard]] detail::chain_start behind_folding(const char* kind, const Folder& how,
                                                   bool needs_all_inputs, here where) const {
    const auto first_half = std::make_shared<detail::stage_operators>();
    const auto node = open().close(detail::fold_tail<Out, Folder>(how),
                                   {.kind = std::string(kind) + " (partial)",
                                    .partitions = partition_rule::fixed,
                                    .fixed_partitions = 1,
                                    .needs_all_inputs = needs_all_inputs,
                                    .operators = first_half},
                                   where);
    auto start = detail::chain_start::behind(composed(), {node}, {kind, where});
    start.first_half = first_half;
    return start;
  }

private:
  [[nodiscard]] const Derived& self() const { return static_cast<const Derived&>(*this); }
  [[nodiscard]] decltype(auto) open() const { return self().open_chain(); }

  template <class Out, class Create, class MergeValue, class Merge>
  [[nodiscard]] auto fold(const char* kind, Create create, MergeValue merge_value, Merge merge,
                          std::optional<Out> of_nothing, here where) const {
    using folder = detail::folder<Out, Create, MergeValue, Merge>;
    using head = detail::fold_head<Out, folder>;
    const folder how{std::move(create), std::move(merge_value), std::move(merge),
                     std::move(of_nothing)};
    return chain<Out, head>(behind_folding<Out>(kind, how, true, where), head(how), {});
  }

  void add_sink(sink_factory<T> factory, std::string kind, bool retains, here where) const {
    detail::add_sink<T>(*composed(), to_node(where), std::move(factory), std::move(kind), retains,
                        where);
  }
};

} // namespace weir
