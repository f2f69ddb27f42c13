// A whole job in a test: records in, batch by batch, and what is expected to come out. Built on
// testing/stepped_job.hpp; docs/testing.md shows how it is used.
#pragma once

#include <weir/runtime/testing/detail/test_ends.hpp>
#include <weir/runtime/testing/run_mode.hpp>
#include <weir/runtime/testing/stepped_job.hpp>
#include <weir/runtime/testing/unexpected.hpp>

#include <memory>
#include <string>
#include <vector>

namespace weir::testing {

/// Where a test puts records: an input of a `test_job`. A cheap handle.
template <class T>
class test_input {
public:
  /// What the job under test begins with.
  [[nodiscard]] const weir::stream<T>& stream() const noexcept { return stream_; }

  /// The next batch reads these records too.
  void add(std::vector<T> records, std::uint32_t partition = 0) const {
    log_->append_all(std::move(records), partition);
  }
  /// The same, by partition.
  void add_partitions(const std::vector<std::vector<T>>& records) const {
    for (std::uint32_t p = 0; p < records.size(); ++p)
      add(records[p], p);
  }

  /// The input has no batch at the next batch time, which is not an empty batch. What was added
  /// waits.
  void miss_next() const { *misses_ = true; }

private:
  friend class test_job;
  test_input(weir::stream<T> stream, std::shared_ptr<memory_log<T>> log,
             std::shared_ptr<std::atomic<bool>> misses)
      : stream_(std::move(stream)), log_(std::move(log)), misses_(std::move(misses)) {}

  weir::stream<T> stream_;
  std::shared_ptr<memory_log<T>> log_;
  std::shared_ptr<std::atomic<bool>> misses_;
};

/// Where a test looks at results. A cheap handle.
template <class T>
class test_output {
public:
  using row = owned_t<T>;

  /// The last step gave exactly these rows, in any order. @throws unexpected with what differs.
  void expect(const std::vector<row>& rows) const {
    if (const auto differs = difference(rows, this->rows()); !differs.empty())
      fail(differs);
  }
  /// The same, in this order. For results of one partition.
  void expect_in_order(const std::vector<row>& rows) const {
    expect(rows);
    if (this->rows() == rows)
      return;
    std::string text = "the rows are right, but their order is not:";
    detail::list_rows(text, "expected:", rows);
    detail::list_rows(text, "got:     ", this->rows());
    fail(text);
  }
  /// The last step gave no batch here, which is not an empty batch: e.g. between two slides of a
  /// window.
  void expect_no_batch() const {
    if (const auto* last = find())
      fail(fmt::format("expected no batch, got one of {} row(s)", last->rows.size()));
  }

  /// What the last step gave. @throws unexpected when it gave no batch here.
  [[nodiscard]] std::vector<row> rows() const {
    const auto* last = find();
    if (!last)
      fail("there is no batch, not even an empty one");
    return last->rows;
  }
  /// All batches so far.
  [[nodiscard]] std::vector<typename memory_table<T>::batch_rows> batches() const {
    return table_->batches();
  }

private:
  friend class test_job;
  test_output(std::string name, std::shared_ptr<memory_table<T>> table,
              std::shared_ptr<const batch_time> last)
      : name_(std::move(name)), table_(std::move(table)), last_(std::move(last)) {}

  [[nodiscard]] const typename memory_table<T>::batch_rows* find() const {
    batches_ = table_->batches();
    return batches_.empty() || batches_.back().time != *last_ ? nullptr : &batches_.back();
  }
  [[noreturn]] void fail(const std::string& text) const {
    throw unexpected(fmt::format("'{}', batch at {} ms:{}{}", name_, milliseconds_of(*last_),
                                 text.starts_with('\n') ? "" : " ", text));
  }

  std::string name_;
  std::shared_ptr<memory_table<T>> table_;
  std::shared_ptr<const batch_time> last_;
  mutable std::vector<typename memory_table<T>::batch_rows> batches_;
};

/// A job under a clock that only the test moves, from `input`s in memory to `output`s in memory.
/// Compose first, then step. For the trigger `every`. One thread at a time.
class test_job {
public:
  /// @throws unexpected for options that `context::make` refuses.
  explicit test_job(run_mode how = {}) : test_job(options_for(how)) {}
  /// @param options as for a context, except that `clock` is replaced and `check_views` set.
  explicit test_job(context_options options);

  /// For everything else that can be composed.
  [[nodiscard]] weir::context& context() noexcept { return job_.context(); }
  [[nodiscard]] manual_clock& clock() noexcept { return job_.clock(); }

  template <class T>
  [[nodiscard]] test_input<T> input(std::uint32_t partitions = 1, std::string name = "input",
                                    std::source_location where = std::source_location::current()) {
    auto log = std::make_shared<memory_log<T>>(partitions);
    auto misses = std::make_shared<std::atomic<bool>>(false);
    auto stream = add_source<T>(context(),
                                {.label = name,
                                 .make =
                                     [=, control = control_] {
                                       return std::make_unique<detail::test_source<T>>(
                                           name, log, control, misses);
                                     },
                                 .max_replicas = partitions,
                                 .mistakes = {}},
                                where);
    stream.to(
        {.traits = {.name = "gate", .diagnostic = true},
         .make = [control = control_] { return std::make_unique<detail::gate_sink<T>>(control); }},
        where);
    return {std::move(stream), std::move(log), std::move(misses)};
  }

  /// Looks at the results of a stream or chain.
  template <class Results>
  [[nodiscard]] auto output(const Results& results, std::string name = "output",
                            std::source_location where = std::source_location::current()) {
    auto [out, sink] = output_of<typename Results::record_type>(std::move(name));
    results.to(std::move(sink), where);
    return std::move(out);
  }

  /// Runs the next batch to its end; the first call starts the job.
  /// @param skipped ticks that pass before without a batch of their own: they are merged into this
  /// one.
  /// @throws unexpected when the job does not start or the batch does not complete, with the
  /// reason.
  batch_report step(std::uint32_t skipped = 0);

  /// Runs the next batch, which must fail, and with it the job. @returns why.
  error step_failing();

  /// Runs the next batch up to where only the commit is left, and takes it back then, as the loss
  /// of a Kafka partition would: the next step reads its records again. Needs an input.
  void step_undone();

private:
  /// An output, and the sink that fills it.
  template <class T>
  [[nodiscard]] std::pair<test_output<T>, sink_factory<T>> output_of(std::string name) const {
    auto table = std::make_shared<memory_table<T>>();
    sink_factory<T> sink{.traits = {.name = name, .diagnostic = true},
                         .make = [table, control = control_] {
                           return std::make_unique<detail::test_sink<T>>(table, control);
                         }};
    return {test_output<T>(std::move(name), std::move(table), last_), std::move(sink)};
  }

  stepped_job job_;
  std::shared_ptr<detail::test_control> control_ = std::make_shared<detail::test_control>();
  std::shared_ptr<batch_time> last_ = std::make_shared<batch_time>(); ///< Of the last step.
};

/// Runs a scenario in every mode. @throws unexpected as it does, with the mode before the text.
template <class Scenario>
void in_every_mode(Scenario&& scenario) {
  for (const auto& how : every_mode()) {
    try {
      scenario(how);
    } catch (const unexpected& failure) {
      throw unexpected(fmt::format("{}: {}",
                                   how.executor == executor_kind::actors
                                       ? std::string("actors")
                                       : fmt::format("in line, seed {}", how.seed),
                                   failure.what()));
    }
  }
}

namespace detail {

/// Runs the batches. @returns the rows that each batch of the output has, sorted.
template <class In, class Out>
auto run_batches(test_job& job, const test_input<In>& in, const test_output<Out>& out,
                 const std::vector<std::vector<std::vector<In>>>& batches) {
  for (const auto& batch : batches) {
    in.add_partitions(batch);
    job.step();
  }
  std::vector<std::vector<typename test_output<Out>::row>> rows;
  for (auto& batch : out.batches()) {
    std::sort(batch.rows.begin(), batch.rows.end());
    rows.push_back(std::move(batch.rows));
  }
  return rows;
}

} // namespace detail

/// Runs `build(stream)` over batches, each given by partition.
/// @returns the rows of each batch that the results have, sorted.
template <class In, class Build>
auto rows_of(context_options options, const std::vector<std::vector<std::vector<In>>>& batches,
             Build build) {
  test_job job(std::move(options));
  const auto in = job.input<In>(static_cast<std::uint32_t>(batches.front().size()));
  const auto out = job.output(build(in.stream()));
  return detail::run_batches(job, in, out, batches);
}

} // namespace weir::testing
