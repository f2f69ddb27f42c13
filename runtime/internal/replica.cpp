#include <weir/runtime/internal/replica.hpp>

#include <weir/runtime/internal/guarded.hpp>
#include <weir/runtime/internal/receiver_replica.hpp>
#include <weir/runtime/internal/stage_replica.hpp>

#include <fmt/format.h>

namespace weir {

expected<std::unique_ptr<replica>> make_replica(const replica_environment& environment,
                                                node_id node, std::uint32_t index) {
  const auto& of = environment.job->at(node);
  const auto nothing = [&] {
    return error(errc::invalid_graph,
                 fmt::format("'{}' makes a null pointer where its replica is wanted", of.label()))
        .at(of.where);
  };
  return guarded([&] { return of.label(); },
                 [&]() -> expected<std::unique_ptr<replica>> {
                   if (const auto source = environment.all->at(node).source) {
                     auto work = environment.make_receiver(*source, index);
                     if (!work)
                       return nothing();
                     return std::unique_ptr<replica>(std::make_unique<receiver_replica>(
                         environment, node, index, std::move(work)));
                   }
                   auto work = of.make_stage();
                   if (!work)
                     return nothing();
                   return std::unique_ptr<replica>(
                       std::make_unique<stage_replica>(environment, node, index, std::move(work)));
                 });
}

replica_context make_replica_context(const replica_environment& environment, node_id node,
                                     std::uint32_t index, retained_account& retained,
                                     std::function<void()> wake) {
  const auto& planned = environment.all->at(node);
  return {.node = node,
          .name = environment.job->at(node).label(),
          .identity = environment.job->at(node).name,
          .index = index,
          .replicas = planned.replicas,
          .output_partitions = planned.fixed_partitions,
          .reads_from = planned.source ? planned.source : planned.cost_of,
          .limits = planned.limits,
          .retained = &retained,
          .retained_share = planned.retained_share,
          .wake = std::move(wake),
          .log = [&environment, component = environment.job->at(node).label()](
                     log_level level,
                     std::string_view text) { environment.log(level, component, text); },
          .wake_at = [&environment, id = replica_id(planned.first_replica.value + index)](
                         steady_time at) { environment.resume_at(id, at); },
          .on_thread_start = environment.on_thread_start,
          .clock = environment.clock};
}

} // namespace weir
