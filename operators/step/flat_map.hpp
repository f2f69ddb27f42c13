// Turns each record into any number of others.
#pragma once

#include <weir/operators/step/step.hpp>

#include <ranges>
#include <string_view>

namespace weir::step {

namespace detail {

/// Gives each element the event time of the record it comes from, on its way to the next step.
template <class Record, class Next>
struct with_time {
  const Record& record;
  Next& next;

  template <class Element>
  void on_record(Element&& element) {
    next.on_element(with_time_of(record, std::forward<Element>(element)));
  }
  void threw() { next.threw(); }
};

} // namespace detail

/// Passes on each element of the range `expand(record)`, in order. The range may be lazy: it is
/// read while the record is alive, and what its iteration throws counts as thrown by `expand`, but
/// is not retried: elements have been passed on by then.
template <class Function>
class flat_map {
public:
  static constexpr std::string_view kind = "flat_map";
  template <class In>
  using output = as_timed_as<
      In, std::ranges::range_value_t<std::invoke_result_t<Function&, const untimed_t<In>&>>>;

  explicit flat_map(Function expand) : expand_(std::move(expand)) {}
  void begin(const batch& whole) { begin_function(expand_, whole); }

  template <class Record, class Next>
  void on_record(Record&& record, Next&& next) {
    detail::with_time<std::remove_cvref_t<Record>, std::remove_reference_t<Next>> to{record, next};
    guarded(
        std::forward<Record>(record),
        [&]() -> decltype(auto) { return std::invoke(expand_, value_of(std::as_const(record))); },
        next, [&](auto&& range) { pass_on(std::forward<decltype(range)>(range), to); });
  }

  /// Passes on every element of `range`; those of a container that was returned by value are moved.
  /// Shared with flat_map_values.
  template <class Range, class Next>
  static void pass_on(Range&& range, Next& next) {
    constexpr bool owned = !std::is_lvalue_reference_v<Range> &&
                           !std::ranges::view<std::remove_cvref_t<Range>> &&
                           !std::ranges::borrowed_range<std::remove_cvref_t<Range>>;
    using iterator = std::ranges::iterator_t<Range>;
    const auto pass = [&](auto&& element) {
      if constexpr (owned)
        next.on_record(std::move(element)); // NOLINT(bugprone-move-forwarding-reference): owned
      else
        next.on_record(std::forward<decltype(element)>(element));
    };
    constexpr bool iterates_safely = noexcept(std::ranges::begin(range)) &&
                                     noexcept(++std::declval<iterator&>()) &&
                                     noexcept(*std::declval<iterator&>()) &&
                                     noexcept(std::declval<iterator&>() != std::ranges::end(range));
    if constexpr (iterates_safely) {
      for (auto&& element : range)
        pass(std::forward<decltype(element)>(element));
    } else {
      pass_on_guarded<iterator>(range, next, pass);
    }
  }

private:
  /// The same for iterators that may throw.
  template <class Iterator, class Range, class Next, class Pass>
  static void pass_on_guarded(Range& range, Next& next, Pass& pass) {
    std::optional<Iterator> at;
    bool more = false;
    const auto look = [&](auto&& move_on) {
      try {
        move_on();
        more = *at != std::ranges::end(range);
        return true;
      } catch (...) {
        next.threw();
        return false;
      }
    };
    if (!look([&] { at.emplace(std::ranges::begin(range)); }))
      return;
    while (more) {
      call_guarded([&]() -> std::ranges::range_reference_t<Range> { return **at; }, pass,
                   [&] { next.threw(); });
      if (!look([&] { ++*at; }))
        return;
    }
  }

  [[no_unique_address]] Function expand_;
};

} // namespace weir::step
