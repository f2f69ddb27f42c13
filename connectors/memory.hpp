// Records from and to the program's own memory: for tests, benchmarks and small jobs.
#pragma once

#include <weir/backpressure/read_pacer.hpp>
#include <weir/connectors/range_receiver.hpp>
#include <weir/operators/stream.hpp>

#include <algorithm>
#include <concepts>
#include <functional>
#include <iterator>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <utility>
#include <vector>

namespace weir {

/// An append-only log in memory with a fixed number of partitions, like a topic. Thread-safe.
template <class T>
class memory_log {
public:
  explicit memory_log(std::uint32_t partitions = 1) : partitions_(partitions) {}

  void append(T record, std::uint32_t partition = 0) {
    std::lock_guard guard(mutex_);
    partitions_.at(partition).push_back(std::move(record));
    wake_readers();
  }

  void append_all(std::vector<T> records, std::uint32_t partition = 0) {
    std::lock_guard guard(mutex_);
    auto& to = partitions_.at(partition);
    to.insert(to.end(), std::make_move_iterator(records.begin()),
              std::make_move_iterator(records.end()));
    wake_readers();
  }

  [[nodiscard]] std::uint32_t partitions() const {
    return static_cast<std::uint32_t>(partitions_.size());
  }

  [[nodiscard]] std::int64_t end(std::uint32_t partition) const {
    std::lock_guard guard(mutex_);
    return static_cast<std::int64_t>(partitions_.at(partition).size());
  }

  /// Copies records `[from, until)` of a partition into `to`, as far as it takes them. @returns how
  /// many it took.
  std::int64_t read(std::uint32_t partition, std::int64_t from, std::int64_t until,
                    block_builder<T>& to) const {
    std::lock_guard guard(mutex_);
    const auto& records = partitions_.at(partition);
    std::int64_t at = from;
    for (; at < until && !to.full(); ++at)
      to.push(record_traits<T>::relocate(records[static_cast<std::size_t>(at)], to.bytes()), at);
    return at - from;
  }

  /// A reader that waits for more. Its `wake` is called by the thread that appends.
  struct reader {
    std::function<void()> wake;
    bool waits = false;
  };

  /// Wakes `who` at the next append to any partition. @returns false, and does nothing, when a
  /// partition reaches beyond its position already. @param positions partition and first offset not
  /// read.
  bool wake_when_longer(std::shared_ptr<reader> who,
                        std::span<const std::pair<std::uint32_t, std::int64_t>> positions) {
    std::lock_guard guard(mutex_);
    for (const auto& [partition, position] : positions)
      if (position < static_cast<std::int64_t>(partitions_.at(partition).size()))
        return false;
    if (!std::exchange(who->waits, true))
      waiting_.push_back(std::move(who));
    return true;
  }

  /// `who` is not woken any more once this returns.
  void forget(const std::shared_ptr<reader>& who) {
    std::lock_guard guard(mutex_);
    std::erase(waiting_, who);
    who->waits = false;
  }

private:
  void wake_readers() {
    for (auto& who : waiting_) {
      who->waits = false;
      who->wake();
    }
    waiting_.clear();
  }

  mutable std::mutex mutex_;
  std::vector<std::vector<T>> partitions_;
  std::vector<std::shared_ptr<reader>> waiting_;
};

namespace detail {

template <class T>
class memory_receiver final : public range_receiver {
public:
  explicit memory_receiver(std::shared_ptr<memory_log<T>> log) : log_(std::move(log)) {}

  expected<void> open(const replica_context& context) override {
    builder_.emplace(context.limits);
    reader_ = std::make_shared<typename memory_log<T>::reader>();
    reader_->wake = context.wake;
    return range_receiver::open(context);
  }

  expected<void> begin(const batch& whole, const source_batch& work) override {
    pacers_.resize(work.ranges.size());
    if (whole.open_ended)
      for (std::size_t p = 0; p < pacers_.size(); ++p)
        pacers_[p].begin(work.rates[p], context().clock->steady_now());
    return range_receiver::begin(whole, work);
  }

  void close() noexcept override { log_->forget(reader_); }

private:
  expected<void> read(offset_range& range, emitter& out) override {
    const auto partition = static_cast<std::uint32_t>(range.partition);
    range.from += log_->read(partition, range.from, range.until, *builder_);
    out.emit(partition_id(partition), builder_->build());
    return {};
  }

  expected<received> read_on(emitter& out) override {
    const auto now = context().clock->steady_now();
    std::optional<steady_time> again;
    do {
      waiting_for_.clear();
      for (std::size_t visited = 0; visited < ranges(); ++visited) {
        auto& range = next_range();
        const auto partition = static_cast<std::uint32_t>(range.partition);
        const auto there = log_->end(partition) - range.from;
        const auto wanted = std::min(static_cast<std::uint64_t>(there),
                                     std::uint64_t{context().limits.max_records});
        if (const auto most = pacers_[partition].take(wanted, now); most > 0) {
          range.until = range.from + static_cast<std::int64_t>(most);
          (void)read(range, out);
          pacers_[partition].give_back(static_cast<std::uint64_t>(range.count()));
          return received::records;
        }
        if (there == 0)
          waiting_for_.emplace_back(partition, range.from);
        else if (const auto at = pacers_[partition].next(wanted, now))
          again = std::min(again.value_or(*at), *at);
      }
    } while (!waiting_for_.empty() && !log_->wake_when_longer(reader_, waiting_for_));
    if (again)
      context().wake_at(*again);
    return received::nothing;
  }

  std::shared_ptr<memory_log<T>> log_;
  std::shared_ptr<typename memory_log<T>::reader> reader_;
  std::optional<block_builder<T>> builder_; ///< Kept from block to block: it reuses their storage.
  std::vector<read_pacer> pacers_;          ///< By partition.
  std::vector<std::pair<std::uint32_t, std::int64_t>> waiting_for_; ///< Partitions without records.
};

template <class T>
class memory_source : public source {
public:
  memory_source(std::string name, std::shared_ptr<memory_log<T>> log)
      : name_(std::move(name)), log_(std::move(log)), positions_(log_->partitions(), 0) {}

  expected<void> open(const source_setup&) override { return {}; }
  std::unique_ptr<receiver> make_receiver(std::uint32_t) override {
    return std::make_unique<memory_receiver<T>>(log_);
  }

  expected<std::vector<partition_position>> survey() override {
    std::vector<partition_position> unread;
    for (std::uint32_t p = 0; p < positions_.size(); ++p)
      unread.push_back({.topic = name_,
                        .partition = static_cast<std::int32_t>(p),
                        .position = positions_[p],
                        .latest = log_->end(p)});
    return unread;
  }

  source_batch plan(const std::vector<partition_position>& unread,
                    const std::vector<std::optional<std::uint64_t>>& limits) override {
    source_batch work;
    for (std::size_t p = 0; p < unread.size(); ++p) {
      const auto most = limits[p] ? std::min(static_cast<std::int64_t>(*limits[p]), unread[p].lag())
                                  : unread[p].lag();
      work.ranges.push_back({.topic = name_,
                             .partition = unread[p].partition,
                             .from = unread[p].position,
                             .until = unread[p].position + most,
                             .latest = unread[p].latest});
      positions_[p] = work.ranges.back().until;
    }
    return work;
  }

  [[nodiscard]] bool runs_continuously() const override { return true; }
  void completed(const batch& whole, const source_batch& work) override {
    if (whole.open_ended)
      move_to(work, &offset_range::until);
  }
  void rewind(const source_batch& first) override { move_to(first, &offset_range::from); }
  expected<void> close(duration) override { return {}; }

private:
  void move_to(const source_batch& work, std::int64_t offset_range::* edge) {
    for (const auto& range : work.ranges)
      positions_[static_cast<std::size_t>(range.partition)] = range.*edge;
  }

  std::string name_;
  std::shared_ptr<memory_log<T>> log_;
  std::vector<std::int64_t> positions_; ///< By partition: what the next plan begins with.
};

} // namespace detail

/// A stream of what is appended to `log`, from its beginning at each start. Partition i of the
/// stream is partition i of the log.
template <class T>
stream<T> memory_stream(context& to, std::shared_ptr<memory_log<T>> log,
                        std::string name = "memory",
                        std::source_location where = std::source_location::current()) {
  std::vector<error> mistakes;
  if (!log)
    mistakes.push_back(
        error(errc::invalid_graph, "memory_stream() was given no log: the pointer is null")
            .at(where));
  const auto partitions = log ? log->partitions() : 0;
  return add_source<T>(
      to,
      {.label = name,
       .make = [name, log] { return std::make_unique<detail::memory_source<T>>(name, log); },
       .max_replicas = partitions,
       .mistakes = std::move(mistakes)},
      where);
}

/// What a memory sink has taken: records of complete batches only. Thread-safe.
template <class T>
class memory_table {
public:
  struct batch_rows {
    batch_time time{};
    std::vector<owned_t<T>> rows;
  };

  [[nodiscard]] std::vector<batch_rows> batches() const {
    std::lock_guard guard(mutex_);
    return batches_;
  }
  [[nodiscard]] std::vector<owned_t<T>> rows() const {
    std::lock_guard guard(mutex_);
    std::vector<owned_t<T>> all;
    for (const auto& one : batches_)
      all.insert(all.end(), one.rows.begin(), one.rows.end());
    return all;
  }
  /// The rows for which `wanted(row)` is true, oldest batch first. No batch completes meanwhile.
  template <std::predicate<const owned_t<T>&> Wanted>
  [[nodiscard]] std::vector<owned_t<T>> rows_where(Wanted wanted) const {
    std::lock_guard guard(mutex_);
    std::vector<owned_t<T>> found;
    for (const auto& one : batches_)
      std::copy_if(one.rows.begin(), one.rows.end(), std::back_inserter(found), wanted);
    return found;
  }
  /// The newest batch; empty before the first.
  [[nodiscard]] std::optional<batch_rows> last() const {
    std::lock_guard guard(mutex_);
    return batches_.empty() ? std::optional<batch_rows>() : batches_.back();
  }
  void add(batch_rows rows) {
    std::lock_guard guard(mutex_);
    batches_.push_back(std::move(rows));
  }

private:
  mutable std::mutex mutex_;
  std::vector<batch_rows> batches_;
};

/// What a batch does to the rows that a keyed table has already.
enum class memory_update {
  by_key, ///< Its rows replace those with the same keys; the others stay.
  whole,  ///< Its rows replace all others: for results that are complete in each batch.
};

/// The last value of each key that a memory sink has taken, for the program to ask while the job
/// runs: each complete batch shows at once or not at all. `T` is a record with a key and a value.
/// Thread-safe. Its memory is the program's own and counts for no budget.
template <keyed T>
class keyed_memory_table {
public:
  using key_type = owned_t<typename T::first_type>;
  using mapped_type = owned_t<typename T::second_type>;
  using rows_type = std::vector<std::pair<key_type, mapped_type>>;

  explicit keyed_memory_table(memory_update update = memory_update::by_key) : update_(update) {}

  /// The value of a key, or of a view of one.
  template <class View>
  [[nodiscard]] std::optional<mapped_type> find(const View& key) const {
    std::lock_guard guard(mutex_);
    const auto found = rows_.find(key);
    return found == rows_.end() ? std::optional<mapped_type>() : found->second;
  }
  [[nodiscard]] std::size_t size() const {
    std::lock_guard guard(mutex_);
    return rows_.size();
  }
  /// Time of the newest batch; that of the Unix epoch before the first.
  [[nodiscard]] batch_time time() const {
    std::lock_guard guard(mutex_);
    return time_;
  }
  /// A copy of all rows as of one batch, in order of their keys.
  [[nodiscard]] rows_type rows() const {
    return rows_where([](const auto&, const auto&) { return true; });
  }
  /// A copy of those for which `wanted(key, value)` is true.
  template <std::predicate<const key_type&, const mapped_type&> Wanted>
  [[nodiscard]] rows_type rows_where(Wanted wanted) const {
    std::lock_guard guard(mutex_);
    rows_type found;
    for (const auto& [key, value] : rows_)
      if (wanted(key, value))
        found.emplace_back(key, value);
    return found;
  }

  /// For the sink: shows a batch. Of rows with the same key the last one counts.
  void show(batch_time at, rows_type rows) {
    std::lock_guard guard(mutex_);
    if (update_ == memory_update::whole)
      rows_.clear();
    for (auto& [key, value] : rows)
      rows_.insert_or_assign(std::move(key), std::move(value));
    time_ = at;
  }

private:
  const memory_update update_;
  mutable std::mutex mutex_;
  std::map<key_type, mapped_type, std::less<>> rows_;
  batch_time time_{};
};

namespace detail {

expected<void> check_table(const auto& table) {
  if (!table)
    return error(errc::invalid_graph, "memory_sink() was given no table: the pointer is null");
  return {};
}

template <class T>
class memory_sink : public sink<T> {
public:
  explicit memory_sink(std::shared_ptr<memory_table<T>> to) : to_(std::move(to)) {}
  expected<void> begin(const batch& whole) override {
    open_ = {.time = whole.time, .rows = {}};
    return {};
  }
  expected<progress> write(const sink_block<T>& in, std::size_t& written) override {
    for (const auto& record : in.records)
      open_.rows.push_back(record_traits<T>::to_owned(record));
    written = in.records.size();
    return progress::done;
  }
  expected<progress> commit() override {
    to_->add(std::exchange(open_, {}));
    return progress::done;
  }
  void abort() noexcept override { open_.rows.clear(); }

private:
  std::shared_ptr<memory_table<T>> to_;
  typename memory_table<T>::batch_rows open_;
};

template <class T>
class keyed_memory_sink final : public sink<T> {
public:
  explicit keyed_memory_sink(std::shared_ptr<keyed_memory_table<T>> to) : to_(std::move(to)) {}
  expected<void> begin(const batch& whole) override {
    time_ = whole.time;
    rows_.clear();
    return {};
  }
  expected<progress> write(const sink_block<T>& in, std::size_t& written) override {
    for (const auto& record : in.records)
      rows_.push_back(record_traits<T>::to_owned(record));
    written = in.records.size();
    return progress::done;
  }
  expected<progress> commit() override {
    to_->show(time_, std::exchange(rows_, {}));
    return progress::done;
  }
  void abort() noexcept override { rows_.clear(); }

private:
  std::shared_ptr<keyed_memory_table<T>> to_;
  typename keyed_memory_table<T>::rows_type rows_; ///< Of the open batch.
  batch_time time_{};
};

} // namespace detail

/// A sink that appends the records of each complete batch to `table`.
template <class T>
sink_factory<T> memory_sink(std::shared_ptr<memory_table<T>> table) {
  return {.traits = {.name = "memory"},
          .make = [table] { return std::make_unique<detail::memory_sink<T>>(table); },
          .valid = detail::check_table(table)};
}

/// A sink that shows each complete batch in `table`.
template <class T>
sink_factory<T> memory_sink(std::shared_ptr<keyed_memory_table<T>> table) {
  return {.traits = {.name = "memory"},
          .make = [table] { return std::make_unique<detail::keyed_memory_sink<T>>(table); },
          .valid = detail::check_table(table)};
}

} // namespace weir
