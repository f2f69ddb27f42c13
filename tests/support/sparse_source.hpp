// A source in memory that has no batch at some times: how tests come by missing batches.
#pragma once

#include <weir/connectors/memory.hpp>

#include <set>

namespace weir::test {

/// Reads a log as a memory source does, but has no batch where `missing` says so.
class sparse_source final : public source {
public:
  sparse_source(std::unique_ptr<source> inner, std::set<int> missing)
      : inner_(std::move(inner)), missing_(std::move(missing)) {}

  expected<void> open(const source_setup& setup) override { return inner_->open(setup); }
  std::unique_ptr<receiver> make_receiver(std::uint32_t index) override {
    return inner_->make_receiver(index);
  }
  expected<std::vector<partition_position>> survey() override { return inner_->survey(); }
  source_batch plan(const std::vector<partition_position>& unread,
                    const std::vector<std::optional<std::uint64_t>>& limits) override {
    if (!missing_.contains(planned_++))
      return inner_->plan(unread, limits);
    source_batch work;
    work.present = false;
    return work;
  }
  void completed(const batch& whole, const source_batch& work) override {
    if (work.present)
      inner_->completed(whole, work);
  }
  void rewind(const source_batch& first) override {
    if (first.present)
      inner_->rewind(first);
  }
  expected<void> close(duration limit) override { return inner_->close(limit); }

private:
  std::unique_ptr<source> inner_;
  std::set<int> missing_;
  int planned_ = 0;
};

/// A stream of `log` that misses the batches with these numbers, counted from 0.
template <class T>
stream<T> sparse_stream(context& to, std::shared_ptr<memory_log<T>> log, std::set<int> missing,
                        std::source_location where = std::source_location::current()) {
  const auto all = memory_stream(to, log, "sparse", where);
  auto& node = to.composed()->graph.at(all.node());
  node.make_source = [make = node.make_source, missing] {
    return std::make_unique<sparse_source>(make(), missing);
  };
  return all;
}

} // namespace weir::test
