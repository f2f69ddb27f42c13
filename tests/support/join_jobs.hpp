// Jobs with two inputs from memory: what the tests of joins run.
#pragma once

#include <tests/support/jobs.hpp>

namespace weir::test {

/// What one batch is to read on either side, by partition.
template <class L, class R>
struct two_inputs {
  partitioned<L> left;
  partitioned<R> right;
};

/// A job with two logs of two partitions each.
template <class L, class R>
struct two_logs {
  explicit two_logs(context_options options)
      : job(*testing::stepped_job::make(std::move(options))),
        left_log(std::make_shared<memory_log<L>>(2)),
        right_log(std::make_shared<memory_log<R>>(2)) {}
  stream<L> left() { return memory_stream(job.context(), left_log, "left"); }
  stream<R> right() { return memory_stream(job.context(), right_log, "right"); }
  void append(const two_inputs<L, R>& batch) {
    test::append(*left_log, batch.left);
    test::append(*right_log, batch.right);
  }

  testing::stepped_job job;
  std::shared_ptr<memory_log<L>> left_log;
  std::shared_ptr<memory_log<R>> right_log;
};

/// Runs `build(left, right)` over the batches. @returns the rows that left each batch, sorted.
template <class L, class R, class Build>
auto joined_rows(context_options options, const std::vector<two_inputs<L, R>>& batches,
                 Build build) {
  two_logs<L, R> t(std::move(options));
  auto results = build(t.left(), t.right());
  using out = typename decltype(results)::record_type;
  auto table = std::make_shared<memory_table<out>>();
  results.to(memory_sink(table));
  std::vector<std::vector<owned_t<out>>> rows;
  for (const auto& batch : batches) {
    t.append(batch);
    const auto report = t.job.step();
    INFO((report ? std::string() : report.error().to_string()));
    REQUIRE(report);
    INFO((report->failure ? report->failure->to_string() : std::string()));
    REQUIRE_FALSE(report->failure);
  }
  for (auto& batch : table->batches())
    rows.push_back(sorted(std::move(batch.rows)));
  return rows;
}

template <class L, class R, class Build>
auto joined_rows(run_mode how, const std::vector<two_inputs<L, R>>& batches, Build build) {
  return joined_rows(options_for(how), batches, std::move(build));
}

} // namespace weir::test
