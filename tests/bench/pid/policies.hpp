// What the rate controller is compared with: the public law, an oracle, and controllers that are
// bad. Next: family.hpp.
#pragma once

#include <weir/backpressure/plant_model.hpp>

#include <memory>
#include <string_view>
#include <vector>

namespace pid {

/// Sets one rate for all, which is divided by lag; fractions of records are allowed.
class one_rate : public weir::plant_policy {
public:
  std::vector<std::optional<double>> cut(const weir::plan_moment& at,
                                         std::span<const weir::partition_backlog> backlogs) final;
  [[nodiscard]] std::optional<double> rate() const final { return rate_; }

protected:
  virtual void before_cut(const weir::plan_moment& /*at*/) {}
  std::optional<double> rate_;
};

/// The public law with its defaults. @param first_rate until there is an estimate; nullopt:
/// unlimited. @param scale what its rate is multiplied by; 1 is the law.
class public_law final : public one_rate {
public:
  explicit public_law(weir::duration interval, std::optional<double> first_rate = std::nullopt,
                      double scale = 1)
      : law_(*weir::pid_rate_estimator::make(interval)), scale_(scale) {
    rate_ = first_rate;
  }
  void finished(const weir::batch_timing& batch) override {
    if (const auto rate = law_.update(batch))
      rate_ = *rate * scale_;
  }

private:
  weir::pid_rate_estimator law_;
  double scale_;
};

/// Records/s of which an interval's worth just fits into an interval.
inline double fits(const weir::plant_scenario& s, std::size_t tick) {
  return s.capacity[tick - 1] * (s.interval - s.fixed_cost) / s.interval;
}

/// Knows what fits, and cuts that or a share of it.
class oracle final : public one_rate {
public:
  explicit oracle(const weir::plant_scenario& scenario, double share = 1)
      : scenario_(scenario), share_(share) {}
  void finished(const weir::batch_timing& /*batch*/) override {}

private:
  void before_cut(const weir::plan_moment& at) override {
    const auto tick = (at.now - weir::steady_time{}) / at.interval;
    rate_ = share_ * fits(scenario_, static_cast<std::size_t>(tick));
  }
  const weir::plant_scenario& scenario_;
  double share_;
};

/// Whatever controls a plant, made anew for each run.
using policy_maker = std::unique_ptr<weir::plant_policy> (*)(const weir::plant_scenario& scenario);

std::unique_ptr<weir::plant_policy> make_weir(const weir::plant_scenario& s);
std::unique_ptr<weir::plant_policy> make_law(const weir::plant_scenario& s); ///< First rate 1,000.
std::unique_ptr<weir::plant_policy> make_unlimited_law(const weir::plant_scenario& s);
std::unique_ptr<weir::plant_policy> make_oracle(const weir::plant_scenario& s);

struct named_policy {
  std::string_view name;
  policy_maker make;
};

/// What a judge must refuse: the law x 0.35, a constant 0.6 of what fits, and a fitted cost model
/// that what is measured cannot refute.
std::span<const named_policy> bad_policies();

inline weir::duration interval_of(const weir::plant_scenario& s) {
  return weir::duration{static_cast<weir::duration::rep>(s.interval * 1e9)};
}

} // namespace pid
