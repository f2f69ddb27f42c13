// Where keyed state lives when it is to outlive the process or not to fit into memory: bytes by key
// group and key. Next: operators/detail/state_table.hpp, which is typed, keeps what the open epoch
// changes, and without such a store keeps everything.
#pragma once

#include <weir/runtime/expected.hpp>

#include <cstdint>
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

/// The committed state of one operator, as one of its replicas uses it: the state after an epoch
/// that can no longer be undone. Keys are addressed by key group, not by partition, so that the
/// number of partitions may change. One thread at a time; the replicas of an operator never use the
/// same group.
class state_store {
public:
  virtual ~state_store() = default;

  /// @returns whether there is a value, which then is in `value`; errc::io.
  virtual expected<bool> get(std::uint32_t group, std::string_view key, std::string& value) = 0;

  // What the next `commit` writes; `get` and `scan` do not see it before.
  virtual void put(std::uint32_t group, std::string_view key, std::string_view value) = 0;
  virtual void erase(std::uint32_t group, std::string_view key) = 0;

  /// Writes what was put and erased, all or nothing. @returns errc::io; then nothing was written
  /// and the calls are forgotten.
  virtual expected<void> commit() = 0;

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
  virtual expected<std::unique_ptr<state_store>> open(const std::string& operator_name) = 0;
};

} // namespace weir
