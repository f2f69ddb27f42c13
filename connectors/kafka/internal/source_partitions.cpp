// How a Kafka source gains and loses partitions. The rest of the source: source.cpp.
#include <weir/connectors/kafka/internal/source.hpp>

#include <fmt/format.h>

namespace weir::kafka {

using namespace std::chrono_literals;

// ---- rebalances

// librdkafka's member can be stuck with a coordinator that is gone; see membership_watch.
void kafka_source::stalled() {
  log(log_level::warning, "the group's coordinator has not been heard of for longer than the "
                          "session; joining with a new client");
  auto made = make_member();
  if (!made)
    return log(log_level::error, made.error().message());
  if (auto joins = (*made)->subscribe(); !joins)
    return log(log_level::error, joins.error().message());
  std::shared_ptr<member> old = std::exchange(member_, std::move(*made));
  // The helper thread may be asking it for something until then.
  host_->run_blocking(
      [old = std::move(old)]() mutable {
        (void)old->close(200ms);
        old.reset();
      },
      [] {});
}

void kafka_source::assigned(std::vector<start_position> partitions) {
  std::erase_if(partitions, [&](const start_position& p) { return !wanted_->reads(p.topic); });
  const auto epoch = ++assignment_;
  log(log_level::info, fmt::format("the group assigns {} partitions", partitions.size()));
  struct answer {
    expected<std::vector<start_position>> starts;
    fetch_clients
        clients; ///< Not empty when the present ones' queues are too large for so many partitions.
  };
  auto found = std::make_shared<answer>();
  auto facts = query(false, [this, epoch] { return !stopping_ && assignment_ == epoch; });
  const auto more = partitions.size() > sized_for_ ? partitions.size() : 0;
  host_->run_blocking(
      [=, this, partitions = std::move(partitions)]() mutable {
        found->starts = resolve_starts(std::move(partitions), facts);
        if (more == 0 || !found->starts)
          return;
        if (auto clients = make_fetch_clients(more, fetch_.size()))
          found->clients = std::move(*clients);
        else
          found->starts = std::move(clients).error();
      },
      [=, this] {
        if (assignment_ != epoch || stopping_)
          return;
        if (!found->starts)
          return host_->fail(std::move(found->starts).error());
        host_->quiesce(quiesce_kind::finish, hand_over_patience, [=, this] {
          if (assignment_ != epoch)
            return;
          if (!found->clients.empty())
            use(std::move(found->clients), more);
          install(std::move(*found->starts));
        });
      });
}

void kafka_source::revoked(bool lost) {
  ready_ = false;
  ++assignment_;
  log(lost ? log_level::warning : log_level::info,
      lost ? "the group has taken the partitions away" : "the group takes the partitions back");
  host_->quiesce(
      lost ? quiesce_kind::lost : quiesce_kind::finish, hand_over_patience, [this, lost] {
        if (!lost && !member_->lost())
          if (auto done = commit_last(hand_over_patience); !done)
            log(log_level::warning,
                fmt::format("the last commit before a hand-over failed, its batch will repeat: {}",
                            done.error().message()));
        for (const auto& fetch : fetch_)
          fetch->client->clear();
        table_.clear();
        member_->give_up();
      });
}

void kafka_source::remember(const std::vector<start_position>& starts) {
  for (const auto& s : starts)
    if (s.log)
      evidence_->begin({s.topic, s.partition}, *s.log, s.doubts);
}

void kafka_source::install(std::vector<start_position> starts) {
  renewing_.clear();
  remember(starts);
  table_.install(starts);
  std::vector<std::vector<start_position>> by_replica(fetch_.size());
  for (const auto& p : table_.partitions())
    by_replica[p.replica].push_back(
        {.topic = p.topic, .partition = p.partition, .offset = p.position});
  for (std::size_t i = 0; i < fetch_.size(); ++i)
    if (auto done = fetch_[i]->client->assign(by_replica[i]); !done)
      return host_->fail(std::move(done).error());
  first_assignment_ = false;
  ready_ = true;
  commit_starts(starts);
  commit_due();
}

// ---- new partitions, for streams without membership

void kafka_source::discover() {
  discovering_ = true;
  struct answer {
    std::vector<start_position> added;
    fetch_clients clients;
  };
  auto found = std::make_shared<answer>();
  auto facts = query(true, [this] { return !stopping_.load(); });
  host_->run_blocking(
      [=, this, known = table_, sized_for = sized_for_] {
        auto all = wanted_->resolve(asker_->raw(), 2s);
        if (!all)
          return; // away or deleted: surveys say so
        const auto total = all->size();
        std::erase_if(*all,
                      [&](const start_position& p) { return known.owns(p.topic, p.partition); });
        if (all->empty())
          return;
        if (total > sized_for)
          if (auto clients = make_fetch_clients(total, fetch_.size()))
            found->clients = std::move(*clients);
        if (auto starts = resolve_starts(std::move(*all), facts))
          found->added = std::move(*starts);
      },
      [=, this] {
        discovering_ = false;
        if (found->added.empty() || stopping_)
          return;
        host_->quiesce(quiesce_kind::finish, hand_over_patience,
                       [=, this] { add(std::move(found->added), std::move(found->clients)); });
      });
}

void kafka_source::add(std::vector<start_position> starts, fetch_clients clients) {
  const auto before = table_.partitions().size();
  remember(starts);
  table_.add(starts);
  const bool anew = !clients.empty();
  if (anew)
    use(std::move(clients), table_.partitions().size());
  std::vector<std::vector<start_position>> by_replica(fetch_.size());
  for (std::size_t i = 0; i < table_.partitions().size(); ++i) {
    const auto& p = table_.partitions()[i];
    if (i >= before)
      log(log_level::info,
          fmt::format("{} [{}]: new, read from offset {}", p.topic, p.partition, p.position));
    if (anew || i >= before)
      by_replica[p.replica].push_back(
          {.topic = p.topic, .partition = p.partition, .offset = p.position});
  }
  for (std::size_t i = 0; i < fetch_.size(); ++i)
    if (auto done = fetch_[i]->client->add(by_replica[i]); !done)
      return host_->fail(std::move(done).error());
  commit_starts(starts);
}

} // namespace weir::kafka
