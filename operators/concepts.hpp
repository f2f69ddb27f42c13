// What operators ask of functions and records.
#pragma once

#include <weir/runtime/batch.hpp>
#include <weir/runtime/error.hpp>

#include <concepts>
#include <functional>
#include <type_traits>
#include <utility>

namespace weir {

/// A function that an operator can call with a record. Copied once per replica, so it need not be
/// thread-safe; one that cannot be copied comes from `per_replica(factory)`.
template <class F, class... Args>
concept operator_function = std::copy_constructible<F> && std::is_invocable_v<F&, const Args&...>;

/// A record with a key and a value.
template <class T>
concept keyed = requires {
  typename T::first_type;
  typename T::second_type;
} && std::same_as<T, std::pair<typename T::first_type, typename T::second_type>>;

/// What `for_each` hands records to. Per batch and logical partition, empty ones included:
///
/// - `open(partition, batch)` says whether the records are wanted; the batch is valid until
/// `close`,
/// - `process(record)` takes each one, if so,
/// - `close(error)` is always called once `open` was tried: with null when the partition is
/// complete,
///   else with what failed the batch, which is then read again by the next start or plan.
///
/// Copied once per partition and start, so it need not be thread-safe.
template <class W, class T>
concept record_writer =
    std::copy_constructible<W> && requires(W& writer, partition_id partition, const batch& whole,
                                           const T& record, const error* failure) {
      { writer.open(partition, whole) } -> std::convertible_to<bool>;
      writer.process(record);
      writer.close(failure);
    };

/// How the writers of `for_each` run.
struct writer_options {
  bool blocking = false; ///< They may wait for the outside world: they get threads of their own.
};

} // namespace weir
