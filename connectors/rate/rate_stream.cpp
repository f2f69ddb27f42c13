#include <weir/connectors/rate/rate_stream.hpp>

#include <weir/connectors/range_receiver.hpp>
#include <weir/connectors/rate/internal/rate_law.hpp>

#include <fmt/format.h>

#include <functional>
#include <numeric>

namespace weir {
namespace {

constexpr std::int64_t most_rows = 1'000'000'000;
constexpr std::uint32_t most_partitions = 65'536;

/// Nanoseconds since 1970 hold no time beyond 2262.
constexpr event_time latest_start{std::chrono::sys_days{std::chrono::year(2200) / 1 / 1}};

error wrong(std::string_view field, std::string value, std::string_view allowed) {
  return error(errc::invalid_config,
               fmt::format("{} is {}, but must be {}", field, value, allowed));
}

expected<void> check_start(std::string_view name, event_time start) {
  if (start < event_time{} || start > latest_start)
    return wrong(fmt::format("{}.start", name),
                 fmt::format("{} ms", start.time_since_epoch().count()), "in 1970 to 2200");
  return {};
}

expected<void> check_counts(std::string_view name, std::string_view rows_field, std::int64_t rows,
                            std::uint32_t partitions) {
  if (rows < 1 || rows > most_rows)
    return wrong(fmt::format("{}.{}", name, rows_field), fmt::to_string(rows), "1 to 10^9");
  if (partitions < 1 || partitions > most_partitions)
    return wrong(fmt::format("{}.partitions", name), fmt::to_string(partitions), "1 to 65,536");
  return {};
}

/// Offset k of partition p of n is the value k x n + p.
struct value_layout {
  std::uint32_t partitions = 1;

  [[nodiscard]] std::int64_t value_at(std::uint32_t partition, std::int64_t offset) const noexcept {
    return offset * partitions + partition;
  }
  /// Offset in a partition of its first value that is not less than `value`.
  [[nodiscard]] std::int64_t offset_of(std::uint32_t partition, std::int64_t value) const noexcept {
    return value <= partition ? 0 : (value - partition + partitions - 1) / partitions;
  }
};

template <class Law>
class row_receiver final : public detail::range_receiver {
public:
  row_receiver(Law law, value_layout layout) : law_(law), layout_(layout) {}

  expected<void> open(const replica_context& context) override {
    builder_.emplace(context.limits);
    return range_receiver::open(context);
  }

private:
  expected<void> read(offset_range& range, emitter& out) override {
    const auto partition = static_cast<std::uint32_t>(range.partition);
    for (; !range.empty() && !builder_->full(); ++range.from) {
      const auto value = layout_.value_at(partition, range.from);
      builder_->push(rate_row{law_.timestamp_of(value), value}, range.from);
    }
    out.emit(partition_id(partition), builder_->build());
    return {};
  }

  Law law_;
  value_layout layout_;
  std::optional<block_builder<rate_row>> builder_; ///< Kept: it reuses its blocks' storage.
};

/// The rows that a law makes.
template <class Law>
class row_source final : public source {
public:
  /// @param make gives the law when the job starts.
  row_source(value_layout layout, std::function<expected<Law>(wall_time)> make)
      : layout_(layout), make_law_(std::move(make)), positions_(layout.partitions, 0) {}

  expected<void> open(const source_setup& setup) override {
    clock_ = &setup.host->clock();
    opened_ = moment_of(*clock_);
    auto made = make_law_(opened_.wall);
    if (!made)
      return std::move(made).error();
    law_.emplace(std::move(*made));
    return {};
  }

  std::unique_ptr<receiver> make_receiver(std::uint32_t) override {
    return std::make_unique<row_receiver<Law>>(*law_, layout_);
  }

  expected<std::vector<partition_position>> survey() override {
    const auto begin = std::accumulate(positions_.begin(), positions_.end(), std::int64_t{0});
    // Who sets the wall clock makes no rows and takes none.
    const auto now = opened_.wall + (clock_->steady_now() - opened_.steady);
    const auto end = law_->end_at(now, begin);
    std::vector<partition_position> unread;
    for (std::uint32_t p = 0; p < layout_.partitions; ++p)
      unread.push_back({.topic = "rate",
                        .partition = static_cast<std::int32_t>(p),
                        .position = positions_[p],
                        .latest = std::max(positions_[p], layout_.offset_of(p, end))});
    return unread;
  }

  source_batch plan(const std::vector<partition_position>& unread,
                    const std::vector<std::optional<std::uint64_t>>& limits) override {
    source_batch work;
    for (std::size_t p = 0; p < unread.size(); ++p) {
      auto rows = unread[p].lag();
      if (Law::obeys_limits && limits[p] && *limits[p] < static_cast<std::uint64_t>(rows))
        rows = static_cast<std::int64_t>(*limits[p]);
      work.ranges.push_back({.topic = unread[p].topic,
                             .partition = unread[p].partition,
                             .from = unread[p].position,
                             .until = unread[p].position + rows,
                             .latest = unread[p].latest});
      positions_[p] = work.ranges.back().until;
    }
    return work;
  }

  void completed(const batch&, const source_batch&) override {}

  void rewind(const source_batch& first) override {
    for (const auto& range : first.ranges)
      positions_[static_cast<std::size_t>(range.partition)] = range.from;
  }

  expected<void> close(duration) override { return {}; }

private:
  value_layout layout_;
  std::function<expected<Law>(wall_time)> make_law_;
  weir::clock* clock_ = nullptr;
  moment opened_{};
  std::optional<Law> law_;
  std::vector<std::int64_t> positions_; ///< By partition: what the next plan begins with.
};

template <class Options>
stream<rate_row> add_rows(context& to, const Options& options, std::string label,
                          source_factory make, std::source_location where) {
  source_spec spec{.label = std::move(label),
                   .make = std::move(make),
                   .max_replicas = std::max(1U, options.partitions),
                   .mistakes = {}};
  if (auto checked = options.check(); !checked)
    spec.mistakes.push_back(std::move(checked).error().at(where));
  return add_source<rate_row>(to, std::move(spec), where);
}

} // namespace

expected<void> rate_options::check() const {
  if (ramp_up < std::chrono::seconds::zero() || ramp_up > std::chrono::hours(24 * 365))
    return wrong("rate_options.ramp_up", fmt::format("{} s", ramp_up.count()), "0 to a year");
  if (auto checked = check_start("rate_options", start.value_or(event_time{})); !checked)
    return checked;
  return check_counts("rate_options", "rows_per_second", rows_per_second, partitions);
}

expected<void> rate_per_batch_options::check() const {
  if (auto checked = check_start("rate_per_batch_options", start); !checked)
    return checked;
  if (advance < std::chrono::milliseconds::zero() || advance > std::chrono::hours(24 * 365))
    return wrong("rate_per_batch_options.advance", fmt::format("{} ms", advance.count()),
                 "0 to a year");
  return check_counts("rate_per_batch_options", "rows_per_batch", rows_per_batch, partitions);
}

stream<rate_row> rate_stream(context& to, rate_options options, std::source_location where) {
  return add_rows(to, options, fmt::format("rate({}/s)", options.rows_per_second),
                  make_rate_source(options), where);
}

stream<rate_row> rate_per_batch_stream(context& to, rate_per_batch_options options,
                                       std::source_location where) {
  return add_rows(to, options, fmt::format("rate({} per batch)", options.rows_per_batch),
                  make_rate_per_batch_source(options), where);
}

source_factory make_rate_source(rate_options options) {
  return [options] {
    return std::make_unique<row_source<ramp_law>>(
        value_layout{options.partitions}, [options](wall_time now) -> expected<ramp_law> {
          if (auto checked = options.check(); !checked)
            return std::move(checked).error();
          return ramp_law(
              options.rows_per_second, options.ramp_up,
              options.start.value_or(std::chrono::floor<std::chrono::milliseconds>(now)));
        });
  };
}

source_factory make_rate_per_batch_source(rate_per_batch_options options) {
  return [options] {
    return std::make_unique<row_source<batch_law>>(value_layout{options.partitions},
                                                   [options](wall_time) -> expected<batch_law> {
                                                     if (auto checked = options.check(); !checked)
                                                       return std::move(checked).error();
                                                     return batch_law(options);
                                                   });
  };
}

} // namespace weir
