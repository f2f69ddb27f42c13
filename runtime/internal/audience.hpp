// The listeners of a running job. Next: batch_runner.hpp, which has much to tell.
#pragma once

#include <weir/runtime/internal/guarded.hpp>
#include <weir/runtime/listener.hpp>
#include <weir/runtime/source.hpp>

#include <memory>
#include <vector>

namespace weir {

/// Calls every listener in order. What one throws is logged: it is no reason to end the job, and
/// the others hear all the same. Control thread only.
class audience {
public:
  /// @param host takes the log lines; lives longer.
  audience(std::vector<std::shared_ptr<listener>> listeners, source_host& host)
      : listeners_(std::move(listeners)), host_(&host) {}

  void submitted(const batch& planned) const {
    tell("on_submitted", [&](listener& hears) { hears.on_submitted(planned); });
  }
  void started(const batch& open) const {
    tell("on_started", [&](listener& hears) { hears.on_started(open); });
  }
  void finished(const batch_report& report) const {
    tell("on_finished", [&](listener& hears) { hears.on_finished(report); });
  }

private:
  template <class Call>
  void tell(const char* what, Call&& call) const {
    for (const auto& hears : listeners_)
      if (const auto told = guarded([&] { return what; }, [&] { call(*hears); }); !told)
        host_->log(log_level::error, "weir.listener", told.error().to_string());
  }

  std::vector<std::shared_ptr<listener>> listeners_;
  source_host* host_;
};

} // namespace weir
