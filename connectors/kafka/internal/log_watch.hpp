// Tells when a topic is no longer the one that was read. Used by source.cpp and start_resolver.cpp.
#pragma once

#include <weir/connectors/kafka/internal/fetch_client.hpp>
#include <weir/connectors/kafka/internal/log_evidence.hpp>

#include <chrono>
#include <memory>
#include <span>
#include <vector>

namespace weir::kafka {

/// Looks again at logs after anything that may have replaced them. Thread-safe; blocks.
class log_watch {
public:
  explicit log_watch(std::shared_ptr<log_evidence> evidence) : evidence_(std::move(evidence)) {}

  /// What a survey found of a partition.
  struct finding {
    enum class state {
      fine,     ///< May be read on.
      waits,    ///< Not known now: nothing more of it may be read.
      missing,  ///< The brokers say, for the second time in a row or more, that there is none.
      replaced, ///< It is another log.
    };
    state is = state::fine;
    bool first = false; ///< It is missing for the second time in a row.
    log_verdict verdict = log_verdict::same;
    log_memory known{};
    log_sight now{};
  };

  /// Checks the logs of partitions that are read, given the answers for their ends.
  /// @param doubts those from before the ends were asked for.
  std::vector<finding> check(const fetch_client& asker, std::span<const repair> places,
                             std::span<const fetch_client::answer> ends, std::uint64_t doubts);

  /// Looks at logs now, whether or not there is a doubt. `now` of each has its bounds; verdicts and
  /// what is known are filled in. Of places of which nothing is known the verdict is `same`. Those
  /// of which no broker tells are in the state `waits`.
  void look(const fetch_client& asker, std::span<const repair> places,
            std::vector<finding>& found) const;

  [[nodiscard]] log_evidence& evidence() const noexcept { return *evidence_; }

private:
  struct trouble {
    int missing = 0; ///< Surveys in a row.
    std::optional<std::chrono::steady_clock::time_point> shorter_since{};
  };

  std::shared_ptr<log_evidence> evidence_;
  mutable std::mutex looking_;
  std::mutex checking_;
  std::map<log_evidence::place, trouble> troubles_;
};

} // namespace weir::kafka
