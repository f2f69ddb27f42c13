// What users say between a window and its results: which results leave, and how records become one.
// Next: detail/event_aggregation.hpp.
#pragma once

#include <weir/operators/detail/compose.hpp>
#include <weir/operators/event_time/detail/event_aggregation.hpp>
#include <weir/operators/event_time/windows.hpp>
#include <weir/operators/keyed/combining.hpp>
#include <weir/operators/step/late_records.hpp>
#include <weir/runtime/output_mode.hpp>

#include <functional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace weir {

/// Records in windows of event time, not aggregated yet. Results are `windowed` records, those of a
/// running aggregation `(key, value)` pairs or values. Every aggregation combines before the
/// shuffle and keeps one accumulator per window and key; functions that join accumulators must be
/// associative and commutative. Keys and values are those of `std::pair` records.
template <class Source, class Windows>
class [[nodiscard("windows do nothing until they are aggregated")]] windowed_stream {
public:
  using here = std::source_location;
  using record = untimed_t<typename Source::record_type>;

  windowed_stream(Source from, Windows windows, std::string kind)
      : from_(std::move(from)), windows_(std::move(windows)), kind_(std::move(kind)) {}

  /// Which results leave in a batch. Without it: those that are final (`append`).
  [[nodiscard]] windowed_stream emit(output_mode mode) const {
    windowed_stream changed = *this;
    changed.mode_ = mode;
    return changed;
  }

  /// The records that the aggregation leaves out, because all their windows had ended at the
  /// watermark of the batch before.
  [[nodiscard]] auto late(here where = here::current()) const
    requires is_timed<typename Source::record_type>
  {
    return from_.open_chain().then(step::late_records<Windows>(windows_), where);
  }

  /// The number of records of each window.
  [[nodiscard]] auto count(here where = here::current()) const {
    return counted<false>("count", 1, where);
  }
  /// The number of records of each window and key.
  [[nodiscard]] auto count_by_key(std::uint32_t partitions = 0, here where = here::current()) const
    requires keyed<record>
  {
    return counted<true>("count_by_key", partitions, where);
  }

  /// All records of each window, joined by `join(a, b)`.
  template <class F>
  [[nodiscard]] auto reduce(F join, here where = here::current()) const {
    return reduced<false>("reduce", std::move(join), 1, where);
  }
  /// All values of each window and key, joined by `join(a, b)`.
  template <class F>
    requires keyed<record>
  [[nodiscard]] auto reduce_by_key(F join, std::uint32_t partitions = 0,
                                   here where = here::current()) const {
    return reduced<true>("reduce_by_key", std::move(join), partitions, where);
  }

  /// The accumulator of each window: `create(record)` begins one, `add(accumulator, record)` adds
  /// to it, `merge(accumulator, accumulator)` joins two.
  template <class Create, class Add, class Merge>
  [[nodiscard]] auto aggregate(Create create, Add add, Merge merge,
                               here where = here::current()) const {
    return combined<false>("aggregate", std::move(create), std::move(add), std::move(merge), 1,
                           where);
  }
  /// The same for the values of each window and key.
  template <class Create, class Add, class Merge>
    requires keyed<record>
  [[nodiscard]] auto aggregate_by_key(Create create, Add add, Merge merge,
                                      std::uint32_t partitions = 0,
                                      here where = here::current()) const {
    return combined<true>("aggregate_by_key", std::move(create), std::move(add), std::move(merge),
                          partitions, where);
  }

  /// All records of each window, in no order. Keeps every one: prefer the others.
  [[nodiscard]] auto group(here where = here::current()) const {
    return grouped<false>("group", 1, where);
  }
  /// All values of each window and key, in no order. Keeps every one: prefer the others.
  [[nodiscard]] auto group_by_key(std::uint32_t partitions = 0, here where = here::current()) const
    requires keyed<record>
  {
    return grouped<true>("group_by_key", partitions, where);
  }

private:
  template <bool ByKey>
  using value_type = typename detail::parts_of<ByKey, record>::value;

  template <bool ByKey>
  [[nodiscard]] auto counted(const char* kind, std::uint32_t partitions, here where) const {
    const auto one = [](const value_type<ByKey>&) { return std::int64_t{1}; };
    const auto more = [](std::int64_t n, const value_type<ByKey>&) { return n + 1; };
    return combined<ByKey>(kind, one, more, std::plus<>{}, partitions, where);
  }

  template <bool ByKey, class F>
  [[nodiscard]] auto reduced(const char* kind, F join, std::uint32_t partitions, here where) const {
    using value = value_type<ByKey>;
    const auto own = [](const value& v) -> owned_t<value> {
      return record_traits<value>::to_owned(v);
    };
    return combined<ByKey>(kind, own, join, join, partitions, where);
  }

  template <bool ByKey>
  [[nodiscard]] auto grouped(const char* kind, std::uint32_t partitions, here where) const {
    using value = value_type<ByKey>;
    using all = std::vector<owned_t<value>>;
    const auto one = [](const value& v) { return all{record_traits<value>::to_owned(v)}; };
    const auto add = [](all values, const value& v) {
      values.push_back(record_traits<value>::to_owned(v));
      return values;
    };
    const auto merge = [](all values, const all& more) {
      values.insert(values.end(), more.begin(), more.end());
      return values;
    };
    return combined<ByKey>(kind, one, add, merge, partitions, where);
  }

  template <bool ByKey, class Create, class Add, class Merge>
  [[nodiscard]] auto combined(const char* kind, Create create, Add add, Merge merge,
                              std::uint32_t partitions, here where) const {
    using parts = detail::parts_of<ByKey, record>;
    using key = typename parts::key;
    using accumulator =
        std::remove_cvref_t<std::invoke_result_t<Create&, const typename parts::value&>>;
    static_assert(self_contained<accumulator>,
                  "an accumulator outlives its records: use an owning type such as std::string");
    static_assert(std::copy_constructible<accumulator>,
                  "an accumulator must be copyable: a batch may have to be undone");
    using combiner = detail::combiner<Create, Add, Merge>;
    using tail = detail::event_window_tail<parts, accumulator, combiner, Windows>;
    using head = detail::event_window_head<key, accumulator, combiner, Windows>;
    const combiner how{std::move(create), std::move(add), std::move(merge)};
    const auto full_kind = kind_ + "." + kind;
    const auto first_half = std::make_shared<detail::stage_operators>();
    const auto chain_before = from_.open_chain();
    check_mode(chain_before, full_kind, where);
    auto& composed = from_.composed();
    const auto node = chain_before.close(
        tail(how, windows_, mode_),
        {.kind = full_kind + " (combine)",
         .partitions = partition_rule::fixed,
         .fixed_partitions = detail::checked_partitions(*composed, partitions, where, true),
         .retains = true,
         .operators = first_half},
        where);
    auto start = detail::chain_start::behind(composed, {node}, {full_kind, where});
    start.retains = true;
    start.first_half = first_half;
    start.emits = mode_;
    start.keeps = kept_state::in_memory;
    // A window's last instant is a millisecond before its end, where the watermark stands when the
    // result leaves: what follows must not take it for late.
    start.lowers_watermark = std::chrono::milliseconds(1);
    return chain<typename head::value, head>(std::move(start), head(how, windows_, mode_), {});
  }

  template <class Chain>
  void check_mode(const Chain& before, const std::string& kind, here where) const {
    constexpr bool in_sessions = std::is_same_v<Windows, detail::sessions>;
    const char* reason = nullptr;
    if (mode_ == output_mode::update && in_sessions)
      reason =
          "sessions merge, so a result that was given may cease to be; emit append or complete";
    else if (mode_ == output_mode::append && std::is_same_v<Windows, detail::all_time>)
      reason = "an aggregation over all of time is never final; emit update or complete";
    else if (mode_ == output_mode::append && !before.has_watermark())
      reason = "without a watermark, or behind a join that waits for ever, no window is ever "
               "final; assign_timestamps() first, give the join a bound, or emit complete";
    if (const auto behind = before.emits(); behind && *behind != output_mode::append)
      from_.composed()->graph.add_mistake(
          error(errc::invalid_graph,
                "'" + kind + "' stands behind an aggregation that emits " +
                    std::string(to_string(*behind)) +
                    ": it would count what each batch says of a result as a record of its own; "
                    "aggregate the records themselves, or results that are final (append)")
              .at(where));
    if (reason)
      from_.composed()->graph.add_mistake(
          error(errc::invalid_graph,
                "'" + kind + "' cannot emit " + std::string(to_string(mode_)) + ": " + reason)
              .at(where));
  }

  Source from_;
  Windows windows_;
  std::string kind_;
  output_mode mode_ = output_mode::append;
};

} // namespace weir
