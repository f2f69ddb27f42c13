#include <weir/connectors/kafka/internal/member.hpp>

#include <weir/connectors/kafka/internal/errors.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <span>
#include <thread>

namespace weir::kafka {

namespace {

using namespace std::chrono_literals;

partition_list_ptr to_list(std::span<const partition_offset> offsets) {
  auto list = make_partition_list(offsets.size());
  for (const auto& o : offsets)
    add(list.get(), o.topic, o.partition, o.offset);
  return list;
}

std::span<const rd_kafka_topic_partition_t> elements(const rd_kafka_topic_partition_list_t* list) {
  return {list->elems, static_cast<std::size_t>(list->cnt)};
}

/// The outcome of a commit: of the request, or of the first partition that was refused.
expected<void> outcome_of(rd_kafka_event_t* event) {
  auto failure = rd_kafka_event_error(event);
  if (failure == RD_KAFKA_RESP_ERR_NO_ERROR)
    if (const auto* list = rd_kafka_event_topic_partition_list(event))
      for (const auto& p : elements(list))
        if (p.err != RD_KAFKA_RESP_ERR_NO_ERROR)
          failure = p.err;
  if (failure == RD_KAFKA_RESP_ERR_NO_ERROR)
    return {};
  return to_error(failure, "committing offsets");
}

} // namespace

expected<std::unique_ptr<member>> member::make(const direct_stream_options& options,
                                               bool internal_topics, member_events& events,
                                               std::function<void()> wake, log_hook log,
                                               thread_hook started) {
  property_list own = {
      {"bootstrap.servers", options.brokers},
      {"group.id", options.group},
      {"isolation.level", "read_committed"},
      {"auto.offset.reset", "error"},
      {"enable.auto.commit", "false"},
      {"enable.auto.offset.store", "false"},
      {"topic.metadata.refresh.interval.ms", std::to_string(options.discovery_interval.count())}};
  if (!options.properties.contains("partition.assignment.strategy"))
    own.emplace_back("partition.assignment.strategy", "range");
  std::ranges::copy(member_properties(options.properties), std::back_inserter(own));
  if (!options.topic_pattern.empty() && !internal_topics) {
    const auto theirs = options.properties.find("topic.blacklist");
    own.emplace_back("topic.blacklist",
                     (theirs == options.properties.end() ? "" : theirs->second + ",") + "^__");
  }
  auto conf = make_conf(options.properties, own);
  if (!conf)
    return std::move(conf).error();
  rd_kafka_conf_set_rebalance_cb(conf->get(), &member::rebalance_callback);

  auto self = std::make_shared<member*>(nullptr); // found by callbacks through the client's state
  auto state =
      std::make_shared<client_state>("weir.kafka.member", std::move(log),
                                     redactor(options.properties), self.get(), std::move(started));
  auto made = client::make(RD_KAFKA_CONSUMER, std::move(*conf), state);
  if (!made)
    return std::move(made).error();
  const queue_ptr group_queue(rd_kafka_queue_get_consumer((*made)->get()));
  if (!group_queue)
    return error(errc::invalid_config,
                 fmt::format("Kafka's client takes \"{}\" for no group at all; use another one",
                             options.group));
  std::unique_ptr<member> built(new member(std::move(*made), std::move(state), options, events));
  *self = built.get();
  built->self_ = std::move(self);
  built->wake_ = std::move(wake);
  const auto notify = [](rd_kafka_t*, void* opaque) { static_cast<member*>(opaque)->wake_(); };
  rd_kafka_queue_cb_event_enable(built->events_queue_.get(), notify, built.get());
  rd_kafka_queue_cb_event_enable(built->commits_queue_.get(), notify, built.get());
  return built;
}

member::member(std::unique_ptr<client> made, std::shared_ptr<client_state> state,
               const direct_stream_options& options, member_events& events)
    : state_(std::move(state)), client_(std::move(made)), subscription_(options.topics),
      events_(events), max_poll_(time_of(options.properties, "max.poll.interval.ms", 300s)),
      watch_(time_of(options.properties, "session.timeout.ms", 45s), max_poll_) {
  events_queue_.reset(rd_kafka_queue_get_consumer(client_->get()));
  commits_queue_.reset(rd_kafka_queue_new(client_->get()));
  if (!options.topic_pattern.empty()) // librdkafka knows a pattern by its first character
    subscription_ = {fmt::format("^({})$", options.topic_pattern)};
}

member::~member() {
  rd_kafka_queue_cb_event_enable(events_queue_.get(), nullptr, nullptr);
  rd_kafka_queue_cb_event_enable(commits_queue_.get(), nullptr, nullptr);
}

expected<void> member::subscribe() {
  const auto list = make_partition_list(subscription_.size());
  for (const auto& topic : subscription_)
    add(list.get(), topic, RD_KAFKA_PARTITION_UA);
  const auto failure = rd_kafka_subscribe(client_->get(), list.get());
  if (failure != RD_KAFKA_RESP_ERR_NO_ERROR)
    return to_error(failure, fmt::format("subscribing to {}", fmt::join(subscription_, ", ")));
  joined_ = true;
  return {};
}

void member::poll(steady_time now) {
  watch_own_polls(now);
  client_->serve();
  serve_commits(0ms);
  for (const auto& step : std::exchange(pending_, {}))
    step();
  const bool busy = has_assignment_ || owes_give_up_;
  if (joined_ && watch_.stalled(now, busy, state_->heard_of_group())) {
    watch_.begin(now, state_->heard_of_group()); // should it not be replaced
    events_.stalled();                           // perhaps the end of this object: the last step
  }
}

// librdkafka counts a poll of any queue as a sign of life (2.0.2), and may drop the "lost" flag
// when the deadline passes during a rebalance: so weir keeps its own watch.
void member::watch_own_polls(steady_time now) {
  const auto gap = last_poll_ == steady_time{} ? duration{} : now - last_poll_;
  last_poll_ = now;
  if (!joined_ || gap < max_poll_ / 2)
    return;
  state_->log(log_level::warning,
              fmt::format("the group's member was not polled for {} ms; max.poll.interval.ms is {}",
                          gap / 1ms, max_poll_ / 1ms));
  if (gap < max_poll_ / 10 * 8 || owes_give_up_)
    return;
  state_->log(log_level::error, "the partitions count as lost; joining the group anew");
  events_.revoked(true);
  (void)subscribe(); // brings a REVOKE, then an ASSIGN
}

void member::rebalance_callback(rd_kafka_t*, rd_kafka_resp_err_t what,
                                rd_kafka_topic_partition_list_t* partitions, void* opaque) {
  auto& self = **static_cast<member**>(static_cast<client_state*>(opaque)->owner());
  try {
    self.on_rebalance(what, partitions);
  } catch (const std::exception& thrown) { // no memory: nothing may be thrown through the client
    self.state_->log(log_level::error, thrown.what());
  }
}

void member::on_rebalance(rd_kafka_resp_err_t what,
                          const rd_kafka_topic_partition_list_t* partitions) {
  if (what == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
    const auto none = make_partition_list(0);
    rd_kafka_assign(client_->get(), none.get()); // never NULL here
    has_assignment_ = true;
    std::vector<start_position> mine;
    for (const auto& p : elements(partitions))
      mine.push_back({.topic = p.topic, .partition = p.partition});
    pending_.push_back(
        [this, mine = std::move(mine)]() mutable { events_.assigned(std::move(mine)); });
    return;
  }
  if (what != RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS)
    state_->note(what, "rebalance");
  owes_give_up_ = true;
  const bool gone = lost();
  pending_.push_back([this, gone] { events_.revoked(gone); });
}

void member::give_up() {
  if (!std::exchange(owes_give_up_, false))
    return;
  rd_kafka_assign(client_->get(), nullptr);
  has_assignment_ = false;
}

bool member::lost() const { return rd_kafka_assignment_lost(client_->get()) != 0; }

expected<std::vector<start_position>>
member::committed_offsets(std::vector<start_position> partitions,
                          const std::function<bool()>& go_on) {
  const auto list = make_partition_list(partitions.size());
  for (const auto& p : partitions)
    add(list.get(), p.topic, p.partition);
  for (int attempt = 0; go_on(); ++attempt) {
    auto failure = rd_kafka_committed(client_->get(), list.get(), 1'000);
    if (failure == RD_KAFKA_RESP_ERR_NO_ERROR)
      for (const auto& p : elements(list.get()))
        if (p.err != RD_KAFKA_RESP_ERR_NO_ERROR)
          failure = p.err;
    if (failure == RD_KAFKA_RESP_ERR_NO_ERROR) {
      for (std::size_t i = 0; i < partitions.size(); ++i)
        if (const auto offset = list->elems[i].offset; offset >= 0)
          partitions[i].committed = offset;
      return partitions;
    }
    if (nature_of(failure) != nature::transient && nature_of(failure) != nature::none)
      return to_error(failure, "reading the group's committed offsets");
    if (attempt % 10 == 0)
      state_->log(log_level::info, fmt::format("waiting for the group's committed offsets: {}",
                                               rd_kafka_err2str(failure)));
    std::this_thread::sleep_for(100ms);
  }
  return error{errc::timed_out,
               "reading the group's committed offsets: no answer in time; check that the group's "
               "coordinator is up and that no transaction of a former owner is open"};
}

void member::commit(std::vector<partition_offset> offsets) {
  if (offsets.empty())
    return;
  const auto list = to_list(offsets);
  in_flight_ = std::move(offsets);
  const auto failure =
      rd_kafka_commit_queue(client_->get(), list.get(), commits_queue_.get(), nullptr, nullptr);
  if (failure == RD_KAFKA_RESP_ERR_NO_ERROR)
    return;
  last_commit_ = to_error(failure, "committing offsets");
  events_.committed(std::exchange(in_flight_, {}), last_commit_);
}

void member::serve_commits(milliseconds timeout) {
  while (const auto event = event_ptr(
             rd_kafka_queue_poll(commits_queue_.get(), static_cast<int>(timeout.count())))) {
    if (rd_kafka_event_type(event.get()) != RD_KAFKA_EVENT_OFFSET_COMMIT)
      continue;
    last_commit_ = outcome_of(event.get());
    events_.committed(std::exchange(in_flight_, {}), last_commit_);
    return;
  }
}

expected<void> member::commit_now(std::vector<partition_offset> offsets, milliseconds timeout) {
  const auto deadline = deadline_after(std::chrono::steady_clock::now(), timeout);
  const auto settle = [&] {
    while (committing()) {
      const auto left =
          std::chrono::ceil<milliseconds>(deadline - std::chrono::steady_clock::now());
      if (left <= 0ms)
        return false;
      serve_commits(left);
    }
    return true;
  };
  const auto too_late = error{
      errc::timed_out, fmt::format("committing offsets: no answer within {} ms", timeout.count())};
  if (!settle())
    return too_late;
  if (offsets.empty())
    return {};
  commit(std::move(offsets));
  if (!settle())
    return too_late;
  return last_commit_;
}

expected<void> member::close(milliseconds timeout) {
  rd_kafka_queue_cb_event_enable(events_queue_.get(), nullptr, nullptr);
  rd_kafka_queue_cb_event_enable(commits_queue_.get(), nullptr, nullptr);
  if (!joined_)
    return {};
  give_up();
  // The plain close call of 2.0.2 can wait for ever when the broker is away; this one can be left.
  const queue_ptr ending(rd_kafka_queue_new(client_->get()));
  if (const api_error_ptr failure(rd_kafka_consumer_close_queue(client_->get(), ending.get()));
      failure)
    return to_error(rd_kafka_error_code(failure.get()), "leaving the group",
                    rd_kafka_error_string(failure.get()));
  const auto deadline = deadline_after(std::chrono::steady_clock::now(), timeout);
  while (!rd_kafka_consumer_closed(client_->get())) {
    if (std::chrono::steady_clock::now() >= deadline)
      return error{
          errc::timed_out,
          fmt::format("leaving the Kafka group: no answer within {} ms; the group will notice by "
                      "its session timeout",
                      timeout.count())};
    if (const event_ptr event(rd_kafka_queue_poll(ending.get(), 20)); event)
      if (rd_kafka_event_type(event.get()) == RD_KAFKA_EVENT_REBALANCE)
        rd_kafka_assign(client_->get(), nullptr);
    give_up(); // or the REVOKE came as a callback
  }
  return {};
}

} // namespace weir::kafka
