#include <weir/runtime/error.hpp>

#include <fmt/format.h>

namespace weir {

std::string_view to_string(errc code) noexcept {
  switch (code) {
  case errc::invalid_config:
    return "invalid_config";
  case errc::invalid_graph:
    return "invalid_graph";
  case errc::invalid_state:
    return "invalid_state";
  case errc::out_of_budget:
    return "out_of_budget";
  case errc::user_function_failed:
    return "user_function_failed";
  case errc::sink_failed:
    return "sink_failed";
  case errc::source_failed:
    return "source_failed";
  case errc::unreachable_broker:
    return "unreachable_broker";
  case errc::unknown_topic:
    return "unknown_topic";
  case errc::offset_out_of_range:
    return "offset_out_of_range";
  case errc::authentication:
    return "authentication";
  case errc::fenced:
    return "fenced";
  case errc::partitions_lost:
    return "partitions_lost";
  case errc::timed_out:
    return "timed_out";
  case errc::stopped:
    return "stopped";
  case errc::io:
    return "io";
  case errc::decode:
    return "decode";
  case errc::encoding:
    return "encoding";
  case errc::internal:
    return "internal";
  }
  return "unknown";
}

error error::with(std::string_view context) && {
  message_ = fmt::format("{}: {}", context, message_);
  return std::move(*this);
}

error error::at(const std::source_location& where) && {
  message_ = fmt::format("{}:{}: {}", where.file_name(), where.line(), message_);
  return std::move(*this);
}

std::string error::to_string() const {
  std::string text = fmt::format("{}: {}", weir::to_string(code_), message_);
  for (const auto& cause : causes_)
    text += fmt::format("\n  - {}", cause.to_string());
  return text;
}

} // namespace weir
