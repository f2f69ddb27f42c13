// One number of bytes per context, shared out before anything runs. Next: plan.hpp.
#pragma once

#include <weir/runtime/expected.hpp>
#include <weir/runtime/stage.hpp>

#include <cstddef>

namespace weir {

/// How the memory budget of a context is divided. The shares add up to the budget.
struct memory_budget {
  std::size_t total = 0;
  std::size_t sources = 0; ///< Clients and queues of the sources.
  std::size_t edges = 0;   ///< Blocks between replicas, queued or being worked on.
  std::size_t retained =
      0; ///< What operators and sinks keep beyond a block: tables, groups, whole batches.

  /// Edges need little, because blocks are small; tables and prefetch queues turn memory into
  /// speed.
  static constexpr memory_budget carve(std::size_t total) noexcept {
    memory_budget shares{.total = total};
    shares.sources = total / 20 * 9;
    shares.edges = total / 20 * 4;
    shares.retained = total - shares.sources - shares.edges;
    return shares;
  }
};

/// The retained account of one replica: a plain counter against its share.
class retained_share final : public retained_account {
public:
  retained_share(std::string owner, std::size_t limit) : owner_(std::move(owner)), limit_(limit) {}

  expected<void> take(std::size_t bytes) override;
  void give_back(std::size_t bytes) noexcept override { taken_ -= bytes < taken_ ? bytes : taken_; }
  [[nodiscard]] std::size_t taken() const noexcept { return taken_; }

private:
  std::string owner_;
  std::size_t limit_;
  std::size_t taken_ = 0;
};

} // namespace weir
