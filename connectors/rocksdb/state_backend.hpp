// Keeps keyed state in a RocksDB directory: more than fits into memory, and still there after a
// restart. Next: runtime/state_store.hpp, what it implements.
#pragma once

#include <weir/runtime/state_store.hpp>

#include <filesystem>
#include <memory>

namespace weir::rocksdb {

struct state_backend_options {
  std::filesystem::path directory; ///< Made if missing. One context at a time uses it.
  std::size_t block_cache_bytes = std::size_t{32}
                                  << 20; ///< For what is read, beside memory_budget.
  std::size_t write_buffer_bytes = std::size_t{16}
                                   << 20; ///< Before it goes to disk; twice at most.
  /// Whether each batch waits for the disk. Without, a crash of the process loses nothing, one of
  /// the machine may lose the state of batches whose offsets are committed.
  bool sync = true;
};

/// A backend for `context_options::state` or `state_options::store`. The directory is opened when
/// the job starts and closed when it stops; `start` fails with errc::io when another process or
/// context has it open.
///
/// What a batch changes is written when it ends, in one write per operator and replica beside the
/// state, and becomes the state once the batch is final; after a crash the next start decides, see
/// docs/state.md. Operators are told apart by their names.
[[nodiscard]] std::shared_ptr<state_backend> state_in(state_backend_options options);

} // namespace weir::rocksdb
