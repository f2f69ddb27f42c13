// Which partitions this process owns and how far each has come: planned, processed, committed.
// Logic only, no client.
#pragma once

#include <weir/connectors/kafka/internal/log_evidence.hpp>
#include <weir/connectors/kafka/options.hpp>
#include <weir/runtime/batch.hpp>
#include <weir/runtime/source.hpp>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace weir::kafka {

/// A partition and where reading it begins.
struct start_position {
  std::string topic{};
  std::int32_t partition = 0;
  std::int64_t offset = 0;
  std::optional<std::int64_t> committed{}; ///< What the group has committed, if anything.
  std::optional<log_memory> log{};         ///< What is known of its log,
  std::uint64_t doubts = 0;                ///< as of these doubts of `log_evidence`.
};

/// One owned partition. committed <= processed <= position.
struct owned_partition {
  std::string topic{};
  std::int32_t partition = 0;
  std::uint32_t replica = 0;  ///< Fetch handle that reads it.
  std::int64_t position = 0;  ///< Next offset to plan.
  std::int64_t processed = 0; ///< Behind the last batch that every sink has acknowledged.
  std::optional<std::int64_t> committed{}; ///< Last offset that the broker has confirmed.
  std::int64_t latest = 0;                 ///< End at the last survey.
};

/// The partitions of the current assignment. Everything that leaves it for a commit has passed its
/// ownership guard: the broker checks member and generation, not who owns a partition, so weir
/// must. Control thread, and the helper thread during a survey.
class partition_table {
public:
  explicit partition_table(std::uint32_t replicas = 1) : replicas_(replicas) {}

  /// Begins a new assignment; what belonged to an older one is forgotten.
  void install(std::vector<start_position> starts);
  /// Adds partitions to the assignment; the others keep their numbers.
  void add(std::vector<start_position> starts);
  void clear() { install({}); }

  [[nodiscard]] const std::vector<owned_partition>& partitions() const noexcept {
    return partitions_;
  }
  [[nodiscard]] bool owns(std::string_view topic, std::int32_t partition) const noexcept {
    return find(topic, partition) != nullptr;
  }

  /// The answer to a survey; `latest` by index of `partitions()`.
  std::vector<partition_position> surveyed(std::span<const std::int64_t> latest);

  /// Takes the next range of each partition.
  source_batch plan(const std::vector<partition_position>& backlog,
                    const std::vector<std::optional<std::uint64_t>>& limits);

  /// An open-ended batch has read these ranges: the next one begins behind them.
  void read_on(const source_batch& work);

  /// Every sink has acknowledged the batch. Ranges that do not continue what is processed are
  /// ignored: they were planned under another assignment.
  /// @returns how many ranges were taken.
  std::size_t completed(const source_batch& work);
  void rewind(const source_batch& first);

  /// The log was cut or the topic made anew: begin at `offset`, also where that is before what was
  /// committed.
  void restart_at(std::string_view topic, std::int32_t partition, std::int64_t offset);
  /// Records before `offset` are gone: plan from there.
  void skip_to(std::string_view topic, std::int32_t partition, std::int64_t offset);

  /// What is processed and not confirmed as committed.
  [[nodiscard]] std::vector<partition_offset> due() const;
  /// Of a user's commit: the ends that the guard lets through.
  [[nodiscard]] std::vector<partition_offset> allowed(std::span<const offset_range> ranges) const;
  void confirmed(std::span<const partition_offset> commits);

private:
  /// @param hint where it is most likely found: surveys, batches and this table have one order.
  [[nodiscard]] const owned_partition* find(std::string_view topic, std::int32_t partition,
                                            std::size_t hint = 0) const noexcept;
  [[nodiscard]] owned_partition* find(std::string_view topic, std::int32_t partition,
                                      std::size_t hint = 0) noexcept {
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-const-cast): of this table, which is not const here
    return const_cast<owned_partition*>(std::as_const(*this).find(topic, partition, hint));
  }
  [[nodiscard]] std::uint32_t idlest_replica() const;

  std::uint32_t replicas_;
  std::vector<owned_partition> partitions_;
};

} // namespace weir::kafka
