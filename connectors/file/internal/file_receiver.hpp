// Reads the lines of a batch's files. Next on the data path: runtime/block_builder.hpp.
#pragma once

#include <weir/connectors/file/directory_stream.hpp>
#include <weir/connectors/file/internal/directory.hpp>
#include <weir/connectors/file/internal/planned_files.hpp>
#include <weir/connectors/internal/line_cutter.hpp>
#include <weir/runtime/receiver.hpp>

#include <atomic>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace weir {

/// How long lines are, as far as they have been read. Thread-safe.
class line_measure {
public:
  void add(std::int64_t lines, std::int64_t bytes) noexcept {
    lines_ += lines;
    bytes_ += bytes;
  }
  [[nodiscard]] std::int64_t lines_in(std::int64_t bytes) const noexcept {
    return static_cast<std::int64_t>(static_cast<double>(bytes) * static_cast<double>(lines_) /
                                     static_cast<double>(bytes_));
  }

private:
  std::atomic<std::int64_t> lines_{1};
  std::atomic<std::int64_t> bytes_{100}; ///< A guess, until it is known better.
};

/// Why a file is left out whose successor will be read.
inline constexpr std::string_view replaced_before_read =
    "it was replaced or written anew before it had been read; what is there now is read later";

/// Reads file after file, each up to the size it had when the batch was planned.
class file_receiver final : public receiver {
public:
  file_receiver(directory from, const directory_options& options,
                std::shared_ptr<line_measure> measured, std::shared_ptr<planned_files> told)
      : from_(std::move(from)), options_(options), measured_(std::move(measured)),
        told_(std::move(told)), cutter_(options.max_line_bytes) {}

  expected<void> open(const replica_context& context) override;
  expected<void> begin(const batch& whole, const source_batch& work) override;
  expected<received> receive(emitter& out) override;
  void abort() noexcept override;
  [[nodiscard]] std::uint64_t dropped() const noexcept override { return dropped_; }

private:
  struct task {
    partition_id partition;
    std::string name;
    std::int64_t bytes = 0;
    found_file planned{}; ///< As it was found.
  };

  /// Opens the file of the first task.
  expected<void> open_next();
  /// Whether the open file holds what it held when it was found, perhaps with more behind it.
  [[nodiscard]] bool as_planned() const;
  void leave_out(std::string_view reason);
  /// By which rules of CSV lines end, if by any.
  [[nodiscard]] std::optional<csv_quoting> quoting_of(std::string_view name) const;
  /// @returns whether the file has ended; else the block is full.
  expected<bool> fill_block();
  expected<void> take(const cut_line& line);
  expected<void> read_piece();
  /// Carries out the policy for input that cannot be read.
  expected<void> unreadable(unreadable_input policy, error reason);
  [[nodiscard]] std::string path() const;

  const directory from_;
  const directory_options options_;
  const std::shared_ptr<line_measure> measured_;
  const std::shared_ptr<planned_files> told_;
  replica_context context_;
  line_cutter cutter_;
  std::optional<block_builder<std::string_view>> builder_; ///< Kept: it reuses its blocks' storage.

  std::deque<task> tasks_; ///< The first is being read, if `file_` is open.
  file_handle file_;
  std::int64_t left_ = 0;      ///< Bytes of the file that have not been read.
  std::size_t lines_seen_ = 0; ///< Of the file.
  std::uint64_t dropped_ = 0;
  std::uint64_t taken_over_ = 0; ///< Of `dropped_`: what was left out before the batch.
};

} // namespace weir
