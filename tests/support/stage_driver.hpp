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
    whole_.epoch = epoch(whole_.epoch.value + 1);
    whole_.time = batch_time(time);
    whole_.nodes[environment_.node.value].evict = watermark;
    out_.clear();
    side_.clear();
    REQUIRE(stage_->begin(whole_));
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
    return std::exchange(out_, {});
  }

  std::vector<Out> batch(duration time, std::vector<In> records) {
    begin(time);
    put(std::move(records));
    return end();
  }

  void abort() { stage_->abort(); }
  void close() {
    stage_->close();
    stage_.reset();
  }

  [[nodiscard]] const std::vector<Side>& side() const { return side_; }
  [[nodiscard]] stage_counts counts() const { return stage_->counts(); }
  [[nodiscard]] std::size_t retained() const { return retained_; }

  /// Of the batches that begin from now on.
  weir::watermark watermark = weir::watermark::min();

  /// Every n-th question is answered with yes, so that calls must resume. At least 2, or 0: none.
  int blocks_every = 0;

private:
  template <class Call>
  void finish(Call call) {
    while (true) {
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
  }
  void emit_side(partition_id, block_ptr data) override {
    for (const auto& record : block_cast<Side>(*data).records())
      side_.push_back(record);
  }
  [[nodiscard]] bool blocked() const noexcept override {
    return blocks_every > 0 && ++asked_ % blocks_every == 0;
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
  mutable int asked_ = 0;
};

} // namespace weir::test
