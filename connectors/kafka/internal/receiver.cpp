#include <weir/connectors/kafka/internal/receiver.hpp>

#include <weir/connectors/kafka/internal/errors.hpp>
#include <weir/connectors/kafka/internal/message_prefetch.hpp>
#include <weir/connectors/kafka/internal/message_view.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <limits>

namespace weir::kafka {

/// How many messages may be taken before librdkafka is told to look again what to fetch. 500 to
/// 10,000 read equally fast; without it a slow reader gets a tenth.
constexpr std::size_t messages_per_rest = 2'000;

/// Converts to what a function makes, so that `push` builds the record where it will stay: moving
/// 112 bytes whose flags have just been written one by one costs more than all the rest of it.
template <class Make>
struct in_place {
  Make make;
  operator record() const { return make(); }
};

/// What the client's consume callback works on: one call reads at most one block of one partition.
struct kafka_receiver::intake {
  kafka_receiver& self;
  lane& at;
  block_builder<record>& to;
  std::string_view topic;
  bool headers;
  std::size_t most; ///< Messages that may be taken.
  std::size_t taken = 0;
  std::optional<error> failure{};
  message_prefetch ahead{};

  static void on_message(rd_kafka_message_t* message, void* opaque) noexcept {
    auto& in = *static_cast<intake*>(opaque);
    in.ahead.follow(*message);
    try {
      in.take(*message);
    } catch (const std::exception&
                 thrown) { // no memory for a block: nothing may be thrown through the client
      in.failure.emplace(errc::out_of_budget, thrown.what());
    }
    if (in.failure || in.at.next >= in.at.until || in.to.full() || in.taken >= in.most)
      rd_kafka_yield(nullptr); // the rest goes back to the head of its queue
  }

  void take(const rd_kafka_message_t& message) {
    if (message.err != RD_KAFKA_RESP_ERR_NO_ERROR) [[unlikely]] {
      if (auto handled = self.on_event(at, message); !handled)
        failure = std::move(handled).error();
      return;
    }
    if (message.offset < at.next) [[unlikely]]
      return; // offsets only rise: a repeat, or skipped by a repair
    at.touched = true;
    if (message.offset >= at.until) [[unlikely]] {
      at.held = hold(message, at.topic, headers);
      at.next = message.offset;
      return;
    }
    to.push(in_place{[&] { return copy_record(message, topic, headers, to.bytes()); }});
    at.next = message.offset + 1;
    ++taken;
  }
};

kafka_receiver::kafka_receiver(std::shared_ptr<const fetch_slot> slot,
                               std::function<void()> ask_control)
    : slot_(std::move(slot)), ask_control_(std::move(ask_control)) {}

expected<void> kafka_receiver::open(const replica_context& env) {
  env_ = env;
  builder_ = block_builder<record>(env.limits);
  return {};
}

expected<void> kafka_receiver::begin(const batch& whole, const source_batch& work) {
  open_ranges_ = 0;
  open_ended_ = whole.open_ended;
  if (!slot_)
    return {};
  if (fetch_ != slot_->client) {
    fetch_ = slot_->client;
    fetch_->signal().set(env_.wake);
    cursor_ = 0;
  }
  const auto lanes = fetch_->lanes();
  for (std::size_t i = 0; i < lanes.size(); ++i) {
    auto& at = lanes[i];
    at.open = false;
    const auto same = [&](const offset_range& r) {
      return r.partition == at.partition && r.topic == at.topic;
    };
    std::size_t index = at.range; // where it was in the last batch
    if (index >= work.ranges.size() || !same(work.ranges[index]))
      index =
          static_cast<std::size_t>(std::ranges::find_if(work.ranges, same) - work.ranges.begin());
    if (index == work.ranges.size())
      continue;
    if (auto opened = open_range(at, work.ranges[index], static_cast<std::uint32_t>(index));
        !opened)
      return opened;
    if (open_ended_)
      at.pacer.begin(work.rates[index], env_.clock->steady_now());
  }
  return {};
}

expected<void> kafka_receiver::open_range(lane& at, const offset_range& range,
                                          std::uint32_t index) {
  at.range = index;
  at.until = open_ended_ ? std::numeric_limits<std::int64_t>::max() : range.until;
  const bool waits = at.waits_for_repair && range.from < at.until;
  const bool continues = range.from == at.settled && !at.touched && !at.stale && !waits;
  if (!continues) {
    if (range.from < at.next || at.stale || waits) { // e.g. the batch before was given up
      if (auto sought = fetch_->seek(at, range.from); !sought)
        return sought;
    } else {
      at.next = range.from; // records below are dropped as they come
      if (at.held && at.held->offset < range.from)
        at.held.reset();
      at.touched = false;
    }
    at.settled = range.from;
  }
  at.open = true;
  at.in_doubt = false;
  ++open_ranges_;
  settle_if_read(at);
  return {};
}

expected<received> kafka_receiver::receive(emitter& out) {
  if (open_ranges_ == 0)
    return open_ended_ ? received::nothing : received::complete;
  const auto lanes = fetch_->lanes();
  for (auto& at : lanes)
    at.rests = false;
  for (;;) {
    if (auto repaired = apply_repairs(); !repaired)
      return std::move(repaired).error();
    for (std::size_t visited = 0; visited < lanes.size(); ++visited) {
      auto& at = lanes[cursor_ < lanes.size() ? cursor_ : cursor_ = 0];
      ++cursor_;
      if (!at.open)
        continue;
      auto emitted = read(at, out);
      if (!emitted)
        return std::move(emitted).error();
      if (*emitted)
        return received::records;
    }
    if (open_ranges_ == 0)
      return received::complete;
    if (since_rest_ended_ > 0)
      end_rest();
    fetch_->signal().arm();
    if (!something_waits()) {
      ask_for_turn();
      return received::nothing;
    }
    fetch_->signal().disarm();
  }
}

expected<std::vector<range_end>> kafka_receiver::cut(emitter&) {
  std::vector<range_end> ends;
  if (open_ranges_ > 0)
    for (auto& at : fetch_->lanes())
      if (std::exchange(at.open, false)) {
        ends.push_back({at.range, at.next});
        at.settled = at.next;
        at.touched = false;
      }
  open_ranges_ = 0;
  if (fetch_)
    fetch_->signal().disarm();
  return ends;
}

/// For the lanes that rest: no message will wake them.
void kafka_receiver::ask_for_turn() {
  const auto now = env_.clock->steady_now();
  std::optional<steady_time> first;
  for (const auto& at : fetch_->lanes())
    if (at.open && at.rests)
      if (const auto again = at.pacer.next(env_.limits.max_records, now))
        first = std::min(first.value_or(*again), *again);
  if (first)
    env_.wake_at(*first);
}

bool kafka_receiver::something_waits() {
  bool any = false;
  for (auto& at : fetch_->lanes()) {
    if (!at.open || at.waits_for_repair || at.rests)
      continue;
    at.in_doubt = fetch_->doubts(at);
    any = any || (!at.in_doubt && rd_kafka_queue_length(at.queue.get()) > 0);
  }
  return any;
}

expected<bool> kafka_receiver::read(lane& at, emitter& out) {
  intake in{.self = *this,
            .at = at,
            .to = builder_,
            .topic = {},
            .headers = fetch_->wants_headers(),
            .most = std::numeric_limits<std::size_t>::max()};
  const bool holds = at.held && at.held->offset < at.until;
  if (!holds && builder_.empty() && rd_kafka_queue_length(at.queue.get()) == 0)
    return false;
  at.in_doubt = fetch_->doubts(at);
  if (at.in_doubt) {
    ask_control_();
    return false;
  }
  if (holds)
    take_held(at);
  if (at.next < at.until) {
    const auto waiting = rd_kafka_queue_length(at.queue.get());
    if (waiting == 0 && builder_.empty())
      return false;
    if (open_ended_) {
      in.most = at.pacer.take(std::min(waiting, env_.limits.max_records), env_.clock->steady_now());
      if (in.most == 0) {
        at.rests = true;
        return false;
      }
    }
    in.topic = builder_.bytes().copy(at.topic);
    rd_kafka_consume_callback(at.handle.get(), at.partition, 0, &intake::on_message, &in);
  }
  if (open_ended_ && in.most > in.taken)
    at.pacer.give_back(in.most - in.taken);
  if (in.failure) {
    builder_.clear();
    return std::move(*in.failure);
  }
  since_rest_ended_ += in.taken;
  if (since_rest_ended_ >= messages_per_rest)
    end_rest();
  const bool any = !builder_.empty();
  if (any) {
    auto made = builder_.build();
    fetch_->remember(at, block_cast<record>(*made).records().back());
    out.emit(partition_id(at.range), std::move(made));
  }
  settle_if_read(at);
  return any;
}

void kafka_receiver::take_held(lane& at) {
  const auto kept = *std::exchange(at.held, std::nullopt);
  at.touched = true;
  at.next = kept.offset + 1;
  builder_.push(view_of(kept, builder_.bytes()));
}

void kafka_receiver::settle_if_read(lane& at) {
  if (!at.open || at.next < at.until)
    return;
  at.open = false;
  at.settled = at.until;
  at.touched = false;
  --open_ranges_;
}

void kafka_receiver::end_rest() {
  since_rest_ended_ = 0;
  fetch_->end_rest();
}

expected<void> kafka_receiver::on_event(lane& at, const rd_kafka_message_t& event) {
  const auto where = [&] {
    return fmt::format("reading {} [{}] at offset {}", at.topic, at.partition, at.next);
  };
  switch (nature_of(event.err)) {
  case nature::none:
    if (event.err == RD_KAFKA_RESP_ERR__PARTITION_EOF && event.offset > at.next) {
      at.next = event.offset; // nothing but gaps up to there
      at.touched = true;
    }
    return {};
  case nature::transient:
  case nature::membership:
    fetch_->raw().state().note(event.err, rd_kafka_message_errstr(&event));
    return {};
  case nature::position:
  case nature::missing: // perhaps made anew: the control side looks, and decides by the policy
    if (std::exchange(at.waits_for_repair, true))
      return {};
    fetch_->ask_repair({.topic = at.topic,
                        .partition = at.partition,
                        .position = at.next,
                        .missing = nature_of(event.err) == nature::missing});
    ask_control_();
    return {};
  case nature::record:
    if (event.err == RD_KAFKA_RESP_ERR__BAD_COMPRESSION)
      return to_error(event.err, where(), fetch_->raw().setting("receive.message.max.bytes"));
    [[fallthrough]];
  case nature::final:
    return to_error(event.err, where(), rd_kafka_message_errstr(&event));
  }
  return {};
}

expected<void> kafka_receiver::apply_repairs() {
  for (const auto& answer : fetch_->take_answered()) {
    const auto lanes = fetch_->lanes();
    const auto found = std::ranges::find_if(lanes, [&](const lane& at) {
      return at.partition == answer.partition && at.topic == answer.topic;
    });
    if (found == lanes.end() || (!found->waits_for_repair && !(found->in_doubt && answer.gives_up)))
      continue;
    if (answer.gives_up) {
      if (!open_ended_ && found->open)
        found->next = found->until;
      found->touched = true;
      settle_if_read(*found);
      continue;
    }
    if (auto restarted = fetch_->restart(*found, answer.position); !restarted)
      return restarted;
    found->touched = true; // should the batch be given up, its range is not at `settled` any more
    settle_if_read(*found);
  }
  return {};
}

void kafka_receiver::abort() noexcept {
  builder_.clear();
  open_ranges_ = 0;
  if (!fetch_)
    return;
  fetch_->signal().disarm();
  for (auto& at : fetch_->lanes())
    at.open = false; // `touched` stays: the next range of this partition goes back
}

void kafka_receiver::close() noexcept {
  if (fetch_)
    fetch_->signal().disarm();
}

} // namespace weir::kafka
