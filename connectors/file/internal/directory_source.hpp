// The control side of a watched directory: which files are new, and which batch reads them. Next:
// internal/file_receiver.hpp.
#pragma once

#include <weir/connectors/file/directory_stream.hpp>
#include <weir/connectors/file/internal/file_receiver.hpp>
#include <weir/runtime/source.hpp>

#include <boost/unordered/unordered_flat_map.hpp>

#include <deque>
#include <memory>
#include <string>
#include <vector>

namespace weir {

/// Tells new files from those seen before. Not thread-safe.
///
/// A file is new if its name has not been seen and its time is not too old, which is relative to
/// the newest file seen. So only names of files that are not too old must be remembered.
class seen_files {
public:
  explicit seen_files(duration max_age) : max_age_(max_age.count()) {}

  /// Remembers the files of a listing. A time in the future counts as `now`: one such file must not
  /// make all others look old.
  /// @returns those that are new, by modification time, then name.
  std::vector<found_file> add(std::vector<found_file> listed, wall_time now);

  [[nodiscard]] std::size_t remembered() const noexcept { return times_.size(); }

private:
  std::int64_t max_age_; ///< ns.
  std::int64_t newest_ = 0;
  std::int64_t oldest_ = 0; ///< Names of older files have been forgotten.
  boost::unordered_flat_map<std::string, std::int64_t> times_;
};

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
  expected<void> close(duration) override { return {}; }

private:
  /// Files that a batch was planned with, and those that wait, in the order in which they were
  /// found.
  using file_queue = std::deque<found_file>;

  const directory_options options_;
  const directory from_;
  const std::shared_ptr<line_measure> measured_ = std::make_shared<line_measure>();
  source_host* host_ = nullptr;
  bool whole_backlog_ = false; ///< The trigger asks for one batch of all there is.

  seen_files seen_;
  std::int64_t taken_ =
      0; ///< Files that a batch has been planned with: number of the first that waits.
  file_queue waiting_; ///< No batch has been planned with them.
  std::deque<file_queue>
      planned_; ///< By batch that is planned and not complete, empty ones included.
};

} // namespace weir
