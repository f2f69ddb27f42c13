// Records from and to the program's own memory: for tests, benchmarks and small jobs.
#pragma once

#include <weir/operators/stream.hpp>

#include <memory>
#include <mutex>
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
  }

  void append_all(std::vector<T> records, std::uint32_t partition = 0) {
    std::lock_guard guard(mutex_);
    auto& to = partitions_.at(partition);
    to.insert(to.end(), std::make_move_iterator(records.begin()),
              std::make_move_iterator(records.end()));
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

private:
  mutable std::mutex mutex_;
  std::vector<std::vector<T>> partitions_;
};

namespace detail {

template <class T>
class memory_receiver final : public receiver {
public:
  explicit memory_receiver(std::shared_ptr<memory_log<T>> log) : log_(std::move(log)) {}

  expected<void> open(const replica_context& context) override {
    context_ = context;
    builder_.emplace(context.limits);
    return {};
  }

  expected<void> begin(const batch&, const source_batch& work) override {
    left_.clear();
    for (std::uint32_t p = context_.index; p < work.ranges.size(); p += context_.replicas)
      if (!work.ranges[p].empty())
        left_.push_back(work.ranges[p]);
    return {};
  }

  expected<received> receive(emitter& out) override {
    if (left_.empty())
      return received::complete;
    auto& range = left_.back();
    const auto partition = static_cast<std::uint32_t>(range.partition);
    range.from += log_->read(partition, range.from, range.until, *builder_);
    out.emit(partition_id(partition), builder_->build());
    if (range.empty())
      left_.pop_back();
    return received::records;
  }

  void abort() noexcept override { left_.clear(); }

private:
  std::shared_ptr<memory_log<T>> log_;
  replica_context context_;
  std::optional<block_builder<T>> builder_; ///< Kept from block to block: it reuses their storage.
  std::vector<offset_range> left_;
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

  void completed(const batch&, const source_batch&) override {}
  void rewind(const source_batch& first) override {
    for (const auto& range : first.ranges)
      positions_[static_cast<std::size_t>(range.partition)] = range.from;
  }
  expected<void> close(duration) override { return {}; }

private:
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
  const auto partitions = log->partitions();
  return add_source<T>(
      to,
      {.label = name,
       .make = [name, log] { return std::make_unique<detail::memory_source<T>>(name, log); },
       .max_replicas = partitions,
       .mistakes = {}},
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
  void add(batch_rows rows) {
    std::lock_guard guard(mutex_);
    batches_.push_back(std::move(rows));
  }

private:
  mutable std::mutex mutex_;
  std::vector<batch_rows> batches_;
};

namespace detail {

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

} // namespace detail

/// A sink that appends the records of each complete batch to `table`.
template <class T>
sink_factory<T> memory_sink(std::shared_ptr<memory_table<T>> table) {
  return {.traits = {.name = "memory"},
          .make = [table] { return std::make_unique<detail::memory_sink<T>>(table); }};
}

} // namespace weir
