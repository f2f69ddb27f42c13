#include <weir/operators/detail/dead_letters.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace weir::detail {
namespace {

/// Letters of one block of input wait at most; past this many bytes something else is wrong.
constexpr std::size_t max_waiting_bytes = std::size_t{16} << 20;

/// What a dead-letter sink may keep in the queues of its client: letters are few.
constexpr std::size_t max_sink_bytes = std::size_t{1} << 20;

} // namespace

expected<void> dead_letters::open(const replica_context& context,
                                  const std::vector<factory>& factories) {
  node_ = context.node;
  partition_ = partition_id(context.index);
  for (const auto& made_by : factories) {
    const auto same = [&](const outlet& out) { return out.made_by == made_by; };
    if (!made_by || std::any_of(outlets_.begin(), outlets_.end(), same))
      continue;
    outlets_.push_back({.made_by = made_by,
                        .to = made_by->make(),
                        .builder = block_builder<dead_letter>(context.limits),
                        .ready = {}});
    auto bounded = context;
    bounded.retained_share = max_sink_bytes;
    if (auto opened = outlets_.back().to->open(bounded); !opened)
      return std::move(opened).error().with(
          fmt::format("opening the dead-letter sink '{}'", made_by->traits.name));
  }
  return {};
}

expected<void> dead_letters::begin(const batch& whole) {
  waiting_bytes_ = 0;
  for (auto& out : outlets_) {
    out.at = stage_of::idle;
    out.empty = true;
    if (!whole.nodes[node_.value].present)
      continue;
    if (auto begun = out.to->begin(whole); !begun)
      return begun;
    out.at = stage_of::writing;
  }
  return {};
}

expected<void> dead_letters::add(const factory& to, dead_letter letter) {
  const auto out = std::find_if(outlets_.begin(), outlets_.end(),
                                [&](const outlet& one) { return one.made_by == to; });
  if (out == outlets_.end() || out->at != stage_of::writing)
    return error(errc::internal, "a dead letter has no sink");
  waiting_bytes_ += charge_of(letter);
  out->empty = false;
  out->builder.push(std::move(letter));
  if (out->builder.full())
    out->ready.push_back(out->builder.build());
  if (waiting_bytes_ > max_waiting_bytes)
    return error(errc::out_of_budget,
                 fmt::format("{} bytes of dead letters came of one block; {} may wait",
                             waiting_bytes_, max_waiting_bytes));
  return {};
}

expected<progress> dead_letters::write() {
  for (auto& out : outlets_) {
    auto wrote = write(out);
    if (!wrote || *wrote == progress::blocked)
      return wrote;
  }
  waiting_bytes_ = 0;
  return progress::done;
}

expected<progress> dead_letters::prepare() {
  auto prepared = advance_all(stage_of::committing);
  if (prepared && *prepared == progress::done)
    waiting_bytes_ = 0;
  return prepared;
}

bool dead_letters::commits() const noexcept {
  return std::any_of(outlets_.begin(), outlets_.end(),
                     [](const outlet& out) { return out.at == stage_of::committing; });
}

expected<progress> dead_letters::commit() { return advance_all(stage_of::done); }

expected<progress> dead_letters::advance_all(stage_of until) {
  for (auto& out : outlets_) {
    auto came = advance(out, until);
    if (!came)
      return std::move(came).error().with(
          fmt::format("the dead-letter sink '{}'", out.made_by->traits.name));
    if (*came == progress::blocked)
      return came;
  }
  return progress::done;
}

expected<progress> dead_letters::write(outlet& out) {
  if (!out.builder.empty())
    out.ready.push_back(out.builder.build());
  while (!out.ready.empty()) {
    const auto& data = out.ready.front();
    const auto records = block_cast<dead_letter>(*data).records();
    auto wrote = out.to->write({partition_, records, data}, out.written);
    if (!wrote || *wrote == progress::blocked)
      return wrote;
    out.ready.pop_front();
    out.written = 0;
  }
  return progress::done;
}

expected<progress> dead_letters::advance(outlet& out, stage_of until) {
  if (out.empty)
    until = stage_of::done;
  while (out.at != stage_of::idle && out.at < until) {
    auto did = out.at == stage_of::writing     ? write(out)
               : out.at == stage_of::preparing ? out.to->prepare()
                                               : out.to->commit();
    if (!did || *did == progress::blocked)
      return did;
    out.at = static_cast<stage_of>(static_cast<int>(out.at) + 1);
  }
  return progress::done;
}

void dead_letters::abort() noexcept {
  waiting_bytes_ = 0;
  for (auto& out : outlets_) {
    out.builder.clear();
    out.ready.clear();
    out.written = 0;
    if (out.at != stage_of::idle && out.at != stage_of::done)
      out.to->abort();
    out.at = stage_of::idle;
  }
}

void dead_letters::close() noexcept {
  for (auto& out : outlets_)
    out.to->close();
}

} // namespace weir::detail
