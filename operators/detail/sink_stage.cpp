#include <weir/operators/detail/sink_stage.hpp>

namespace weir::detail {

sink_frame::sink_frame(std::unique_ptr<sink_base> to) : to_(std::move(to)) {}

sink_frame::~sink_frame() = default;

expected<void> sink_frame::open(const replica_context& context) {
  node_ = context.node;
  return to_->open(context);
}

expected<void> sink_frame::begin(const batch& whole) {
  records_ = 0;
  prepared_ = false;
  committed_ = false;
  if (!whole.nodes[node_.value].present) // a sink hears of every batch there is, and of no other
    return {};
  return to_->begin(whole);
}

expected<progress> sink_frame::process(std::uint32_t, const parcel& in, block_cursor& cursor,
                                       emitter&) {
  const auto before = cursor.next_record;
  auto written = write(in, cursor.next_record);
  if (written && *written == progress::done)
    cursor.next_record = in.data->size();
  records_ += cursor.next_record - before;
  return written;
}

expected<progress> sink_frame::end(const barrier& mark, emitter&) {
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

void sink_frame::abort() noexcept {
  if (!committed_) // what is committed stays: at least once
    to_->abort();
}

void sink_frame::close() noexcept { to_->close(); }

stage_counts sink_frame::counts() const noexcept {
  return {.records_in = records_, .records_out = records_, .dropped = 0};
}

} // namespace weir::detail
