#include <weir/operators/detail/stage_frame.hpp>

namespace weir::detail {

stage_frame::stage_frame(std::shared_ptr<const stage_operators> operators)
    : faults_(std::move(operators)) {}

stage_frame::stage_frame(const stage_frame& prototype)
    : stage(), faults_(prototype.faults_.operators()) {}

stage_frame::~stage_frame() = default;

expected<void> stage_frame::open(const replica_context& context) {
  later_.open(context);
  if (faults_.operators()->check_views)
    watch_ = std::make_unique<view_watch>(faults_.operators()->kinds);
  if (auto opened = faults_.open(context); !opened)
    return opened;
  return open_parts(context);
}

expected<void> stage_frame::begin(const batch& whole) {
  records_in_ = 0;
  head_done_ = false;
  block_done_ = false;
  parts_prepared_ = false;
  partition_.reset();
  if (auto begun = faults_.begin(whole); !begun)
    return begun;
  return begin_parts(whole);
}

expected<progress> stage_frame::process(std::uint32_t input, const parcel& in, block_cursor& cursor,
                                        emitter& out) {
  if (auto written = faults_.write_letters(); !written || *written == progress::blocked)
    return written;
  if (auto made_up = make_up(out); !made_up || *made_up == progress::blocked)
    return made_up;
  auto worked = block_done_ ? progress::done : take(input, in, cursor, out);
  if (watch_ && watch_->found()) [[unlikely]]
    return *watch_->found();
  block_done_ = worked && *worked == progress::done && later_.waits();
  return block_done_ ? progress::blocked : worked;
}

expected<progress> stage_frame::end(const barrier& mark, emitter& out) {
  if (auto made_up = make_up(out); !made_up || *made_up == progress::blocked)
    return made_up;
  if (!head_done_) {
    auto ended = end_head(mark, out);
    if (watch_ && watch_->found()) [[unlikely]]
      return *watch_->found();
    if (!ended || *ended == progress::blocked)
      return ended;
    head_done_ = true;
    if (later_.waits())
      return progress::blocked;
  }
  if (auto judged = faults_.judge(records_in_); !judged)
    return std::move(judged).error();
  return mark.present ? end_tail(out) : progress::done;
}

expected<progress> stage_frame::prepare() {
  if (!std::exchange(parts_prepared_, true))
    if (auto prepared = prepare_parts(); !prepared)
      return std::move(prepared).error();
  return faults_.prepare();
}

bool stage_frame::commits() const noexcept { return faults_.commits(); }

expected<progress> stage_frame::commit() { return faults_.commit(); }

expected<void> stage_frame::committed() {
  faults_.committed();
  return commit_parts();
}

void stage_frame::abort() noexcept {
  undo_parts();
  later_.clear();
  faults_.abort();
}

void stage_frame::close() noexcept {
  faults_.close();
  close_parts();
}

stage_counts stage_frame::counts() const noexcept {
  stage_counts all{.records_in = records_in_, .dropped = faults_.dropped()};
  count_parts(all);
  return all;
}

/// Makes the calls that wait, as far as their time has come: what the head pushes comes after them.
expected<progress> stage_frame::make_up(emitter& out) {
  while (later_.waits()) [[unlikely]] {
    if (!later_.due() || out.blocked())
      return progress::blocked;
    if (partition_) { // what is made up for is not part of a block of the input any more
      if (auto left = leave_tail(out); !left)
        return std::move(left).error();
      enter_again();
    }
    later_.make_first(out);
    if (partition_)
      if (auto left = leave_tail(out); !left)
        return std::move(left).error();
    if (faults_.noted())
      if (auto settled = faults_.settle_put_off(); !settled)
        return std::move(settled).error();
  }
  return progress::done;
}

expected<void> stage_flow::settle(partition_id partition, std::int64_t origin, original record) {
  return frame_->faults_.settle(partition, origin, std::move(record));
}

expected<void> stage_flow::settle_unplaced() { return frame_->faults_.settle(); }

bool stage_flow::threw(std::uint32_t failures) {
  const auto wait = frame_->faults_.put_off(0, failures);
  if (wait)
    frame_->later_.wait(*wait);
  else
    threw();
  return wait.has_value();
}

} // namespace weir::detail
