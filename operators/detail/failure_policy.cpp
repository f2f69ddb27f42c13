#include <weir/operators/detail/failure_policy.hpp>

#include <fmt/format.h>

#include <exception>

namespace weir::detail {

void failure_policy::begin(const batch& whole) {
  clear();
  whole_ = &whole;
  dropped_ = 0;
  logged_ = false;
}

void failure_policy::clear() noexcept {
  whole_ = nullptr;
  noted_ = false;
  failure_.reset();
}

void failure_policy::threw(std::size_t index) noexcept {
  std::string what = "an exception that is no std::exception";
  try {
    throw;
  } catch (const std::exception& e) {
    what = e.what();
  } catch (...) { // NOLINT(bugprone-empty-catch): the text above says it
  }
  what = fmt::format("'{}': the user's function threw: {}", operators_->kinds[index], what);
  noted_ = true;
  if (drops(index)) {
    ++dropped_;
    last_drop_ = std::move(what);
  } else if (!failure_) {
    failure_ = std::move(what);
  }
}

expected<void> failure_policy::settle(partition_id partition, std::int64_t origin) {
  if (!context_.reads_from || !whole_)
    return settle();
  const auto& ranges = whole_->sources[context_.reads_from->value].ranges;
  if (partition.value >= ranges.size())
    return settle();
  const auto& range = ranges[partition.value];
  if (origin == no_origin)
    return settle_at(fmt::format("topic {} partition {}, in [{}, {})", range.topic, range.partition,
                                 range.from, range.until));
  return settle_at(
      fmt::format("topic {} partition {} offset {}", range.topic, range.partition, origin));
}

expected<void> failure_policy::settle() {
  return settle_at(whole_ ? describe_ranges(*whole_) : std::string("an unknown record"));
}

expected<void> failure_policy::settle_at(const std::string& place) {
  noted_ = false;
  if (failure_)
    return error(errc::user_function_failed,
                 fmt::format("{} at {}; the batch's offsets are not committed. Mend the function "
                             "or the record, or set on_error to drop",
                             *std::exchange(failure_, std::nullopt), place));
  if (!logged_ && context_.log)
    context_.log(log_level::warning, fmt::format("record dropped at {}: {}", place, last_drop_));
  logged_ = true;
  return {};
}

} // namespace weir::detail
