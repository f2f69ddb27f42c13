// What a push source can be told. Next: receiver.hpp, inlet.hpp.
#pragma once

#include <weir/runtime/arena.hpp>
#include <weir/runtime/clock.hpp>
#include <weir/runtime/codec.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <typeinfo>

namespace weir {

/// Where a push source logs its records before it says that it has them; see `write_ahead`.
struct write_ahead_options {
  std::string folder{}; ///< Its path. Empty: no log.
  /// Of the record type, as `write_ahead` sets them.
  const std::type_info* type = nullptr;
  void (*encode)(const void* record, std::string& out) = nullptr;
  /// Decodes one record and hands it to `take`.
  expected<void> (*decode)(std::string_view& in, void* to,
                           void (*take)(void* to, const void* record)) = nullptr;
};

/// A log of records of type `T` in `folder`, written by weir's codec. Each receiver gets a folder
/// of its own in it. What a crashed process had received and not finished is read first by the
/// next.
template <class T>
write_ahead_options write_ahead(std::string folder) {
  return {.folder = std::move(folder),
          .type = &typeid(T),
          .encode = [](const void* record,
                       std::string& out) { codec<T>::encode(*static_cast<const T*>(record), out); },
          .decode = [](std::string_view& in, void* to,
                       void (*take)(void*, const void*)) -> expected<void> {
            if constexpr (requires(arena& room) { codec<T>::decode(in, room); }) {
              arena room(1024); // for what a view refers to besides the bytes
              auto record = codec<T>::decode(in, room);
              if (!record)
                return std::move(record).error();
              take(to, &*record);
            } else if constexpr (requires { codec<T>::decode(in); }) {
              auto record = codec<T>::decode(in);
              if (!record)
                return std::move(record).error();
              take(to, &*record);
            } else { // a view is written like its owning twin
              auto owned = codec<owned_t<T>>::decode(in);
              if (!owned)
                return std::move(owned).error();
              const T record(*owned);
              take(to, &record);
            }
            return {};
          }};
}

/// How records are buffered between whoever pushes them and the job.
struct push_options {
  std::string name = "push"; ///< Of the source, in reports.
  /// >= 1 ms. Age at which records become a block, as far as it is not full before; blocks also end
  /// with the batch interval when that is shorter.
  duration block_interval = std::chrono::milliseconds(200);
  /// Records of one receiver that are not in a complete batch yet; 0: bounded by bytes alone.
  std::size_t max_records = 0;
  /// Their bytes; 0: the source's share of the memory budget, divided by its receivers. More than
  /// that share is never used. Nothing is taken while so many are held, and a record that is longer
  /// by itself never is.
  std::size_t max_bytes = 0;
  /// > 0, records/s of all receivers; nullopt: only the rate control of the context limits.
  std::optional<double> max_rate{};
  /// What was received survives the process, and is read first by the next:
  /// `write_ahead<T>(folder)`.
  write_ahead_options write_ahead_log{};
};

/// When a receiver that failed is started again.
struct restart_options {
  duration delay = std::chrono::seconds(2);     ///< >= 0. Before the first attempt.
  duration max_delay = std::chrono::minutes(1); ///< >= delay. Each further attempt waits twice as
                                                ///< long, up to this.
  double jitter = 0.2; ///< 0 to 1: the part of a delay that is drawn by chance, so that many
                       ///< receivers do not come back at once.
};

} // namespace weir
