#include <weir/connectors/kafka/internal/committer_state.hpp>

namespace weir::kafka {

offset_committer::offset_committer() : state_(std::make_shared<state>()) {}

expected<void> offset_committer::commit_async(std::span<const offset_range> ranges, callback done) {
  const std::lock_guard lock(state_->mutex);
  if (!state_->submit)
    return error{errc::invalid_state, state_->refusal};
  state_->submit({ranges.begin(), ranges.end()}, std::move(done));
  return {};
}

} // namespace weir::kafka
