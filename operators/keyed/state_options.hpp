// What operators with keyed state can be told. Next: keyed_state.hpp.
#pragma once

#include <weir/runtime/state_store.hpp>
#include <weir/runtime/time.hpp>

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

namespace weir {

/// How long state is kept, how much of it, where, and what it begins with. A key's state counts as
/// updated in the last batch in which the key had records (or, in `process`, a timer that fired).
template <class Key, class State>
struct state_options {
  /// >= 0; 0: none. `map_with_state` only: a key whose last update is more than this before the
  /// batch time is handed to the function once more, without a value, and removed.
  duration timeout{};
  /// >= 0; 0: none. State whose last update is more than this before the batch time is forgotten
  /// before the batch begins; the function does not hear of it, the batch report counts it.
  duration ttl{};
  /// 0: no limit. After each batch the keys that were updated longest ago are evicted, and counted,
  /// until this many are left. Each partition gets an equal share, rounded up.
  std::size_t max_keys = 0;
  std::uint32_t partitions = 0; ///< Of the result, 1 to 128; 0: the default of the options.
  /// State before the first batch, each key at most once. Not used when the store has state of an
  /// earlier run.
  std::vector<std::pair<Key, State>> initial{};
  /// Where state lives between batches; null: where the context's options say, and there null means
  /// in memory. The operator must then be `.named()`. State in memory is empty after a restart.
  std::shared_ptr<state_backend> store{};
};

} // namespace weir
