// Turns the value of each (key, value) record into any number of others under the same key.
#pragma once

#include <weir/operators/step/flat_map.hpp>

#include <ranges>
#include <string_view>
#include <utility>

namespace weir::step {

namespace detail {

/// Puts the key before each value on its way to the next step.
template <class Out, class Next>
struct with_key {
  const typename Out::first_type& key;
  Next& next;

  template <class Value>
  void on_record(Value&& value) {
    next.on_record(Out(key, std::forward<Value>(value)));
  }
  void threw() { next.threw(); }
};

} // namespace detail

/// Passes on `(key, v)` for each `v` of the range `expand(value)`. Keys and partitioning are kept.
template <class Function>
class flat_map_values {
public:
  static constexpr std::string_view kind = "flat_map_values";
  template <class Pair>
  using expanded =
      std::pair<typename Pair::first_type, std::ranges::range_value_t<std::invoke_result_t<
                                               Function&, const typename Pair::second_type&>>>;
  template <class In>
  using output = as_timed_as<In, expanded<untimed_t<In>>>;

  explicit flat_map_values(Function expand) : expand_(std::move(expand)) {}
  void begin(const batch& whole) { begin_function(expand_, whole); }

  template <class Record, class Next>
  void on_record(Record&& record, Next next) {
    using in = std::remove_cvref_t<Record>;
    detail::with_time<in, Next> to{record, next};
    detail::with_key<expanded<untimed_t<in>>, detail::with_time<in, Next>> keyed{
        value_of(std::as_const(record)).first, to};
    guarded(
        std::forward<Record>(record),
        [&]() -> decltype(auto) {
          return std::invoke(expand_, value_of(std::as_const(record)).second);
        },
        next,
        [&](auto&& range) {
          flat_map<Function>::pass_on(std::forward<decltype(range)>(range), keyed);
        });
  }

private:
  [[no_unique_address]] Function expand_;
};

} // namespace weir::step
