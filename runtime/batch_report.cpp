#include <weir/runtime/batch_report.hpp>

#include <weir/runtime/utf8.hpp>

#include <boost/json.hpp>

namespace weir {
namespace {

namespace json = boost::json;

/// JSON is UTF-8; names and messages may be the user's bytes.
json::value text(std::string_view bytes) {
  std::string clean;
  append_as_utf8(bytes, clean);
  return json::value(clean);
}

double milliseconds(duration d) { return std::chrono::duration<double, std::milli>(d).count(); }

template <class T>
json::value or_null(const std::optional<T>& value) {
  return value ? json::value(*value) : json::value(nullptr);
}

json::object of(const offset_range& r) {
  return {{"topic", text(r.topic)}, {"partition", r.partition}, {"from", r.from},
          {"until", r.until},       {"latest", r.latest},       {"lag", r.lag()}};
}

json::object of(const rate_decision& d) {
  return {{"unit", to_string(d.unit)},
          {"before_per_second", or_null(d.rate_before)},
          {"after_per_second", or_null(d.rate_after)},
          {"measured_per_second", or_null(d.measured_rate)},
          {"capacity_per_second", or_null(d.capacity)},
          {"proportional", d.proportional},
          {"integral", d.integral},
          {"derivative", d.derivative},
          {"drain", d.drain},
          {"clamp", to_string(d.clamp)},
          {"fixed_cost_ms", milliseconds(d.fixed_cost)},
          {"nanoseconds_per_unit", d.nanoseconds_per_unit},
          {"expected_delay_ms", milliseconds(d.expected_delay)},
          {"explanation", d.explain()}};
}

json::object of(const source_report& s) {
  json::array ranges;
  for (const auto& range : s.ranges)
    ranges.push_back(of(range));
  json::array errors;
  for (const auto& e : s.errors)
    errors.push_back(text(e.to_string()));
  return {{"name", text(s.name)},
          {"records", s.records},
          {"bytes", s.bytes},
          {"lag", s.lag},
          {"allowed", or_null(s.allowed)},
          {"rate", of(s.rate)},
          {"ranges", std::move(ranges)},
          {"errors", std::move(errors)}};
}

json::object of(const operator_report& o) {
  return {{"node", o.node.value},
          {"name", text(o.name)},
          {"replicas", o.replicas},
          {"records_in", o.records_in},
          {"records_out", o.records_out},
          {"dropped", o.dropped},
          {"late", o.late},
          {"state_keys", o.state_keys},
          {"state_bytes", o.state_bytes},
          {"evicted", o.evicted},
          {"busy_ms", milliseconds(o.busy)},
          {"blocked_ms", milliseconds(o.blocked)},
          {"idle_ms", milliseconds(o.idle)}};
}

json::object of(const edge_report& e) {
  return {{"from", e.from.value},
          {"to", e.to.value},
          {"blocks", e.blocks},
          {"bytes", e.bytes},
          {"capacity_bytes", e.capacity_bytes},
          {"send_wait_ms", milliseconds(e.send_wait)}};
}

json::value milliseconds_or_null(event_time t) {
  return t == event_time::min() ? json::value(nullptr) : json::value(t.time_since_epoch().count());
}

json::object of(const watermark_report& w) {
  return {{"node", w.node.value},
          {"name", text(w.name)},
          {"watermark_ms", milliseconds_or_null(w.mark)},
          {"latest_ms", milliseconds_or_null(w.latest)}};
}

template <class T>
json::array all_of(const std::vector<T>& parts) {
  json::array array;
  for (const auto& part : parts)
    array.push_back(of(part));
  return array;
}

} // namespace

std::string to_json(const batch_report& r) {
  json::object report{{"epoch", r.epoch.value},
                      {"time_ms", milliseconds_of(r.time)},
                      {"interval_ms", milliseconds(r.interval)},
                      {"lateness_ms", milliseconds(r.lateness)},
                      {"scheduling_delay_ms", milliseconds(r.scheduling_delay)},
                      {"processing_time_ms", milliseconds(r.processing_time)},
                      {"total_delay_ms", milliseconds(r.total_delay())},
                      {"records", r.records},
                      {"bytes", r.bytes},
                      {"dropped", r.dropped},
                      {"late", r.late},
                      {"merged_ticks", r.merged_ticks},
                      {"clock_ahead_ms", milliseconds(r.clock_ahead)},
                      {"waiting_batches", r.waiting_batches},
                      {"sources", all_of(r.sources)},
                      {"operators", all_of(r.operators)},
                      {"edges", all_of(r.edges)},
                      {"watermarks", all_of(r.watermarks)},
                      {"failure", r.failure ? text(r.failure->to_string()) : json::value(nullptr)}};
  return json::serialize(report);
}

} // namespace weir
