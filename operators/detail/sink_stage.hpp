// Runs a sink as the last stage of a graph: begin, write, prepare, commit. Next: the sink, in
// connectors/.
#pragma once

#include <weir/runtime/sink.hpp>

#include <memory>

namespace weir::detail {

/// One replica of a sink behind the interface that replicas drive. At most and at least once:
/// commits as soon as it is prepared.
template <class T>
class sink_stage final : public stage {
public:
  explicit sink_stage(std::unique_ptr<sink<T>> to) : to_(std::move(to)) {}

  expected<void> open(const replica_context& context) override {
    node_ = context.node;
    return to_->open(context);
  }

  expected<void> begin(const batch& whole) override {
    records_ = 0;
    prepared_ = false;
    committed_ = false;
    if (!whole.nodes[node_.value].present) // a sink hears of every batch there is, and of no other
      return {};
    return to_->begin(whole);
  }

  expected<progress> process(std::uint32_t, const parcel& in, block_cursor& cursor,
                             emitter&) override {
    const sink_block<T> block{in.partition, block_cast<T>(*in.data).records(), in.data};
    const auto before = cursor.next_record;
    auto written = to_->write(block, cursor.next_record);
    if (written && *written == progress::done)
      cursor.next_record = block.records.size();
    records_ += cursor.next_record - before;
    return written;
  }

  expected<progress> end(const barrier& mark, emitter&) override {
    if (!mark.present)
      return progress::done;
    if (!prepared_) {
      auto prepared = to_->prepare();
      if (!prepared || *prepared == progress::blocked)
        return prepared;
      prepared_ = true;
    }
    auto committed = to_->commit();
    committed_ = committed && *committed == progress::done;
    return committed;
  }

  void abort() noexcept override {
    if (!committed_) // what is committed stays: at least once
      to_->abort();
  }
  void close() noexcept override { to_->close(); }
  [[nodiscard]] stage_counts counts() const noexcept override {
    return {.records_in = records_, .records_out = records_, .dropped = 0};
  }

private:
  std::unique_ptr<sink<T>> to_;
  node_id node_;
  std::uint64_t records_ = 0;
  bool prepared_ = false;
  bool committed_ = false;
};

} // namespace weir::detail
