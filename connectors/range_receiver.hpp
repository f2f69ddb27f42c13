// What receivers of memory share: the ranges of their partitions, and which to read next. Used by
// memory.hpp, push/push_source.hpp and rate/rate_stream.cpp.
#pragma once

#include <weir/runtime/receiver.hpp>

#include <vector>

namespace weir::detail {

/// Reads the planned ranges to their ends; in an open-ended batch, from their beginnings on until
/// it is cut.
class range_receiver : public receiver {
public:
  expected<void> open(const replica_context& context) override {
    context_ = context;
    return {};
  }

  expected<void> begin(const batch& whole, const source_batch& work) override {
    open_ended_ = whole.open_ended;
    left_.clear();
    for (std::uint32_t p = context_.index; p < work.ranges.size(); p += context_.replicas)
      if (open_ended_ || !work.ranges[p].empty())
        left_.push_back(work.ranges[p]);
    return {};
  }

  expected<received> receive(emitter& out) final {
    if (open_ended_)
      return read_on(out);
    if (left_.empty())
      return received::complete;
    if (auto done = read(left_.back(), out); !done)
      return std::move(done).error();
    if (left_.back().empty())
      left_.pop_back();
    return received::records;
  }

  expected<std::vector<range_end>> cut(emitter&) override {
    std::vector<range_end> ends;
    for (const auto& range : left_)
      ends.push_back({static_cast<std::uint32_t>(range.partition), range.from});
    left_.clear();
    return ends;
  }

  void abort() noexcept override { left_.clear(); }

protected:
  /// Emits a block of the range, which then begins behind it.
  virtual expected<void> read(offset_range& range, emitter& out) = 0;

  /// Emits about a block of the next range that has any, where `until` does not count.
  virtual expected<received> read_on(emitter&) { return received::nothing; }

  [[nodiscard]] const replica_context& context() const noexcept { return context_; }
  /// Of an open-ended batch.
  [[nodiscard]] std::size_t ranges() const noexcept { return left_.size(); }
  [[nodiscard]] offset_range& next_range() noexcept { return left_[next_++ % left_.size()]; }

private:
  replica_context context_;
  bool open_ended_ = false;
  std::vector<offset_range> left_;
  std::size_t next_ = 0; ///< Which of `left_` to read next.
};

} // namespace weir::detail
