// Jobs whose batches are aborted and read again, as when Kafka takes partitions away.
#pragma once

#include <tests/support/fake_sink.hpp>
#include <tests/support/jobs.hpp>

#include <set>

namespace weir::test {

/// A source that loses its partitions, and gets them back at once, when a test says so.
class interruptible_source final : public source {
public:
  /// What the test keeps of it.
  struct control {
    source_host* host = nullptr;
  };

  interruptible_source(std::unique_ptr<source> inner, std::shared_ptr<control> known)
      : inner_(std::move(inner)), known_(std::move(known)) {}

  expected<void> open(const source_setup& setup) override {
    known_->host = setup.host;
    return inner_->open(setup);
  }
  std::unique_ptr<receiver> make_receiver(std::uint32_t replica) override {
    return inner_->make_receiver(replica);
  }
  expected<std::vector<partition_position>> survey() override { return inner_->survey(); }
  source_batch plan(const std::vector<partition_position>& unread,
                    const std::vector<std::optional<std::uint64_t>>& limits) override {
    return inner_->plan(unread, limits);
  }
  void completed(const batch& whole, const source_batch& work) override {
    inner_->completed(whole, work);
  }
  void rewind(const source_batch& first) override { inner_->rewind(first); }
  expected<void> close(duration deadline) override { return inner_->close(deadline); }

private:
  std::unique_ptr<source> inner_;
  std::shared_ptr<control> known_;
};

/// As `rows_of`, in line; but each batch of `aborted`, by number, is first held open until all its
/// stages have ended, then aborted and read again. @returns the rows of the batches that completed.
template <class In, class Build>
auto rows_with_aborts(context_options options, const std::vector<partitioned<In>>& batches,
                      const std::set<std::size_t>& aborted, Build build) {
  auto job = testing::stepped_job::make(std::move(options));
  REQUIRE(job);
  auto log = std::make_shared<memory_log<In>>(static_cast<std::uint32_t>(batches.front().size()));
  const auto in = memory_stream(job->context(), log);
  auto known = std::make_shared<interruptible_source::control>();
  auto& made = in.composed()->graph.at(in.node());
  made.make_source = [inner = made.make_source, known] {
    return std::make_unique<interruptible_source>(inner(), known);
  };
  auto results = build(in).share();
  using out = typename decltype(results)::record_type;
  auto table = std::make_shared<memory_table<out>>();
  auto gate = std::make_shared<sink_control>();
  results.to(memory_sink(table));
  results.count().to(to_fake_sink<std::int64_t>(gate));

  std::set<batch_time> complete;
  for (std::size_t i = 0; i < batches.size(); ++i) {
    append(*log, batches[i]);
    if (aborted.contains(i)) {
      gate->shut();
      REQUIRE_FALSE(job->step()); // it waits for the gate
      known->host->quiesce(quiesce_kind::lost, {}, [] {});
      job->context().run_ready();
      gate->reopen();
      job->context().run_ready();
      REQUIRE(job->reports().back().failure);
    }
    const auto report = job->step();
    INFO((report ? std::string() : report.error().to_string()));
    REQUIRE(report);
    REQUIRE_FALSE(report->failure);
    complete.insert(report->time);
  }
  std::vector<std::vector<owned_t<out>>> rows;
  for (auto& batch : table->batches())
    if (complete.contains(batch.time))
      rows.push_back(sorted(std::move(batch.rows)));
  return rows;
}

} // namespace weir::test
