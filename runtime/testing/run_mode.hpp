// Who runs the job of a test, and in which order. Next: testing/test_job.hpp.
#pragma once

#include <weir/runtime/options.hpp>

#include <cstdint>
#include <ostream>
#include <vector>

namespace weir::testing {

/// In line everything runs on the test's thread, in an order that follows from the seed alone; with
/// actors the order is the machine's.
struct run_mode {
  executor_kind executor = executor_kind::in_line;
  std::uint64_t seed = 1;

  friend std::ostream& operator<<(std::ostream& out, const run_mode& mode) {
    return mode.executor == executor_kind::in_line ? out << "in line, seed " << mode.seed
                                                   : out << "actors";
  }
};

/// In line under several seeds, then on worker threads.
[[nodiscard]] inline std::vector<run_mode> every_mode() {
  return {{executor_kind::in_line, 1},
          {executor_kind::in_line, 2},
          {executor_kind::in_line, 77},
          {executor_kind::actors, 1}};
}

/// Two worker threads, no rate limit, a second per batch.
[[nodiscard]] inline context_options options_for(run_mode how = {}) {
  return {.name = "test",
          .rate_control = {.enabled = false},
          .worker_threads = 2,
          .executor = how.executor,
          .seed = how.seed};
}

} // namespace weir::testing
