// Time that records carry: watermarks, windows, sessions, joins in time. A part of
// stream_operators.hpp.
#pragma once

#include <weir/operators/detail/compose.hpp>
#include <weir/operators/event_time/deduplication.hpp>
#include <weir/operators/event_time/interval_joining.hpp>
#include <weir/operators/event_time/windowed_stream.hpp>
#include <weir/operators/partition_view.hpp>
#include <weir/operators/step/assign_timestamps.hpp>
#include <weir/operators/step/without_time.hpp>

#include <functional>
#include <limits>
#include <source_location>
#include <string>
#include <vector>

namespace weir {

namespace detail {

/// Ends of windows that are no longer than this can be reckoned from any event time.
inline constexpr std::chrono::milliseconds longest_window = 100 * std::chrono::years(1);

/// The first `n` records of a partition in the order of `before(a, b)`, made to own their bytes.
template <class T, class Before>
[[nodiscard]] std::vector<owned_t<T>> first_of(const partition_view<T>& all, std::size_t n,
                                               Before before) {
  std::vector<owned_t<T>> kept;
  for (const auto& record : all)
    kept.push_back(record_traits<T>::to_owned(record));
  const auto until = kept.begin() + static_cast<std::ptrdiff_t>(std::min(n, kept.size()));
  std::partial_sort(kept.begin(), until, kept.end(), before);
  kept.erase(until, kept.end());
  return kept;
}

} // namespace detail

/// See stream_operators.hpp.
template <class Derived, class T>
class event_time_operators {
public:
  using here = std::source_location;

  /// `timed` records: each with the event time that `extract(record)` gives, a time_point of the
  /// system's clock or an optional one. From here on a watermark says how far event time has come.
  /// A record has no valid time, and is treated as one for which `extract` throws, when it has
  /// none, one before 1970, or one more than `max_skew` ahead of the batch time. Once per way from
  /// a source.
  template <operator_function<T> F>
  [[nodiscard]] auto assign_timestamps(F extract, watermark_options options = {},
                                       here where = here::current()) const {
    static_assert(!is_timed<T>, "the records have event times already");
    const auto& graph = self().composed();
    if (options.max_out_of_orderness < std::chrono::milliseconds{} ||
        options.idle_after < duration{} || options.max_skew < duration{})
      graph->graph.add_mistake(error(errc::invalid_graph,
                                     "assign_timestamps() was given a negative duration; "
                                     "max_out_of_orderness, idle_after and max_skew are >= 0")
                                   .at(where));
    options.max_out_of_orderness = std::min(options.max_out_of_orderness, beyond_all_time);
    return self()
        .open_chain()
        .then(step::assign_timestamps<F>(std::move(extract), options.max_skew), where)
        .assigning(options);
  }

  /// The values of timed records.
  [[nodiscard]] auto without_time(here where = here::current()) const
    requires is_timed<T>
  {
    return self().open_chain().then(step::without_time(), where);
  }

  // ---- windows of event time, on timed records

  /// Windows of `size` that follow each other from 1970 on, UTC, moved by `offset`: `size` > 0 and
  /// at most 100 years, |offset| < size.
  [[nodiscard]] auto tumbling(std::chrono::milliseconds size, std::chrono::milliseconds offset = {},
                              here where = here::current()) const
    requires is_timed<T>
  {
    return in_windows("tumbling", size, size, offset, where);
  }

  /// Windows of `size` that begin at every multiple of `slide` from 1970 on, UTC, moved by
  /// `offset`: 0 < slide <= size <= 100 years, |offset| < slide. A record counts in each window
  /// that holds it.
  [[nodiscard]] auto sliding(std::chrono::milliseconds size, std::chrono::milliseconds slide,
                             std::chrono::milliseconds offset = {},
                             here where = here::current()) const
    requires is_timed<T>
  {
    return in_windows("sliding", size, slide, offset, where);
  }

  /// Sessions: a record lasts for `gap`, > 0 and at most 100 years, from its time on, and records
  /// that touch are in one session, which ends with the last of them. For `append` and `complete`.
  [[nodiscard]] auto session(std::chrono::milliseconds gap, here where = here::current()) const
    requires is_timed<T>
  {
    if (gap.count() <= 0 || gap > detail::longest_window)
      self().composed()->graph.add_mistake(
          error(errc::invalid_graph,
                "session() was given a gap that is not > 0 and at most 100 years")
              .at(where));
    return windowed_stream<Derived, detail::sessions>(self(), detail::sessions(gap), "session");
  }

  /// One result over all batches so far, per key or over all records: `.running().emit(update)`, or
  /// `complete`. Never forgets a key. Of timed records the value counts.
  [[nodiscard]] auto running() const {
    return windowed_stream<Derived, detail::all_time>(self(), {}, "running");
  }

  /// The results of windows as timed records, `(key, value)` or `value`, at the last instant of
  /// their window: to aggregate them again over event time. For results that are final (`append`).
  [[nodiscard]] auto at_window_end(here where = here::current()) const
    requires detail::is_windowed<T>
  {
    const auto open = self().open_chain();
    if (const auto mode = open.emits(); mode && *mode != output_mode::append)
      self().composed()->graph.add_mistake(
          error(errc::invalid_graph,
                "at_window_end() stands behind an aggregation that emits " +
                    std::string(to_string(*mode)) +
                    ": its results change later, and would be late for what follows; emit append")
              .at(where));
    // The watermark is lower behind this node than in it.
    return open.map([](const T& result) { return detail::at_end_of_window(result); }, where)
        .share(where);
  }

  // ---- duplicates

  /// The first record for each `key(record)`. Of timed records key and event time together are
  /// compared, and forgotten when the watermark has passed; of others each key is kept for ever.
  template <operator_function<untimed_t<T>> F>
  [[nodiscard]] auto deduplicate(F key, std::uint32_t partitions = 0,
                                 here where = here::current()) const {
    return distinct<is_timed<T>>("deduplicate", std::move(key), partitions, where);
  }

  /// The first record for each `key(record)`, whatever its event time; a key is forgotten when the
  /// watermark is `max_out_of_orderness` past its first record.
  template <operator_function<untimed_t<T>> F>
    requires is_timed<T>
  [[nodiscard]] auto deduplicate_within_watermark(F key, std::uint32_t partitions = 0,
                                                  here where = here::current()) const {
    if (!self().open_chain().has_watermark())
      self().composed()->graph.add_mistake(
          error(errc::invalid_graph,
                "deduplicate_within_watermark() stands behind a stream without "
                "a watermark: no key would ever be forgotten; "
                "assign_timestamps() first, or use deduplicate()")
              .at(where));
    return distinct<false>("deduplicate_within_watermark", std::move(key), partitions, where);
  }

  // ---- joins of two timed streams of (key, value) records

  /// `(key, (left, right))`, timed, for each pair of records of this stream and the other that have
  /// the same key and are near in time: `lower <= time of the other - time of this <= upper`. It
  /// leaves in the batch that brings the later of the two, at the later time. A record is kept
  /// until the watermark says that nothing can match it any more; a late one is left out and
  /// counted. `milliseconds::min()` and `max()` are bounds that leave a side open: records that
  /// wait for it are kept for ever.
  template <class Other>
  [[nodiscard]] auto interval_join(const Other& other, std::chrono::milliseconds lower,
                                   std::chrono::milliseconds upper, std::uint32_t partitions = 0,
                                   here where = here::current()) const {
    return join_near<detail::interval_join_kind{}>("interval_join", other, lower, upper, partitions,
                                                   where);
  }

  /// The same, and `(key, (left, nullopt))` for each record of this stream that matches none, once
  /// nothing can match it any more: `upper` must be a bound.
  template <class Other>
  [[nodiscard]] auto left_interval_join(const Other& other, std::chrono::milliseconds lower,
                                        std::chrono::milliseconds upper,
                                        std::uint32_t partitions = 0,
                                        here where = here::current()) const {
    return join_near<detail::interval_join_kind{.lone_left = true}>(
        "left_interval_join", other, lower, upper, partitions, where);
  }

  /// As `interval_join`, and `(key, (nullopt, right))` for each record of the other stream that
  /// matches none: `lower` must be a bound.
  template <class Other>
  [[nodiscard]] auto right_interval_join(const Other& other, std::chrono::milliseconds lower,
                                         std::chrono::milliseconds upper,
                                         std::uint32_t partitions = 0,
                                         here where = here::current()) const {
    return join_near<detail::interval_join_kind{.lone_right = true}>(
        "right_interval_join", other, lower, upper, partitions, where);
  }

  /// As `interval_join`, and the records of both streams that match none; both sides are optional,
  /// and both bounds must be given.
  template <class Other>
  [[nodiscard]] auto full_interval_join(const Other& other, std::chrono::milliseconds lower,
                                        std::chrono::milliseconds upper,
                                        std::uint32_t partitions = 0,
                                        here where = here::current()) const {
    return join_near<detail::interval_join_kind{.lone_left = true, .lone_right = true}>(
        "full_interval_join", other, lower, upper, partitions, where);
  }

  /// `(key, left)`, timed, for each record of this stream that matches one of the other: once, at
  /// its first match. With an open upper bound the results have no watermark, as a match may come
  /// for a record of any age.
  template <class Other>
  [[nodiscard]] auto semi_interval_join(const Other& other, std::chrono::milliseconds lower,
                                        std::chrono::milliseconds upper,
                                        std::uint32_t partitions = 0,
                                        here where = here::current()) const {
    return join_near<detail::interval_join_kind{.semi = true}>("semi_interval_join", other, lower,
                                                               upper, partitions, where);
  }

  // ---- order, of whole batches

  /// All records of the batch in one partition, in the order of `before(a, b)`. Keeps them until
  /// the batch ends.
  template <class Before = std::less<>>
  [[nodiscard]] auto sorted(Before before = {}, here where = here::current()) const {
    refuse_changes("sorted", where);
    return self().repartition(1, where).map_partitions(
        [before](const partition_view<T>& all) {
          return detail::first_of(all, std::numeric_limits<std::size_t>::max(), before);
        },
        where);
  }

  /// The first `n` records of the batch in the order of `before(a, b)`: by default the greatest.
  template <class Before = std::greater<>>
  [[nodiscard]] auto top(std::size_t n, Before before = {}, here where = here::current()) const {
    refuse_changes("top", where);
    using kept = partition_view<owned_t<T>>;
    return self()
        .map_partitions(
            [n, before](const partition_view<T>& all) { return detail::first_of(all, n, before); },
            where)
        .repartition(1, where)
        .map_partitions([n, before](const kept& all) { return detail::first_of(all, n, before); },
                        where);
  }

private:
  template <bool PerTime, class F>
  [[nodiscard]] auto distinct(const char* kind, F key, std::uint32_t partitions, here where) const {
    using record = untimed_t<T>;
    using pair = std::pair<std::remove_cvref_t<std::invoke_result_t<F&, const record&>>, record>;
    using in = as_timed_as<T, pair>;
    using head = detail::deduplication_head<in, PerTime>;
    const auto keyed_by = [key](const record& r) mutable { return pair(std::invoke(key, r), r); };
    detail::checked_partitions(*self().composed(), partitions, where, true);
    const auto node =
        detail::shuffled<in>(self().open_chain().map(keyed_by, where), partitions, where);
    auto start = detail::chain_start::behind(self().composed(), {node}, {kind, where});
    start.retains = true;
    start.keeps = kept_state::in_memory;
    // A key with its time cannot come again once that is late; a key alone can, that much later.
    const auto remember =
        PerTime ? std::chrono::milliseconds{} : self().composed()->graph.disorder_of(node);
    return chain<typename head::value, head>(std::move(start), head(remember), {});
  }

  template <detail::interval_join_kind Kind, class Other>
  [[nodiscard]] auto join_near(const char* kind, const Other& other,
                               std::chrono::milliseconds lower, std::chrono::milliseconds upper,
                               std::uint32_t partitions, here where) const {
    using right = typename Other::record_type;
    static_assert(
        is_timed<T> && is_timed<right> && keyed<untimed_t<T>> && keyed<untimed_t<right>>,
        "both streams need timed records with a key and a value: assign_timestamps(), then "
        "map to std::pair");
    using head = detail::interval_join_head<T, right, Kind>;
    static_assert(
        std::is_same_v<typename head::key, owned_t<typename untimed_t<right>::first_type>>,
        "both streams need the same type of key");
    auto& composed = self().composed();
    detail::check_same_context(composed, other.composed(), kind, where);
    detail::checked_partitions(*composed, partitions, where, true);
    if (lower > upper)
      composed->graph.add_mistake(
          error(errc::invalid_graph,
                std::string(kind) + "() was given an upper bound that is below the lower one")
              .at(where));
    const std::vector<node_id> both = {detail::shuffled<T>(self(), partitions, where),
                                       detail::shuffled<right>(other, partitions, where)};
    auto start = detail::chain_start::behind(composed, both, {kind, where});
    start.retains = true;
    start.keeps = kept_state::in_memory;
    start.needs_all_inputs = true;
    lower = std::clamp(lower, -beyond_all_time, beyond_all_time);
    upper = std::clamp(upper, -beyond_all_time, beyond_all_time);
    const auto refuse_open = [&](const char* bound, const char* side) {
      composed->graph.add_mistake(
          error(errc::invalid_graph,
                std::string(kind) + "() was given an open " + bound + " bound: a row of the " +
                    side +
                    " stream could still be matched at any time, so that none would ever leave "
                    "alone; give a bound, or use interval_join()")
              .at(where));
    };
    if ((Kind.lone_left || Kind.lone_right) &&
        !(composed->graph.has_watermark(both[0]) && composed->graph.has_watermark(both[1])))
      composed->graph.add_mistake(
          error(errc::invalid_graph,
                std::string(kind) + "() stands behind a stream without a watermark: a row that "
                                    "matches nothing would never leave; assign_timestamps() first")
              .at(where));
    if (Kind.lone_left && upper == beyond_all_time)
      refuse_open("upper", "left");
    if (Kind.lone_right && lower == -beyond_all_time)
      refuse_open("lower", "right");
    // Rows that waited for a match leave with their own time.
    auto& wait = start.lowers_watermark;
    if (Kind.lone_left || Kind.semi)
      wait = std::max(wait, upper);
    if (Kind.lone_right)
      wait = std::max(wait, -lower);
    // The watermark is lower behind this node than in it.
    return chain<typename head::value, head>(std::move(start), head(lower, upper), {}).share(where);
  }

  void refuse_changes(const char* kind, here where) const {
    if (self().open_chain().emits() == output_mode::update)
      self().composed()->graph.add_mistake(
          error(
              errc::invalid_graph,
              std::string(kind) +
                  "() stands behind an aggregation that emits update: it would order what changed, "
                  "not the results; emit complete")
              .at(where));
  }

  [[nodiscard]] auto in_windows(const char* kind, std::chrono::milliseconds size,
                                std::chrono::milliseconds slide, std::chrono::milliseconds offset,
                                here where) const {
    const bool possible = slide.count() > 0 && slide <= size && size <= detail::longest_window &&
                          offset < slide && offset > -slide;
    if (!possible)
      self().composed()->graph.add_mistake(
          error(errc::invalid_graph,
                std::string(kind) +
                    "() was given windows that cannot be: size and slide must be > 0, the size at "
                    "most 100 years, the slide at most the size, and the offset nearer to 0 than "
                    "the slide")
              .at(where));
    return windowed_stream<Derived, detail::sliding_windows>(
        self(),
        possible ? detail::sliding_windows(size, slide, offset)
                 : detail::sliding_windows({}, {}, {}),
        kind);
  }

  [[nodiscard]] const Derived& self() const { return static_cast<const Derived&>(*this); }
};

} // namespace weir
