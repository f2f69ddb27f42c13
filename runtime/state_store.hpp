// Where keyed state lives when it is to outlive the process or not to fit into memory: bytes by key
// group and key. Next: operators/detail/state_table.hpp, which is typed, keeps what the open epoch
// changes, and without such a store keeps everything.
#pragma once

#include <weir/runtime/expected.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace weir {

/// Goes over keys in an order of the store's own, as they were when it was made.
class state_cursor {
public:
  virtual ~state_cursor() = default;

  /// Moves to the next key. @returns whether there is one; errc::io.
  virtual expected<bool> next() = 0;

  /// The present key and value, valid until `next`.
  [[nodiscard]] virtual std::string_view key() const = 0;
  [[nodiscard]] virtual std::string_view value() const = 0;
};

/// The committed state of one operator, as one of its replicas uses it: the state after the last
/// epoch that is final. Keys are addressed by key group, not by partition, so that the
/// number of partitions may change. One thread at a time; the replicas of an operator never use the
/// same group.
class state_store {
public:
  virtual ~state_store() = default;

  /// @returns whether there is a value, which then is in `value`; errc::io.
  virtual expected<bool> get(std::uint32_t group, std::string_view key, std::string& value) = 0;

  // What the next `prepare` writes; `get` and `scan` do not see it before `adopt`.
  virtual void put(std::uint32_t group, std::string_view key, std::string_view value) = 0;
  virtual void erase(std::uint32_t group, std::string_view key) = 0;

  /// Writes what was put and erased beside the data, all or nothing and to stay: a crash from now
  /// on leaves it to `recover`. Once per epoch.
  /// @param note what the epoch is known by later.
  /// @returns errc::io; then nothing was written and the calls are forgotten.
  virtual expected<void> prepare(std::string_view note) = 0;
  /// What was prepared counts: it becomes the data, all or nothing. @returns errc::io.
  virtual expected<void> adopt() = 0;
  /// It does not; nor does what was put and erased since. @returns errc::io.
  virtual expected<void> discard() = 0;

  /// Before anything else: decides about what earlier uses of the operator's state have prepared
  /// and neither adopted nor discarded. The first of an operator's replicas to ask decides for all.
  /// @param counts asked for each note. @returns its error, or errc::io.
  virtual expected<void>
  recover(const std::function<expected<bool>(std::string_view note)>& counts) = 0;

  /// All keys of the groups `[first, until)`.
  [[nodiscard]] virtual std::unique_ptr<state_cursor> scan(std::uint32_t first,
                                                           std::uint32_t until) = 0;
};

/// Opens stores. Given to a context (`context_options::state`) or to one operator; shared by all
/// replicas, so `open` is thread-safe.
class state_backend {
public:
  virtual ~state_backend() = default;

  /// The store of the operator with this name (`.named(...)`), which is its identity from run to
  /// run. Released when the job stops. @returns errc::io saying what cannot be opened and why.
  /// @param replica which of the operator's replicas will use it.
  virtual expected<std::unique_ptr<state_store>> open(const std::string& operator_name,
                                                      std::uint32_t replica) = 0;
};

} // namespace weir
