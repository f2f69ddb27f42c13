#include <weir/runtime/internal/executor.hpp>

namespace weir {

replica_environment make_environment(const executor_setup& setup, transport& out,
                                     const std::function<void(replica_id)>& wake) {
  return {
      .job = setup.job,
      .all = setup.all,
      .out = &out,
      .clock = setup.time,
      .log = setup.log,
      .make_receiver = setup.make_receiver,
      .resume = wake,
      .resume_at = [call_at = setup.call_at,
                    wake](replica_id id, steady_time at) { call_at(at, [wake, id] { wake(id); }); },
      .on_thread_start = setup.on_thread_start};
}

expected<std::vector<std::unique_ptr<replica>>>
open_replicas(const replica_environment& environment) {
  std::vector<std::unique_ptr<replica>> all;
  for (const auto& planned : environment.all->nodes)
    for (std::uint32_t index = 0; index < planned.replicas; ++index) {
      auto made = make_replica(environment, planned.id, index);
      if (!made)
        return std::move(made).error();
      all.push_back(std::move(*made));
    }
  for (std::size_t i = 0; i < all.size(); ++i)
    if (auto opened = all[i]->open([&environment, id = all[i]->id()] { environment.resume(id); });
        !opened) {
      all.resize(i); // only what was opened is closed
      for (auto& each : all)
        each->close(epoch(0));
      return std::move(opened).error();
    }
  return all;
}

} // namespace weir
