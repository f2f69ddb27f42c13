// The control side of a watched directory: which files are new, and which batch reads them. Next:
// internal/file_receiver.hpp.
#pragma once

#include <weir/connectors/file/directory_stream.hpp>
#include <weir/connectors/file/internal/file_receiver.hpp>
#include <weir/connectors/file/internal/planned_files.hpp>
#include <weir/connectors/file/internal/seen_files.hpp>
#include <weir/runtime/source.hpp>

#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace weir {

/// Implements `weir::source`. Files are numbered in the order in which they were found; that number
/// is the position which the job plans with.
class directory_source final : public source {
public:
  directory_source(std::string path, directory_options options);

  expected<void> open(const source_setup& setup) override;
  std::unique_ptr<receiver> make_receiver(std::uint32_t replica) override;
  expected<std::vector<partition_position>> survey() override;
  source_batch plan(const std::vector<partition_position>& unread,
                    const std::vector<std::optional<std::uint64_t>>& limits) override;
  void completed(const batch& whole, const source_batch& work) override;
  void rewind(const source_batch& first) override;
  [[nodiscard]] std::vector<error> take_errors() override;
  expected<void> close(duration) override { return {}; }

private:
  /// Files that a batch was planned with, and those that wait, in the order in which they were
  /// found.
  using file_queue = std::deque<found_file>;

  /// Puts files that are new behind those that wait. One that was written anew takes the place of
  /// what waits under its name.
  void queue(std::vector<found_file> fresh);
  /// Counts, logs and reports.
  void leave_out(const std::vector<left_out_file>& files);

  const directory_options options_;
  const directory from_;
  const std::shared_ptr<line_measure> measured_ = std::make_shared<line_measure>();
  const std::shared_ptr<planned_files> told_ = std::make_shared<planned_files>();
  source_host* host_ = nullptr;
  bool whole_backlog_ = false; ///< The trigger asks for one batch of all there is.

  seen_files seen_;
  std::int64_t taken_ =
      0; ///< Files that a batch has been planned with: number of the first that waits.
  file_queue waiting_; ///< No batch has been planned with them.
  std::deque<file_queue>
      planned_;      ///< By batch that is planned and not complete, empty ones included.
  std::mutex mutex_; ///< A survey and a report may come at the same time.
  std::vector<error> errors_;
};

} // namespace weir
