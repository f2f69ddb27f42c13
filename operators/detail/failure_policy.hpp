// What becomes of a record that an operator cannot use. Used by detail/fused_stage.hpp.
#pragma once

#include <weir/operators/detail/original.hpp>
#include <weir/runtime/on_error.hpp>
#include <weir/runtime/stage.hpp>

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace weir::detail {

class dead_letters;

/// The operators of a stage, shared by its replicas and fixed once the job has started: index 0 is
/// the head, then the steps, last the tail.
struct stage_operators {
  std::string job;
  std::vector<std::string> kinds;
  std::vector<on_error> policies;
  bool check_views = false; ///< See context_options.
};

/// The share of bad records in the last batches of one operator. A batch counts once it is final.
class bad_share {
public:
  static constexpr std::size_t batches = 10;
  static constexpr std::uint64_t enough_records = 1'000;

  /// Counts a record of the stage's input, once however often it is told.
  void add_bad(std::uint64_t record) noexcept {
    open_.bad += std::exchange(last_, record) != record;
  }
  void settle_last() noexcept;
  void forget_open() noexcept { open_ = {}; }

  /// The open batch has taken so many records. @returns whether more than `limit` of all were bad.
  [[nodiscard]] bool exceeds(double limit, std::uint64_t records) noexcept;
  [[nodiscard]] std::string text() const; ///< "5 of 100 records in 10 batches"

private:
  struct sample {
    std::uint64_t records = 0;
    std::uint64_t bad = 0;
  };
  [[nodiscard]] sample sum() const noexcept;

  std::array<sample, batches - 1> past_{}; ///< A ring; batches without records are not in it.
  std::size_t known_ = 0;
  std::size_t next_ = 0;
  std::uint64_t last_ = 0;
  sample open_;
};

/// Notes what went wrong where it is found, and decides once the record's place is known. One per
/// replica; nothing here runs for good records, except the look at `noted()`.
class failure_policy {
public:
  explicit failure_policy(std::shared_ptr<const stage_operators> operators);
  ~failure_policy();

  [[nodiscard]] const std::shared_ptr<const stage_operators>& operators() const noexcept {
    return operators_;
  }

  expected<void> open(const replica_context& context);
  expected<void> begin(const batch& whole);
  void committed() noexcept;
  void abort() noexcept;
  void close() noexcept;

  /// The function of operator `index` threw. Call inside the `catch`.
  [[gnu::noinline, gnu::cold]] void threw(std::size_t index) noexcept;

  /// The record is not what operator `index` expects.
  [[gnu::noinline, gnu::cold]] void refused(std::size_t index, error reason) noexcept;

  /// The function of operator `index` threw: how long to wait before it is called again. Nullopt:
  /// it is not, and what follows is up to `threw`.
  /// @param failures before this one.
  [[gnu::noinline, gnu::cold]] std::optional<duration> put_off(std::size_t index,
                                                               std::uint32_t failures) noexcept;

  /// Whether there is anything to settle: a place to remember, too, for a call that is put off.
  [[nodiscard]] bool noted() const noexcept { return noted_; }

  /// Whether the batch goes on without what made operator `index` throw.
  [[nodiscard]] bool drops(std::size_t index) const noexcept {
    return operators_->policies[index].finally() != on_error::action::fail;
  }

  /// The record was read from this partition of the stage's input, at this offset of the source (or
  /// `no_origin`).
  /// @returns the error of what was noted when a policy is `fail`.
  expected<void> settle(partition_id partition, std::int64_t origin, original record = {});

  /// The record cannot be traced to a partition, e.g. behind a shuffle: the message names the
  /// batch's ranges.
  expected<void> settle();

  /// A call that was put off has been made: the record was the one of the last `settle`.
  expected<void> settle_put_off();

  /// Hands over the letters that wait. Called between blocks.
  expected<progress> write_letters();

  /// The batch ends: judges the share of bad records.
  /// @param records that the stage has taken in this batch.
  expected<void> judge(std::uint64_t records);

  /// The letters of the batch; see stage.
  expected<progress> prepare();
  [[nodiscard]] bool commits() const noexcept;
  expected<progress> commit();

  [[nodiscard]] std::uint64_t dropped() const noexcept { return dropped_; }

private:
  struct note {
    std::size_t index;
    error what;
  };
  struct place {
    std::string text;
    std::string topic{};
    std::int32_t partition = -1;
    std::int64_t offset = -1;
  };

  /// What the head said of a record.
  struct told {
    partition_id partition;
    std::int64_t origin;
    original record;
  };

  void note_down(std::size_t index, error what) noexcept;
  expected<void> settle_told(const std::optional<told>& by_head);
  expected<void> settle_unplaced();
  expected<void> settle_at(const place& where, const original& record);
  void log_drop(const place& where, const error& what);

  std::shared_ptr<const stage_operators> operators_;
  replica_context context_;
  const batch* whole_ = nullptr; ///< The open batch.
  bool noted_ = false;           ///< There are notes, or a call was put off.
  std::vector<note> notes_;      ///< Since the last `settle`.
  std::optional<told> put_off_;  ///< Of the record whose call waits, if its place is known.
  std::uint64_t settled_ = 0;    ///< Numbers the records that had notes.
  std::uint64_t dropped_ = 0;
  std::optional<batch_time> logged_;      ///< Batch time of the last line.
  std::vector<bad_share> shares_;         ///< By operator.
  std::unique_ptr<dead_letters> letters_; ///< Never null.
};

} // namespace weir::detail
