#include <weir/operators/detail/chain_start.hpp>

#include <algorithm>
#include <utility>

namespace weir::detail {

namespace {

std::shared_ptr<const chain_start> share(chain_start changed) {
  return std::make_shared<const chain_start>(std::move(changed));
}

} // namespace

chain_start chain_start::at(std::shared_ptr<composition> composed, node_id node) {
  const auto policy = composed->options.on_error;
  return {.composed = std::move(composed), .inputs = {node}, .policies = {policy}};
}

chain_start chain_start::behind(std::shared_ptr<composition> composed, std::vector<node_id> inputs,
                                operator_info op) {
  const auto policy = composed->options.on_error;
  return {.composed = std::move(composed),
          .inputs = std::move(inputs),
          .operators = {std::move(op)},
          .policies = {policy},
          .head_is_operator = true};
}

std::shared_ptr<const chain_start> chain_start::shared() && { return share(std::move(*this)); }

std::shared_ptr<const chain_start> chain_start::renamed(std::string new_name) const {
  auto changed = *this;
  changed.name = std::move(new_name);
  return share(std::move(changed));
}

std::shared_ptr<const chain_start> chain_start::assigning(const watermark_options& by) const {
  if (assigns)
    composed->graph.add_mistake(error(errc::invalid_graph,
                                      "assign_timestamps() stands behind another one; assign "
                                      "timestamps once, near the source")
                                    .at(written_at()));
  auto changed = *this;
  changed.assigns = by;
  return share(std::move(changed));
}

std::shared_ptr<const chain_start> chain_start::longer(std::string_view kind,
                                                       std::source_location where) const {
  use();
  auto changed = *this;
  changed.operators.push_back({std::string(kind), where});
  changed.unused = composed->graph.add_open_end(changed.operators.back());
  changed.policies.push_back(composed->options.on_error);
  return share(std::move(changed));
}

std::shared_ptr<const chain_start> chain_start::failing_by(const weir::on_error& policy,
                                                           bool keepable, bool is_head) const {
  if (auto fits = policy.check(); !fits)
    composed->graph.add_mistake(std::move(fits).error().at(written_at()));
  if (policy.retries() > 0 && !keepable)
    composed->graph.add_mistake(
        error(errc::invalid_config,
              "on_error: '" + operators.back().kind +
                  "' cannot be retried: weir cannot keep its records until then, as their type is, "
                  "holds or may hold a view; use an owning type, or specialise weir::record_traits")
            .at(written_at()));
  auto changed = *this;
  changed.policies.back() = policy;
  if (first_half && is_head) {
    first_half->policies.back() = policy;
    composed->graph.at(inputs.front()).blocking |= policy.blocking();
  }
  return share(std::move(changed));
}

bool chain_start::has_watermark() const {
  return assigns || std::any_of(inputs.begin(), inputs.end(), [this](node_id input) {
           return composed->graph.has_watermark(input);
         });
}

std::optional<output_mode> chain_start::emits_here() const {
  return emits ? emits : composed->graph.emits(inputs);
}

void chain_start::use() const {
  if (unused)
    unused->used = true;
}

std::source_location chain_start::written_at() const {
  return operators.empty() ? composed->graph.at(inputs.front()).where : operators.back().where;
}

std::shared_ptr<stage_operators> chain_start::operators_with(const chain_end& end) const {
  auto all = end.operators ? end.operators : std::make_shared<stage_operators>();
  if (!head_is_operator)
    all->kinds.emplace_back("read");
  for (const auto& op : operators)
    all->kinds.push_back(op.kind);
  all->kinds.push_back(end.kind);
  all->policies = policies;
  all->policies.push_back(composed->options.on_error);
  all->job = composed->options.name;
  all->check_views = composed->options.check_views;
  return all;
}

node_id chain_start::close(chain_end end, std::unique_ptr<const stage_frame> prototype,
                           const stage_operators& all, std::source_location where) const {
  use();
  node n;
  n.name = name;
  n.operators = operators;
  n.inputs = inputs;
  n.partitions = end.partitions;
  n.fixed_partitions = end.fixed_partitions;
  if (fixed_partitions && end.partitions == partition_rule::of_input) {
    n.partitions = partition_rule::fixed;
    n.fixed_partitions = fixed_partitions;
  }
  n.max_replicas = max_replicas;
  n.concatenates = concatenates;
  n.retains = retains || end.retains;
  n.needs_all_inputs = needs_all_inputs || end.needs_all_inputs;
  n.assigns = assigns;
  n.lowers_watermark = lowers_watermark;
  n.slide = slide;
  n.emits = emits;
  n.answers_missing = answers_missing;
  n.keeps = keeps;
  n.reads_side = reads_side;
  n.where = where;
  n.blocking = std::any_of(all.policies.begin(), all.policies.end(),
                           [](const weir::on_error& policy) { return policy.blocking(); });
  if (!end.kind.empty())
    n.operators.push_back({std::move(end.kind), where});
  if (n.operators.empty())
    n.operators.push_back({"share", where});
  n.make_stage = [prototype = std::shared_ptr<const stage_frame>(std::move(
                      prototype))]() -> std::unique_ptr<stage> { return prototype->replica(); };
  return composed->graph.add(std::move(n));
}

} // namespace weir::detail
