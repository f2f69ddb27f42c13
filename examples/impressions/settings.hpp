// What the command line can say. Next: job.hpp.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>

namespace impressions {

enum class colour { automatic, always, never };

struct settings {
  std::string brokers; ///< Empty: a Kafka cluster inside this process.
  std::string topic = "impressions";
  std::map<std::string, std::string> properties; ///< librdkafka's own.
  std::string report_file;                       ///< Empty: none.
  bool no_load = false;                          ///< Only count what is there.
  std::int64_t one_batch = 0;                    ///< Records of a single batch; 0: the surge.

  bool calm = false;             ///< The costly operator never varies and never stalls.
  bool no_rate_control = false;  ///< To see what becomes of the surge then.
  std::size_t workers = 0;       ///< Worker threads; 0: one per core.
  std::int64_t capacity = 10000; ///< Records/s that the costly operator lets through; 0: no cost.
  std::int64_t steady = 2000;    ///< Records/s before and after the surge.
  std::int64_t surge = 40000;    ///< Records/s during the surge.
  std::chrono::milliseconds interval{1000};
  std::chrono::milliseconds warm_up{10'000};
  std::chrono::milliseconds surge_for{8000};
  std::chrono::milliseconds stop_within{10'000};
  impressions::colour colour = impressions::colour::automatic;

  static constexpr std::int32_t partitions = 18;

  [[nodiscard]] bool embedded() const { return brokers.empty(); }
};

/// What is wrong with a command line, or what it asked for instead of a run, and the exit code for
/// it.
struct no_run {
  int exit_code = 0;
};

/// Reads the command line. Prints help on standard output, a mistake as one line on standard error.
std::variant<settings, no_run> read_settings(int argc, char** argv);

} // namespace impressions
