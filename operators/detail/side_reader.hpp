// How operators read a side value: the batch's own version of it, fetched once per batch.
#pragma once

#include <weir/runtime/context.hpp>

#include <algorithm>
#include <memory>

namespace weir::detail {

/// The place of a side value in the batches of a context. Adds it on first use.
inline std::size_t side_place(composition& composed, const std::shared_ptr<side_value>& value) {
  auto& all = composed.side_values;
  const auto found = std::find(all.begin(), all.end(), value);
  const auto place = static_cast<std::size_t>(found - all.begin());
  if (found == all.end())
    all.push_back(value);
  return place;
}

/// Reads a `T` without a lock. One per replica; what it gave stays valid until the next batch
/// begins.
template <class T>
class side_reader {
public:
  explicit side_reader(std::size_t place) : place_(place) {}

  void begin(const batch& whole) {
    now_ = std::static_pointer_cast<const T>(whole.side_values[place_]);
  }

  const T& operator*() const noexcept { return *now_; }
  const T* operator->() const noexcept { return now_.get(); }

private:
  std::size_t place_;
  std::shared_ptr<const T> now_;
};

} // namespace weir::detail
