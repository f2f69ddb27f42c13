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

/// Of handles that read a record now and then.
constexpr queue_sizes asker_sizes{
    .min_messages = 1, .max_kbytes = 1, .partition_bytes = 64 << 10, .fetch_bytes = 8 << 20};

} // namespace

kafka_source::~kafka_source() { release_committer(); }

log_hook kafka_source::host_log() const {
  return [host = host_](log_level level, std::string_view component, std::string_view message) {
    host->log(level, component, message);
  };
}

start_query kafka_source::query(bool later, std::function<bool()> go_on) {
  return {.options = options_,
          .asker = *asker_,
          .watch = watch_,
          .group = member_.get(),
          .prefer_committed = options_.prefer_committed || !first_assignment_,
          .later = later,
          .go_on = std::move(go_on),
          .log = host_log(),
          .uncommitted = [this] { return uncommitted(); }};
}

/// Helper thread.
expected<std::shared_ptr<fetch_client>> kafka_source::uncommitted() {
  const std::lock_guard lock(uncommitted_mutex_);
  if (!uncommitted_) {
    auto made = fetch_client::make(options_, asker_sizes, host_log(), thread_started_, {},
                                   "read_uncommitted");
    if (!made)
      return std::move(made).error();
    uncommitted_ = std::move(*made);
  }
  return uncommitted_;
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
    auto made = make_member();
    if (!made)
      return std::move(made).error();
    member_ = std::move(*made);
  }
  auto asker = fetch_client::make(options_, asker_sizes, host_log(), thread_started_);
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
  if (auto ok = wanted_->check_places(options_.start.places(), &*partitions); !ok)
    return ok;
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

expected<std::unique_ptr<member>> kafka_source::make_member() {
  return member::make(
      options_, wanted_->names_internal_topics(), *this, [host = host_] { host->wake(); },
      host_log(), thread_started_);
}

expected<kafka_source::fetch_clients> kafka_source::make_fetch_clients(std::size_t partitions,
                                                                       std::size_t count) const {
  const auto sizes = size_queues(memory_share_, partitions);
  if (!sizes)
    return sizes.error();
  fetch_clients made;
  for (std::size_t i = 0; i < count; ++i) {
    auto one = fetch_client::make(options_, *sizes, host_log(), thread_started_, evidence_);
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
                                          [host = host_] { host->wake(); });
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
  serve_doubts();
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

std::vector<repair> kafka_source::places() const {
  std::vector<repair> all;
  all.reserve(table_.partitions().size());
  for (const auto& p : table_.partitions())
    all.push_back({p.topic, p.partition, p.position});
  return all;
}

expected<std::vector<partition_position>> kafka_source::survey() {
  auto found = check_logs(places(), survey_patience);
  replaced_ = std::move(found.replaced);
  deleted_.insert(deleted_.end(), found.deleted.begin(), found.deleted.end());
  auto answer = table_.surveyed(found.latest);
  for (std::size_t i = 0; i < answer.size(); ++i)
    answer[i].known = found.known[i];
  return answer;
}

kafka_source::checked_logs kafka_source::check_logs(const std::vector<repair>& places,
                                                    milliseconds patience) {
  checked_logs result;
  for (const auto& place : places)
    result.latest.push_back(place.position);
  result.known.resize(places.size());
  const auto doubts = evidence_->doubts();
  const auto ends = asker_->offsets(places, RD_KAFKA_OFFSET_END, patience);
  if (!ends) { // brokers are away: what is new is not known, so there is nothing to plan
    log(log_level::warning, ends.error().message());
    return result;
  }
  const auto found = watch_.check(*asker_, places, *ends, doubts);
  for (std::size_t i = 0; i < places.size(); ++i) {
    using enum log_watch::finding::state;
    result.known[i] = found[i].is == fine || found[i].is == missing;
    if (found[i].is == fine)
      result.latest[i] = (*ends)[i].offset;
    else if (found[i].first)
      result.deleted.push_back(places[i]);
    else if (found[i].is == replaced)
      result.replaced.push_back({places[i], found[i], doubts});
  }
  return result;
}

source_batch kafka_source::plan(const std::vector<partition_position>& backlog,
                                const std::vector<std::optional<std::uint64_t>>& limits) {
  for (const auto& what : std::exchange(replaced_, {}))
    on_replaced(what);
  for (const auto& at : std::exchange(deleted_, {}))
    on_deleted(at);
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

void kafka_source::interrupt() {
  if (asker_)
    asker_->raw().state().interrupt();
  if (member_)
    member_->raw().state().interrupt();
}

expected<void> kafka_source::close(duration deadline) {
  stopping_ = true;
  interrupt();
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
  if (asker_)
    asker_->leave();
  const std::lock_guard lock(uncommitted_mutex_);
  if (uncommitted_)
    uncommitted_->leave();
  return outcome;
}

} // namespace weir::kafka
