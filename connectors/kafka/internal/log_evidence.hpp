// Whether a topic is still the one that was read: what is remembered of each partition's log, and
// the rule. Logic only, no client. Next: log_watch.hpp.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace weir::kafka {

/// A record by which a log is known again.
struct witness {
  std::int64_t offset = -1;
  std::int64_t timestamp = -1; ///< ms; -1: none.
  std::size_t bytes = 0;       ///< Of key and value.
  friend bool operator==(const witness&, const witness&) = default;
};

/// What is remembered of a partition's log.
struct log_memory {
  std::int64_t low = 0;            ///< Highest oldest offset that was seen.
  std::int64_t end = 0;            ///< Highest end that was seen.
  std::optional<witness> record{}; ///< The last one read while nothing was doubtful.
  bool was_unknown = false;        ///< The brokers have since said that there is no such topic.
};

/// What the log is like now.
struct log_sight {
  std::int64_t low = 0;
  std::int64_t end = 0;
  /// The first record at or behind the remembered one; unset when there is none, or when none is
  /// remembered.
  std::optional<witness> record{};
};

enum class log_verdict {
  same,
  shorter, ///< What was read is not there (any more, or yet: a new leader may lag for a moment).
  other,   ///< Another log: the topic was made anew, or the log was cut and written to again.
};

/// The rule. The record decides where it can be read again. Where it cannot, because it was deleted
/// in time, compacted away or never read, a mark that fell or a topic that was unknown in between
/// does.
[[nodiscard]] log_verdict judge(const log_memory& known, const log_sight& now) noexcept;

/// The memories of a stream's partitions. They outlive assignments. A *doubt* is anything after
/// which a topic may be another one; records read in doubt do not count as witnesses until the one
/// before the doubt has been found again. Thread-safe.
class log_evidence {
public:
  using place = std::pair<std::string, std::int32_t>; ///< Topic and partition.

  /// Something has happened to some topic.
  void raise_doubt() noexcept;
  /// Names the doubts so far, for `confirm`.
  [[nodiscard]] std::uint64_t doubts() const;

  /// Reading begins, or begins anew, in this log; what was known of the place before is forgotten.
  void begin(const place& at, log_memory known, std::uint64_t doubts);
  /// A record was read. Once per block is enough.
  void read(std::string_view topic, std::int32_t partition, const witness& last);
  /// The log reaches this far.
  void saw_end(const place& at, std::int64_t end);
  void saw_unknown(const place& at);
  /// The log is the same one, as of `doubts`.
  void confirm(const place& at, const log_sight& now, std::uint64_t doubts);

  [[nodiscard]] std::optional<log_memory> find(const place& at) const;
  /// Whether nothing has happened since the log was last known to be the same.
  [[nodiscard]] bool trusts(const place& at) const;
  [[nodiscard]] bool knows_topic(std::string_view topic) const;

private:
  struct entry {
    log_memory known;
    std::optional<witness> in_doubt{}; ///< The last record read since the doubt.
    std::uint64_t in_doubt_since = 0;  ///< The doubts when it was read.
    std::uint64_t confirmed = 0;       ///< Doubts that are dealt with.
  };

  mutable std::mutex mutex_;
  std::map<place, entry, std::less<>> entries_;
  std::uint64_t doubts_ = 0;
};

} // namespace weir::kafka
