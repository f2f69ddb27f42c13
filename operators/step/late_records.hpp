// Passes on the records that come too late for every window they belong to: the side output of
// windows.
#pragma once

#include <weir/operators/step/step.hpp>
#include <weir/runtime/stage.hpp>

#include <string_view>

namespace weir::step {

/// The timed records that an aggregation in the same windows leaves out. Order is kept.
template <class Windows>
class late_records {
public:
  static constexpr std::string_view kind = "late";
  template <class In>
  using output = In;

  explicit late_records(Windows windows) : windows_(std::move(windows)) {}

  void open(const replica_context& context) { node_ = context.node; }
  void begin(const batch& whole) { late_until_ = whole.nodes[node_.value].late; }

  template <class Record, class Next>
  void on_record(Record&& record, Next&& next) {
    bool late = true;
    windows_.each(record.time,
                  [&](event_time start) { late = late && windows_.end_of(start) <= late_until_; });
    if (late)
      next.on_record(std::forward<Record>(record));
  }

private:
  Windows windows_;
  node_id node_;
  watermark late_until_ = watermark::min();
};

} // namespace weir::step
