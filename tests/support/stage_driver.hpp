// Drives one stage of a graph by hand, batch by batch, so that a test can abort where a job would.
#pragma once

#include <weir/runtime/context.hpp>

#include <catch2/catch.hpp>

#include <optional>
#include <string_view>
#include <vector>

namespace weir::test {

/// The only replica of a stage, for records of type `In` and results of type `Out`. Blocks hold one
/// record each unless a call says more.
template <class In, class Out, class Side = Out>
class stage_driver final : public emitter, public retained_account {
public:
  /// @param kind of the operator that begins the stage.
  stage_driver(const context& composed, std::string_view kind, std::uint32_t partitions = 1)
      : partitions_(partitions) {
    const auto& nodes = composed.composed()->graph.nodes();
    for (const auto& n : nodes)
      if (n.kind == node_kind::stage && n.operators.front().kind == kind && !stage_) {
        stage_ = n.make_stage();
        environment_.node = n.id;
        environment_.identity = n.name;
      }
    REQUIRE(stage_);
    environment_.output_partitions = partitions;
    environment_.retained = this;
    environment_.log = [](log_level, std::string_view) {};
    whole_.nodes.resize(nodes.size());
    whole_.nodes[environment_.node.value].input_partitions = partitions;
    opened = stage_->open(environment_);
  }
  ~stage_driver() override {
    if (stage_)
      close();
  }

  expected<void> opened;

  void begin(duration time) {
    decide();
    whole_.epoch = epoch(whole_.epoch.value + 1);
    whole_.time = batch_time(time);
    whole_.nodes[environment_.node.value].evict = watermark;
    out_.clear();
    side_.clear();
    REQUIRE(stage_->begin(whole_));
  }

  /// What the next batch takes from its source.
  void reads(std::int64_t from, std::int64_t until) {
    whole_.sources = {{.name = "in", .ranges = {{.topic = "t", .from = from, .until = until}}}};
  }

  void put(std::vector<In> records) {
    std::vector<block_builder<In>> by_partition(partitions_);
    for (auto& record : records)
      by_partition[partition_of(record.first, partitions_).value].push(std::move(record));
    for (std::uint32_t p = 0; p < partitions_; ++p)
      if (!by_partition[p].empty()) {
        block_cursor cursor;
        const parcel in{by_partition[p].build(), partition_id(p)};
        finish([&] { return stage_->process(0, in, cursor, *this); });
      }
  }

  /// Ends the batch. @returns what it gave, in order.
  std::vector<Out> end(bool present = true) {
    const barrier mark{.epoch = whole_.epoch, .time = whole_.time, .present = present};
    finish([&] { return stage_->end(mark, *this); });
    finish([&] { return stage_->prepare(); });
    if (stage_->commits())
      finish([&] { return stage_->commit(); });
    undecided_ = true;
    return std::exchange(out_, {});
  }

  std::vector<Out> batch(duration time, std::vector<In> records) {
    begin(time);
    put(std::move(records));
    return end();
  }

  void abort() {
    stage_->abort();
    undecided_ = false;
  }
  /// Ends as a process that dies does: nothing is said of the batch that was prepared last.
  void kill() {
    undecided_ = false;
    close();
  }
  void close() {
    decide();
    stage_->close();
    stage_.reset();
  }

  [[nodiscard]] const std::vector<Side>& side() const { return side_; }
  [[nodiscard]] stage_counts counts() const { return stage_->counts(); }
  [[nodiscard]] std::size_t retained() const { return retained_; }

  /// Of the batches that begin from now on.
  weir::watermark watermark = weir::watermark::min();

  /// Every n-th block waits for credit, so that calls must resume. 0: none.
  int blocks_every = 0;

private:
  /// The batch that has ended is final, unless it was aborted.
  void decide() {
    if (std::exchange(undecided_, false))
      REQUIRE(stage_->committed());
  }
  template <class Call>
  void finish(Call call) {
    while (true) {
      waiting_blocks_ = 0;
      const auto done = call();
      INFO((done ? std::string() : done.error().to_string()));
      REQUIRE(done);
      if (*done == progress::done)
        return;
    }
  }

  void emit(partition_id, block_ptr data) override {
    for (const auto& record : block_cast<Out>(*data).records())
      out_.push_back(record);
    if (blocks_every > 0 && ++emitted_ % blocks_every == 0)
      waiting_blocks_ = 1;
  }
  void emit_side(partition_id, block_ptr data) override {
    for (const auto& record : block_cast<Side>(*data).records())
      side_.push_back(record);
  }
  expected<void> take(std::size_t bytes) override {
    retained_ += bytes;
    return {};
  }
  void give_back(std::size_t bytes) noexcept override { retained_ -= bytes; }

  std::uint32_t partitions_;
  replica_context environment_;
  weir::batch whole_;
  std::unique_ptr<stage> stage_;
  std::vector<Out> out_;
  std::vector<Side> side_;
  std::size_t retained_ = 0;
  bool undecided_ = false;
  int emitted_ = 0;
};

} // namespace weir::test
