#include <weir/runtime/graph.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace weir {
namespace {

error mistake(const node& at, std::string text) {
  return error(errc::invalid_graph, std::move(text)).at(at.where);
}

error never_used(std::string_view result) {
  return error(errc::invalid_graph,
               fmt::format("the result of '{}' is never used; end it with an action such as "
                           "print(), for_each_batch() or to(sink), or remove it",
                           result));
}

} // namespace

std::string node::label() const {
  std::string text;
  for (const auto& op : operators)
    text += (text.empty() ? "" : " | ") + op.kind;
  return name.empty() ? text : fmt::format("{} ({})", name, text);
}

node_id graph::add(node n) {
  n.id = node_id(static_cast<std::uint32_t>(nodes_.size()));
  if (frozen_) {
    // The running plan must not change: the call is kept as a mistake for the next start to report.
    auto late = error(errc::invalid_state,
                      fmt::format("'{}' was added after the start and does nothing; compose the "
                                  "whole graph before start()",
                                  n.label()))
                    .at(n.where);
    if (late_)
      late_(late);
    add_mistake(std::move(late));
    return node_id(n.inputs.empty() ? 0 : n.inputs.front().value);
  }
  nodes_.push_back(std::move(n));
  return nodes_.back().id;
}

std::vector<node_id> graph::consumers_of(node_id id) const {
  std::vector<node_id> found;
  for (const auto& candidate : nodes_)
    for (const auto input : candidate.inputs)
      if (input == id)
        found.push_back(candidate.id);
  return found;
}

bool graph::has_watermark(node_id id) const {
  const auto& n = at(id);
  return n.lowers_watermark < beyond_all_time &&
         (n.assigns || (!n.inputs.empty() && // the least of the inputs' counts
                        std::all_of(
                            n.inputs.begin(), n.inputs.end(),
                            [this](node_id input) { return has_watermark(input); })));
}

bool graph::has_event_times(node_id id) const {
  const auto& n = at(id);
  return n.assigns || std::any_of(n.inputs.begin(), n.inputs.end(),
                                  [this](node_id input) { return has_event_times(input); });
}

std::uint32_t graph::slide_of(node_id id) const {
  const node* n = &at(id);
  while (n->slide == 0 && !n->inputs.empty())
    n = &at(n->inputs.front());
  return std::max(1U, n->slide);
}

std::chrono::milliseconds graph::disorder_of(node_id id) const {
  const auto& n = at(id);
  auto most = n.assigns ? n.assigns->max_out_of_orderness : std::chrono::milliseconds{};
  for (const auto input : n.inputs)
    most = std::max(most, disorder_of(input));
  return most;
}

std::optional<output_mode> graph::emits(node_id id) const {
  const auto& n = at(id);
  return n.emits ? n.emits : emits(n.inputs);
}

std::optional<output_mode> graph::emits(const std::vector<node_id>& inputs) const {
  std::vector<std::optional<output_mode>> found;
  for (const auto input : inputs)
    found.push_back(emits(input));
  for (const auto mode : {output_mode::update, output_mode::complete, output_mode::append})
    if (std::ranges::find(found, mode) != found.end())
      return mode;
  return std::nullopt;
}

std::shared_ptr<open_end> graph::add_open_end(operator_info last) {
  return open_ends_.emplace_back(std::make_shared<open_end>(std::move(last)));
}

std::vector<error> graph::check() const {
  std::vector<error> found = mistakes_;
  for (const auto& end : open_ends_)
    if (!end->used)
      found.push_back(never_used(end->last.kind).at(end->last.where));
  if (nodes_.empty())
    found.push_back(error(errc::invalid_graph,
                          "the graph is empty; add a source and an action, e.g. "
                          "kafka::direct_stream(ctx, ...).count().print()"));
  std::map<std::string, const node*> names;
  for (const auto& n : nodes_) {
    found.insert(found.end(), n.mistakes.begin(), n.mistakes.end());
    if (n.assigns && std::any_of(n.inputs.begin(), n.inputs.end(),
                                 [this](node_id input) { return has_event_times(input); }))
      found.push_back(mistake(n,
                              "assign_timestamps() stands behind another one: what follows would "
                              "have two watermarks; assign timestamps once, near the source"));
    if (n.kind != node_kind::sink && consumers_of(n.id).empty())
      found.push_back(never_used(n.label()).at(n.where));
    for (const auto input : n.inputs)
      if (slide_of(input) != slide_of(n.inputs.front())) {
        found.push_back(mistake(
            n, fmt::format(
                   "'{}' takes '{}', which gives a batch every {} batch interval(s), and '{}', "
                   "which gives one every {}; give both the same slide",
                   n.label(), at(n.inputs.front()).label(), slide_of(n.inputs.front()),
                   at(input).label(), slide_of(input))));
        break;
      }
    if (n.name.empty())
      continue;
    if (const auto [other, added] = names.emplace(n.name, &n); !added)
      found.push_back(mistake(
          n, fmt::format("the name '{}' is already taken by '{}' (line {}); names must be unique",
                         n.name, other->second->label(), other->second->where.line())));
  }
  return found;
}

} // namespace weir
