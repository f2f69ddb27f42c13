// Two inputs, or an input and a table: cogroup, joins, transform. A part of stream_operators.hpp.
#pragma once

#include <weir/operators/detail/compose.hpp>
#include <weir/operators/keyed/cogrouping.hpp>
#include <weir/operators/keyed/joining.hpp>

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
    auto start = detail::start_behind(self().composed(), both, {kind, where});
    start.retains = true;
    start.needs_all_inputs = true;
    using head = Head<T, right>;
    return chain<typename head::value, head>(std::move(start), head(), {});
  }
};

} // namespace weir
