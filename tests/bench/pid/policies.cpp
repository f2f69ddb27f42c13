#include "former_controller.hpp"
#include "policies.hpp"

#include <array>

namespace pid {

namespace {

constexpr double first_rate = 1000;

/// weir's controller with its defaults, whatever the case.
class weirs_own final : public weir::plant_policy {
public:
  explicit weirs_own(weir::duration interval)
      : controller_(*weir::rate_controller::make(interval)) {}
  std::vector<std::optional<double>>
  cut(const weir::plan_moment& at, std::span<const weir::partition_backlog> backlogs) override {
    return policy_.cut(at, backlogs);
  }
  void finished(const weir::batch_timing& batch) override { policy_.finished(batch); }
  [[nodiscard]] std::optional<double> rate() const override { return policy_.rate(); }

private:
  weir::rate_controller controller_;
  weir::controlled_plant policy_{controller_};
};

} // namespace

std::vector<std::optional<double>>
one_rate::cut(const weir::plan_moment& at, std::span<const weir::partition_backlog> backlogs) {
  before_cut(at);
  double lag = 0;
  for (const auto& b : backlogs)
    lag += static_cast<double>(b.lag);
  std::vector<std::optional<double>> limits;
  limits.reserve(backlogs.size());
  for (const auto& b : backlogs)
    limits.push_back(rate_ && lag > 0 ? std::optional{*rate_ * weir::seconds_of(at.interval) *
                                                      static_cast<double>(b.lag) / lag}
                                      : std::nullopt);
  return limits;
}

std::unique_ptr<weir::plant_policy> make_weir(const weir::plant_scenario& s) {
  return std::make_unique<weirs_own>(interval_of(s));
}

std::unique_ptr<weir::plant_policy> make_law(const weir::plant_scenario& s) {
  return std::make_unique<public_law>(interval_of(s), first_rate);
}

std::unique_ptr<weir::plant_policy> make_unlimited_law(const weir::plant_scenario& s) {
  return std::make_unique<public_law>(interval_of(s));
}

std::unique_ptr<weir::plant_policy> make_oracle(const weir::plant_scenario& s) {
  return std::make_unique<oracle>(s);
}

std::span<const named_policy> bad_policies() {
  static constexpr std::array bad = {
      named_policy{"law_x_0.35",
                   [](const weir::plant_scenario& s) -> std::unique_ptr<weir::plant_policy> {
                     return std::make_unique<public_law>(interval_of(s), first_rate, 0.35);
                   }},
      named_policy{"constant_0.6",
                   [](const weir::plant_scenario& s) -> std::unique_ptr<weir::plant_policy> {
                     return std::make_unique<oracle>(s, 0.6);
                   }},
      named_policy{"cost_model",
                   [](const weir::plant_scenario& s) -> std::unique_ptr<weir::plant_policy> {
                     return std::make_unique<former_controller>(interval_of(s));
                   }},
  };
  return bad;
}

} // namespace pid
