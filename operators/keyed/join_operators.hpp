// Two inputs, or an input and a table: cogroup, joins, transform. A part of stream_operators.hpp.
#pragma once

#include <weir/operators/action/remember.hpp>
#include <weir/operators/detail/compose.hpp>
#include <weir/operators/detail/transform_head.hpp>
#include <weir/operators/keyed/cogrouping.hpp>
#include <weir/operators/keyed/joining.hpp>
#include <weir/operators/step/join_table.hpp>

#include <source_location>

namespace weir {

/// See stream_operators.hpp. Operators of two streams use the batches of both at the same time:
/// both must belong to the same context, and a batch that only one side has is an error. Keys of
/// both sides must own alike: a string_view joins a string. What is joined owns its bytes.
template <class Derived, class T>
class join_operators {
public:
  using here = std::source_location;

  /// `(key, (values of this stream, values of the other))` for each key of the batch that either
  /// side has. @param partitions of the result, 1 to 128; 0: the default of the options.
  template <class Other>
    requires keyed<T>
  [[nodiscard]] auto cogroup(const Other& other, std::uint32_t partitions = 0,
                             here where = here::current()) const {
    return meet<detail::cogroup_head>("cogroup", other, partitions, where);
  }

  /// `(key, (left, right))` for each pair of a value of this stream and a value of the other that
  /// have the same key in the same batch. Keeps both sides until the batch ends, not the pairs.
  template <class Other>
    requires keyed<T>
  [[nodiscard]] auto join(const Other& other, std::uint32_t partitions = 0,
                          here where = here::current()) const {
    return meet<inner>("join", other, partitions, where);
  }

  /// The same, and `(key, (left, nullopt))` where the other stream lacks the key.
  template <class Other>
    requires keyed<T>
  [[nodiscard]] auto left_outer_join(const Other& other, std::uint32_t partitions = 0,
                                     here where = here::current()) const {
    return meet<left_outer>("left_outer_join", other, partitions, where);
  }

  /// As `join`, and `(key, (nullopt, right))` where this stream lacks the key.
  template <class Other>
    requires keyed<T>
  [[nodiscard]] auto right_outer_join(const Other& other, std::uint32_t partitions = 0,
                                      here where = here::current()) const {
    return meet<right_outer>("right_outer_join", other, partitions, where);
  }

  /// As `join`, and the values of keys that either side lacks; both sides are optional.
  template <class Other>
    requires keyed<T>
  [[nodiscard]] auto full_outer_join(const Other& other, std::uint32_t partitions = 0,
                                     here where = here::current()) const {
    return meet<full_outer>("full_outer_join", other, partitions, where);
  }

  // ---- whole batches

  /// The elements of the range `change(batch_view)`, or `change(batch_view, batch_time)`, called
  /// once per batch, empty ones included, as one partition. It may return an expected range: an
  /// error fails the batch. Keeps the batch until it ends.
  template <class F>
  [[nodiscard]] auto transform(F change, here where = here::current()) const {
    return transformed<detail::transform_head<F, T>>("transform", {self().to_node(where)},
                                                     std::move(change), where);
  }

  /// The same with the batches of two streams: `change(batch_view, other batch_view)`, or with the
  /// batch time behind them.
  template <class Other, class F>
  [[nodiscard]] auto transform_with(const Other& other, F change,
                                    here where = here::current()) const {
    detail::check_same_context(self().composed(), other.composed(), "transform_with", where);
    return transformed<detail::transform_head<F, T, typename Other::record_type>>(
        "transform_with", {self().to_node(where), other.to_node(where)}, std::move(change), where);
  }

  /// Keeps a copy of the batches of the last `time` for the host to `slice`: those whose time is
  /// later than that of the newest one less `time`. What a batch makes too old is forgotten when
  /// the next one begins, as until then it may be undone; it may be sliced, and takes memory, so
  /// long. An action.
  [[nodiscard]] remembered<owned_t<T>> remember(duration time, here where = here::current()) const {
    return detail::remember<T>(self().composed(), self().to_node(where), time, where);
  }

  // ---- tables: static_table or refreshable_table, see operators/table/; record by record, fused

  /// `(key, (value, found))` for each record whose key is in the table; strings of the table are
  /// carried as views. Order, keys and partitioning are kept.
  template <class Table>
    requires keyed<untimed_t<T>>
  [[nodiscard]] auto join_table(const Table& table, here where = here::current()) const {
    return looked_up<step::join_table<typename Table::version, false>>(table, where);
  }

  /// The same, and `(key, (value, nullopt))` where the key is not in the table.
  template <class Table>
    requires keyed<untimed_t<T>>
  [[nodiscard]] auto left_outer_join_table(const Table& table, here where = here::current()) const {
    return looked_up<step::join_table<typename Table::version, true>>(table, where);
  }

  /// `(key, combine(value, found))` for each record whose key is in the table: for tables of more
  /// than a number or a string, as nothing is copied. A view that `combine` returns must point into
  /// the record or the table.
  template <class Table, class F>
    requires keyed<untimed_t<T>> &&
             std::is_invocable_v<F&, const typename untimed_t<T>::second_type&,
                                 const typename Table::version::mapped_type&>
  [[nodiscard]] auto join_table(const Table& table, F combine, here where = here::current()) const {
    return looked_up<step::join_table_with<typename Table::version, false, F>>(table, where,
                                                                               std::move(combine));
  }

  /// The same for every record: `found` is a pointer, null where the key is not in the table.
  template <class Table, class F>
    requires keyed<untimed_t<T>> &&
             std::is_invocable_v<F&, const typename untimed_t<T>::second_type&,
                                 const typename Table::version::mapped_type*>
  [[nodiscard]] auto left_outer_join_table(const Table& table, F combine,
                                           here where = here::current()) const {
    return looked_up<step::join_table_with<typename Table::version, true, F>>(table, where,
                                                                              std::move(combine));
  }

private:
  template <class L, class R>
  using inner = detail::join_head<L, R, detail::join_kind{}>;
  template <class L, class R>
  using left_outer = detail::join_head<L, R, detail::join_kind{.lone_left = true}>;
  template <class L, class R>
  using right_outer = detail::join_head<L, R, detail::join_kind{.lone_right = true}>;
  template <class L, class R>
  using full_outer =
      detail::join_head<L, R, detail::join_kind{.lone_left = true, .lone_right = true}>;

  [[nodiscard]] const Derived& self() const { return static_cast<const Derived&>(*this); }

  template <class Step, class Table, class... More>
  [[nodiscard]] auto looked_up(const Table& table, here where, More... more) const {
    static_assert(std::is_same_v<owned_t<typename untimed_t<T>::first_type>,
                                 typename Table::version::key_type>,
                  "the records need keys of the table's type, or views of them");
    const auto side = table.side();
    if (side->reload_interval() < duration::zero())
      self().composed()->graph.add_mistake(
          error(errc::invalid_graph,
                "a table is to be loaded again after a negative duration; 0: at the start only")
              .at(where));
    const auto place = detail::side_place(*self().composed(), side);
    return self().open_chain().then(Step(place, std::move(more)...), where);
  }

  template <class Head, std::size_t Inputs, class F>
  [[nodiscard]] auto transformed(const char* kind, const node_id (&inputs)[Inputs], F change,
                                 here where) const {
    auto start = detail::chain_start::behind(self().composed(),
                                             {std::begin(inputs), std::end(inputs)}, {kind, where});
    start.retains = true;
    start.needs_all_inputs = true;
    start.max_replicas = 1;
    start.fixed_partitions = 1;
    return chain<typename Head::value, Head>(std::move(start),
                                             Head(std::to_array(inputs), std::move(change)), {});
  }

  /// Both streams, shuffled alike, into one head.
  template <template <class, class> class Head, class Other>
  [[nodiscard]] auto meet(const char* kind, const Other& other, std::uint32_t partitions,
                          here where) const {
    using right = typename Other::record_type;
    static_assert(keyed<right>, "both streams need records with a key and a value (std::pair)");
    static_assert(
        std::is_same_v<owned_t<typename T::first_type>, owned_t<typename right::first_type>>,
        "both streams need the same type of key");
    detail::check_same_context(self().composed(), other.composed(), kind, where);
    detail::checked_partitions(*self().composed(), partitions, where, true);
    const std::vector<node_id> both = {detail::shuffled<T>(self(), partitions, where),
                                       detail::shuffled<right>(other, partitions, where)};
    auto start = detail::chain_start::behind(self().composed(), both, {kind, where});
    start.retains = true;
    start.needs_all_inputs = true;
    using head = Head<T, right>;
    return chain<typename head::value, head>(std::move(start), head(), {});
  }
};

} // namespace weir
