// Runs a sink as the last stage of a graph: begin, write, prepare, commit. Next: the sink, in
// connectors/.
#pragma once

#include <weir/runtime/sink.hpp>

#include <cstdint>
#include <memory>
#include <utility>

namespace weir::detail {

/// One replica of a sink behind the interface that replicas drive, but for its records. It commits
/// when every replica of the job has prepared; at once where the batch has nothing to show.
class sink_frame : public stage {
public:
  ~sink_frame() override;

  expected<void> open(const replica_context& context) final;
  expected<void> begin(const batch& whole) final;
  expected<progress> process(std::uint32_t input, const parcel& in, block_cursor& cursor,
                             emitter& out) final;
  expected<progress> end(const barrier& mark, emitter& out) final;
  expected<progress> prepare() final;
  [[nodiscard]] bool commits() const noexcept final { return at_ == part::committing; }
  expected<progress> commit() final;
  void abort() noexcept final;
  void close() noexcept final;
  [[nodiscard]] stage_counts counts() const noexcept final;

protected:
  explicit sink_frame(std::unique_ptr<sink_base> to);

  virtual expected<progress> write(const parcel& in, std::size_t& written) = 0;

  std::unique_ptr<sink_base> to_;

private:
  /// How far the batch has come; `none`: the sink does not hear of it.
  enum class part { none, writing, committing, committed };

  node_id node_;
  std::uint64_t records_ = 0;
  bool moves_ = false; ///< The batch takes records from a source.
  part at_ = part::none;
};

template <class T>
class sink_stage final : public sink_frame {
public:
  explicit sink_stage(std::unique_ptr<sink<T>> to) : sink_frame(std::move(to)) {}

private:
  expected<progress> write(const parcel& in, std::size_t& written) override {
    return static_cast<sink<T>&>(*to_).write(
        {in.partition, block_cast<T>(*in.data).records(), in.data}, written);
  }
};

} // namespace weir::detail
