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
  at_ = part::none;
  if (!whole.nodes[node_.value].present) // a sink hears of every batch there is, and of no other
    return {};
  at_ = part::writing;
  moves_ = whole.moves();
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

expected<progress> sink_frame::end(const barrier&, emitter&) { return progress::done; }

expected<progress> sink_frame::prepare() {
  if (at_ == part::writing) {
    auto prepared = to_->prepare();
    if (!prepared || *prepared == progress::blocked)
      return prepared;
    at_ = part::committing;
  }
  if (at_ == part::committing && !moves_ && records_ == 0)
    return commit();
  return progress::done;
}

expected<progress> sink_frame::commit() {
  auto committed = to_->commit();
  if (committed && *committed == progress::done)
    at_ = part::committed;
  return committed;
}

void sink_frame::abort() noexcept {
  if (at_ == part::writing || at_ == part::committing) // what is committed stays: at least once
    to_->abort();
  at_ = part::none;
}

void sink_frame::close() noexcept { to_->close(); }

stage_counts sink_frame::counts() const noexcept {
  return {.records_in = records_, .records_out = records_, .dropped = 0};
}

} // namespace weir::detail
