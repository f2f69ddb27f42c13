#include "run.hpp"
#include "text.hpp"

#include <weir/main.hpp>

#include <fmt/format.h>

#include <cerrno>
#include <cstring>

namespace impressions {

namespace {

/// Shows a row per batch.
class row_printer final : public weir::listener {
public:
  row_printer(terminal& shown, std::shared_ptr<const history> figures)
      : shown_(shown), figures_(std::move(figures)) {}

  void on_finished(const weir::batch_report& report) override {
    if (report.failure)
      return; // the error that ends the job is reported once, at its end
    const auto batch = figures_->last().value();
    if (first_ == weir::batch_time{})
      first_ = batch.time;
    shown_.row(batch, first_, report.interval / 2);
  }

private:
  terminal& shown_;
  std::shared_ptr<const history> figures_;
  weir::batch_time first_{};
};

} // namespace

weir::expected<std::shared_ptr<report_writer>> report_writer::open(const std::string& file) {
  auto made = std::make_shared<report_writer>();
  made->name_ = file;
  if (file.empty())
    return made;
  made->file_.open(file, std::ios::trunc);
  if (!made->file_)
    return weir::error{weir::errc::invalid_config,
                       fmt::format("--report: '{}' cannot be written ({}); name a "
                                   "file in a folder that exists",
                                   file, std::strerror(errno))};
  return made;
}

void report_writer::on_finished(const weir::batch_report& report) {
  if (!file_.is_open() || broken_)
    return;
  file_ << weir::to_json(report) << '\n' << std::flush;
  broken_ = !file_;
}

weir::expected<void> report_writer::check() const {
  if (broken_)
    return weir::error{weir::errc::io, fmt::format("writing {} failed; is the disk full?", name_)};
  return {};
}

weir::expected<void> report_writer::finish() {
  if (!file_.is_open())
    return {};
  file_.close();
  broken_ = broken_ || !file_;
  return check();
}

weir::expected<run> run::make(const settings& with, terminal& shown, weir::context_options job) {
  auto reports = report_writer::open(with.report_file);
  if (!reports)
    return std::move(reports).error();
  job.name = "impressions";
  job.batch_interval = with.interval;
  job.worker_threads = with.workers;
  auto ctx = weir::context::make(std::move(job));
  if (!ctx)
    return std::move(ctx).error();
  auto at = open_cluster(with);
  if (!at)
    return std::move(at).error();
  shown.line(
      fmt::format("impressions: topic {}, {} partitions, {}", with.topic, at->partitions,
                  at->embedded ? "on a Kafka cluster inside this process" : "on " + at->brokers));
  return run{.with = with,
             .shown = shown,
             .at = std::move(*at),
             .ctx = std::move(*ctx),
             .reports = std::move(*reports)};
}

weir::expected<void> run::start(weir::kafka::starting_offsets from, std::shared_ptr<toll> price) {
  if (price)
    ctx.add_listener(price);
  count_impressions(ctx, reading(with, at, std::move(from)), std::move(price), totals);
  ctx.add_listener(figures); // first: the printer asks it
  ctx.add_listener(std::make_shared<row_printer>(shown, figures));
  ctx.add_listener(reports);
  shown.table_head();
  return ctx.start();
}

weir::expected<bool> run::await_for(weir::duration limit) {
  if (auto written = reports->check(); !written)
    return std::move(written).error();
  return ctx.await_for(limit);
}

weir::expected<int> run::stop() {
  const auto left = ctx.stop(with.stop_within);
  shown.clear();
  if (!left)
    return left.error();
  if (auto written = reports->finish(); !written)
    return std::move(written).error();
  if (left->batches_left == 0)
    return weir::exit_code::ok;
  shown.line(fmt::format("\n{} planned batches of {} records were left after {} ms",
                         left->batches_left, grouped(static_cast<std::int64_t>(left->records_left)),
                         with.stop_within.count()));
  return weir::exit_code::data_left;
}

void run::show_last_ranges() const {
  const auto ranges = figures->last_ranges();
  if (ranges.empty())
    return;
  shown.line("\nOffset ranges of the last batch with records");
  shown.offset_table(ranges);
}

int fail(terminal& shown, const weir::error& why) {
  shown.clear();
  return weir::report(why);
}

} // namespace impressions
