#include <weir/connectors/kafka/internal/source.hpp>

#include <weir/connectors/kafka/internal/errors.hpp>
#include <weir/connectors/kafka/internal/receiver.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace weir::kafka {

namespace {

using namespace std::chrono_literals;

/// How long a survey waits. Longer than a busy broker takes, and a broker that is away stops
/// planning anyway.
constexpr milliseconds survey_patience = 5s;

} // namespace

kafka_source::~kafka_source() { release_committer(); }

log_hook kafka_source::host_log() const {
  return [host = host_](log_level level, std::string_view component, std::string_view message) {
    host->log(level, component, message);
  };
}

start_query kafka_source::query(bool later, std::function<bool()> go_on) const {
  return {.options = options_,
          .asker = *asker_,
          .group = member_.get(),
          .prefer_committed = options_.prefer_committed || !first_assignment_,
          .later = later,
          .go_on = std::move(go_on),
          .log = host_log()};
}

expected<void> kafka_source::open(const source_setup& setup) {
  host_ = setup.host;
  thread_started_ = setup.on_thread_start;
  replicas_ = std::max<std::uint32_t>(1, setup.replicas);
  memory_share_ = setup.memory_share;
  if (auto ok = options_.check(); !ok)
    return ok;
  auto wanted = subscription::make(options_);
  if (!wanted)
    return std::move(wanted).error();
  wanted_ = std::move(*wanted);

  const bool subscribes = !options_.group.empty() && options_.assign.empty();
  if (!options_.group.empty()) {
    auto made = member::make(
        options_, *this, [host = host_] { host->wake(); }, host_log(), thread_started_);
    if (!made)
      return std::move(made).error();
    member_ = std::move(*made);
  }
  auto asker = fetch_client::make(
      options_,
      {.min_messages = 1, .max_kbytes = 1, .partition_bytes = 1024, .fetch_bytes = 8 << 20},
      host_log(), thread_started_);
  if (!asker)
    return std::move(asker).error();
  asker_ = std::move(*asker);
  // The first answer of a broker also tells whether there is one, and for how many partitions
  // memory must do.
  auto partitions =
      wanted_->resolve(member_ ? member_->raw() : asker_->raw(), options_.connect_timeout);
  if (!partitions)
    return std::move(partitions).error();
  if (partitions->empty())
    log(log_level::warning, fmt::format("no topic matches \"{}\" yet", options_.topic_pattern));
  sized_for_ = std::max<std::size_t>(1, partitions->size());
  const auto count =
      std::clamp<std::size_t>(wanted_->grows() ? replicas_ : sized_for_, 1, replicas_);
  auto clients = make_fetch_clients(sized_for_, count);
  if (!clients)
    return std::move(clients).error();
  for (auto& one : *clients)
    fetch_.push_back(std::make_shared<fetch_slot>(std::move(one)));
  table_ = partition_table(static_cast<std::uint32_t>(count));
  bind_committer();

  if (subscribes)
    return member_->subscribe();
  const auto give_up_at =
      deadline_after(std::chrono::steady_clock::now(), options_.connect_timeout);
  auto starts =
      resolve_starts(std::move(*partitions),
                     query(false, [=] { return std::chrono::steady_clock::now() < give_up_at; }));
  if (!starts)
    return std::move(starts).error();
  install(std::move(*starts));
  return {};
}

expected<kafka_source::fetch_clients> kafka_source::make_fetch_clients(std::size_t partitions,
                                                                       std::size_t count) const {
  const auto sizes = size_queues(memory_share_, partitions);
  if (!sizes)
    return sizes.error();
  fetch_clients made;
  for (std::size_t i = 0; i < count; ++i) {
    auto one = fetch_client::make(options_, *sizes, host_log(), thread_started_);
    if (!one)
      return std::move(one).error();
    made.push_back(std::move(*one));
  }
  return made;
}

void kafka_source::use(fetch_clients clients, std::size_t partitions) {
  sized_for_ = partitions;
  for (std::size_t i = 0; i < clients.size(); ++i) {
    std::swap(fetch_[i]->client, clients[i]);
    clients[i]->clear();
    retired_.push_back(std::move(clients[i]));
  }
}

std::unique_ptr<receiver> kafka_source::make_receiver(std::uint32_t replica) {
  return std::make_unique<kafka_receiver>(replica < fetch_.size() ? fetch_[replica] : nullptr,
                                          options_.on_data_loss, [host = host_] { host->wake(); });
}

// ---- regular work

void kafka_source::poll() {
  const auto now = host_->clock().steady_now();
  if (member_)
    member_->poll(now);
  for (const auto& fetch : fetch_)
    fetch->client->raw().serve();
  asker_->raw().serve();
  end_rests();
  serve_repairs();
  serve_manual_commits();
  commit_due();
  const bool discovers = wanted_->grows() && (!member_ || !options_.assign.empty());
  if (discovers && ready_ && !discovering_ && now >= next_discovery_) {
    if (next_discovery_ != steady_time{})
      discover();
    next_discovery_ = deadline_after(now, options_.discovery_interval);
  }
}

// A client may begin its rest just after its receiver has asked to end it and found nothing more:
// nobody would ask again for up to a second. So as long as a receiver waits it is asked for here.
void kafka_source::end_rests() {
  for (const auto& fetch : fetch_)
    if (fetch->client->signal().armed())
      fetch->client->end_rest();
}

duration kafka_source::poll_interval() const {
  const bool waits = std::ranges::any_of(
      fetch_, [](const auto& fetch) { return fetch->client->signal().armed(); });
  return waits ? 5ms : 25ms;
}

expected<std::vector<partition_position>> kafka_source::survey() {
  const auto& partitions = table_.partitions();
  std::vector<std::int64_t> latest(partitions.size());
  for (std::size_t i = 0; i < partitions.size(); ++i)
    latest[i] = partitions[i].position;
  std::vector<repair> all;
  all.reserve(partitions.size());
  for (const auto& p : partitions)
    all.push_back({p.topic, p.partition, 0});
  auto answers = asker_->offsets(all, RD_KAFKA_OFFSET_END, survey_patience);
  if (!answers) { // brokers are away: what is new is not known, so there is nothing to plan
    log(log_level::warning, answers.error().message());
    return table_.surveyed(latest);
  }
  for (std::size_t i = 0; i < partitions.size(); ++i) {
    const auto& answer = (*answers)[i];
    if (answer.failure == RD_KAFKA_RESP_ERR_NO_ERROR && answer.offset >= 0)
      latest[i] = answer.offset;
    check_end(i, answer);
  }
  return table_.surveyed(latest);
}

// An end below the position: the log was cut or the topic made anew. A broker that has just become
// leader can say so by mistake, so the second survey in a row counts.
void kafka_source::check_end(std::size_t index, const fetch_client::answer& answer) {
  const auto& p = table_.partitions()[index];
  const auto key = std::pair(p.topic, p.partition);
  const bool missing = nature_of(answer.failure) == nature::missing;
  const bool cut = answer.failure == RD_KAFKA_RESP_ERR_NO_ERROR && answer.offset >= 0 &&
                   answer.offset < p.position;
  if (!missing && !cut) {
    suspicious_.erase(key);
    return;
  }
  if (++suspicious_[key] != 2)
    return;
  if (missing)
    return log(log_level::error,
               fmt::format("{} [{}]: the brokers do not know it any more; the others go on",
                           p.topic, p.partition));
  truncated_.push_back({p.topic, p.partition, p.position});
  suspicious_.erase(key);
}

source_batch kafka_source::plan(const std::vector<partition_position>& backlog,
                                const std::vector<std::optional<std::uint64_t>>& limits) {
  for (auto& found : std::exchange(truncated_, {}))
    on_truncated(std::move(found));
  for (const auto& skip : std::exchange(skips_, {}))
    table_.skip_to(skip.topic, skip.partition, skip.position);
  return table_.plan(backlog, limits);
}

void kafka_source::completed(const batch& whole, const source_batch& work) {
  if (whole.open_ended)
    table_.read_on(work);
  if (table_.completed(work) != work.ranges.size())
    log(log_level::warning, "a batch of an earlier assignment is ignored");
  if (!retired_.empty()) // every receiver has begun a batch since, so nobody else holds them;
                         // ending a client takes a while
    host_->run_blocking([old = std::exchange(retired_, {})]() mutable { old.clear(); }, [] {});
  commit_due();
}

// ---- positions that have left the log

void kafka_source::serve_repairs() {
  for (const auto& slot : fetch_) {
    for (auto& found : slot->client->take_asked()) {
      auto answer = std::make_shared<expected<start_decision>>();
      auto facts = query(false, [this] { return !stopping_.load(); });
      host_->run_blocking([=] { *answer = resolve_repair(found, facts); },
                          [=, this, fetch = slot->client] {
                            if (!*answer)
                              return host_->fail(std::move(*answer).error());
                            report_gap(found, **answer);
                            skips_.push_back({found.topic, found.partition, (*answer)->offset});
                            fetch->answer_repair({found.topic, found.partition, (*answer)->offset});
                          });
    }
  }
}

void kafka_source::on_truncated(repair found) {
  auto answer = std::make_shared<expected<start_decision>>();
  auto facts = query(false, [this] { return !stopping_.load(); });
  host_->run_blocking([=] { *answer = resolve_repair(found, facts); },
                      [=, this] {
                        if (!*answer)
                          return host_->fail(std::move(*answer).error());
                        if ((*answer)->offset == found.position)
                          return;
                        report_gap(found, **answer);
                        host_->quiesce(quiesce_kind::finish, hand_over_patience, [=, this] {
                          table_.restart_at(found.topic, found.partition, (*answer)->offset);
                        });
                      });
}

void kafka_source::report_gap(const repair& found, const start_decision& decided) {
  if (decided.gap == 0)
    return;
  gap_offsets_ += decided.gap;
  log(log_level::warning, fmt::format("{} [{}]: position {} is not in the log, reading goes on at "
                                      "{}: {} offsets lost or repeated, {} in all",
                                      found.topic, found.partition, found.position, decided.offset,
                                      decided.gap, gap_offsets_));
}

expected<void> kafka_source::close(duration deadline) {
  stopping_ = true;
  ready_ = false;
  ++assignment_;
  release_committer();
  expected<void> outcome;
  const auto end = deadline_after(std::chrono::steady_clock::now(), deadline);
  const auto left = [&] {
    return std::clamp(std::chrono::ceil<milliseconds>(end - std::chrono::steady_clock::now()),
                      milliseconds(1), milliseconds(10s));
  };
  if (member_) {
    if (!member_->lost())
      outcome = commit_last(left());
    table_.clear();
    if (auto closed = member_->close(left()); !closed && outcome)
      outcome = std::move(closed);
  }
  return outcome;
}

} // namespace weir::kafka
