// What every run is made of: a cluster, the job, and those who hear of its batches.
#pragma once

#include "cluster.hpp"
#include "history.hpp"
#include "job.hpp"
#include "settings.hpp"
#include "terminal.hpp"

#include <weir/weir.hpp>

#include <atomic>
#include <fstream>
#include <memory>
#include <string>

namespace impressions {

/// Writes the report of every batch as one line of JSON.
class report_writer final : public weir::listener {
public:
  /// @param file empty: writes nothing.
  static weir::expected<std::shared_ptr<report_writer>> open(const std::string& file);
  void on_finished(const weir::batch_report& report) override;
  /// Whether all lines could be written so far. Any thread.
  [[nodiscard]] weir::expected<void> check() const;
  weir::expected<void> finish();

private:
  std::string name_;
  std::ofstream file_;
  std::atomic<bool> broken_ = false;
};

struct run {
  const settings& with;
  terminal& shown;
  cluster at;
  weir::context ctx; ///< After the cluster: it ends before.
  std::shared_ptr<report_writer> reports;
  std::shared_ptr<tally> totals = std::make_shared<tally>();
  std::shared_ptr<history> figures = std::make_shared<history>();

  /// Opens what the settings name. @param job its name, interval and threads are set here.
  static weir::expected<run> make(const settings& with, terminal& shown,
                                  weir::context_options job = {});

  /// Composes the job and starts it. @param price per record; null: none.
  weir::expected<void> start(weir::kafka::starting_offsets from, std::shared_ptr<toll> price);

  /// Waits for the end of the job. @returns whether it has come, or why it cannot be waited for.
  weir::expected<bool> await_for(weir::duration limit);

  /// Finishes what is planned, as far as the deadline allows. @returns ok or data_left.
  weir::expected<int> stop();

  void show_last_ranges() const;
};

/// Reports an error below the rows. @returns its exit code.
int fail(terminal& shown, const weir::error& why);

} // namespace impressions
