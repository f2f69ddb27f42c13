// Who hears of a batch. Next on the control path: backpressure/rate_controller.hpp.
#pragma once

#include <weir/runtime/batch_report.hpp>

namespace weir {

/// Hears what happens to batches: on the control thread, in order, never on the hot path. Must not
/// block for long: the next batch is planned behind it. `context::request_stop` may be called from
/// here; `stop` and `await` are refused, because they would wait for their own caller.
class listener {
public:
  virtual ~listener() = default;
  virtual void on_submitted(const batch&) {} ///< Planned; its epoch is not known yet.
  virtual void on_started(const batch&) {}
  virtual void on_finished(const batch_report&) {} ///< Complete, or failed: see `failure`.
};

} // namespace weir
