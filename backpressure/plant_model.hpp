// A job in virtual time, as rate control sees it. Next: rate_controller.hpp, which runs in it.
#pragma once

#include <weir/backpressure/rate_controller.hpp>
#include <weir/backpressure/rate_estimator.hpp>
#include <weir/runtime/time.hpp>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace weir {

/// How the times of batches vary.
enum class plant_noise : std::uint8_t {
  uniform,   ///< Times x (1 + uniform(-noise, noise)).
  lognormal, ///< Times x exp(noise x normal - noise^2 / 2): the mean is 1.
};

/// What happens to the job: load and capacity tick by tick, and how partitions differ.
struct plant_scenario {
  std::string name;
  double interval = 1.0; ///< Seconds between ticks, > 0.

  /// Records/s that arrive before tick k (index k - 1). Its size is the number of ticks.
  std::vector<double> load{};

  /// Records/s without fixed cost at tick k; as long as `load`.
  std::vector<double> capacity{};

  double fixed_cost = 0; ///< Seconds per batch, whatever its size, >= 0.
  double noise = 0;      ///< Times are multiplied by a number like 1 +- noise; uniform: in [0, 1).
  plant_noise noise_law = plant_noise::uniform;

  /// Noise is a function of the seed and the tick in which a batch starts, so that all policies
  /// meet the same; else of the seed and the number of batches before.
  bool noise_by_start = false;

  /// Seconds that a batch which starts in tick k takes on top (index k - 1); empty: none.
  std::vector<double> stalls{};

  /// Batches that may wait behind the running one, as in a running job: while so many wait, a tick
  /// passes without a batch. nullopt: any number.
  std::optional<std::uint32_t> most_waiting{};

  /// Records waiting at the start, per partition; its size is the number of partitions.
  std::vector<double> unread = {0.0};

  std::vector<double> share{}; ///< Share of the load per partition, summing to 1; empty: equal.
  std::vector<double> cost{};  ///< Cost of a record over 1 / capacity, per partition; empty: 1.
};

/// What one tick did.
struct plant_row {
  std::uint32_t tick = 0;       ///< From 1.
  double records = 0;           ///< Cut at this tick.
  bool merged = false;          ///< No batch was cut: too many wait.
  std::optional<double> rate{}; ///< Rate in force at this tick, records/s; nullopt: unlimited.
  double delay = 0;             ///< Seconds from the tick to the start of its batch.
  double processing = 0;        ///< Seconds its batch took.
  double unread = 0;            ///< Records left unread, all partitions.
  double capacity = 0;          ///< Records/s.
};

struct plant_run {
  std::vector<plant_row> rows;
  std::vector<double> unread; ///< Per partition, at the end.
};

/// Whatever sets the rate of a plant.
class plant_policy {
public:
  virtual ~plant_policy() = default;
  /// Records to cut now, per backlog; may exceed what is there. nullopt: unlimited.
  virtual std::vector<std::optional<double>> cut(const plan_moment& at,
                                                 std::span<const partition_backlog> backlogs) = 0;
  virtual void finished(const batch_timing& batch) = 0;
  /// Rate behind the last cut, records/s; nullopt: unlimited.
  [[nodiscard]] virtual std::optional<double> rate() const = 0;
};

/// weir's own controller as a policy: the very object a running job has.
class controlled_plant final : public plant_policy {
public:
  explicit controlled_plant(rate_controller& controller) : controller_(controller) {}
  std::vector<std::optional<double>> cut(const plan_moment& at,
                                         std::span<const partition_backlog> backlogs) override;
  void finished(const batch_timing& batch) override;
  [[nodiscard]] std::optional<double> rate() const override {
    return controller_.decision().rate_after;
  }

private:
  rate_controller& controller_;
};

/// Runs the scenario to its end. A batch of n records takes (fixed + sum of records x cost /
/// capacity) x noise + stall; what is known of a batch reaches the policy when it ends and counts
/// from the next tick on. Same seed, same run.
plant_run run_plant(const plant_scenario& scenario, plant_policy& policy, std::uint64_t seed = 1);

/// What a run is judged by. Delays and times are in intervals.
struct plant_verdict {
  /// First tick from which the rate stays within 5 % of what fits an interval, to the end.
  std::optional<std::uint32_t> settled{};

  double p95_delay = 0;     ///< Scheduling delay after the warm-up.
  double worst_delay = 0;   ///< As above, the largest.
  double busy = 0;          ///< Share of time busy while records wait, after the warm-up; or NaN.
  double longest_batch = 0; ///< Processing time, from the start on.
};

/// @param warm_up ticks left out of delays and busy.
plant_verdict judge(const plant_scenario& scenario, const plant_run& run,
                    std::uint32_t warm_up = 12);

} // namespace weir
