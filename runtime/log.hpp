// The one hook through which weir and the libraries under it speak.
#pragma once

#include <functional>
#include <string_view>

namespace weir {

enum class log_level { debug, info, warning, error };

/// One message. The views live as long as the call of the hook.
struct log_record {
  log_level level = log_level::info;
  std::string_view component; ///< e.g. "weir.scheduler", "librdkafka.fetch".
  std::string_view message;
};

/// Receives every message at or above the level set in the options. Called from any thread, also
/// from librdkafka's; must be thread-safe and must not throw. Without one weir is silent.
using log_sink = std::function<void(const log_record&)>;

} // namespace weir
