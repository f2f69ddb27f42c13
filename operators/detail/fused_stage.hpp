// A head, a run of steps and a tail, compiled into one loop: what a chain becomes when it is
// closed. Next on the data path: detail/block_head.hpp, the steps, then one of the tails.
#pragma once

#include <weir/operators/detail/failure_policy.hpp>
#include <weir/operators/detail/later_calls.hpp>
#include <weir/runtime/stage.hpp>

#include <memory>
#include <optional>
#include <span>
#include <tuple>
#include <vector>

namespace weir::detail {

/// One replica of a fused stage.
///
/// Head: takes blocks, keeps what it must, pushes records into the flow. Step: see step/step.hpp.
/// Tail: makes blocks for the consumers. Heads and tails are plain classes; what they must offer
/// can be read off this one.
template <class Head, class Tail, class... Steps>
class fused_stage final : public stage {
public:
  fused_stage(Head head, std::tuple<Steps...> steps, Tail tail,
              std::shared_ptr<const stage_operators> operators)
      : head_(std::move(head)), steps_(std::move(steps)), tail_(std::move(tail)),
        faults_(std::move(operators)) {}

  /// What heads push into and tails report to, valid during one call of the stage.
  class flow {
  public:
    /// Whether the tail may run out of credit in the middle of a block.
    static constexpr bool may_block = Tail::emits_records;
    /// Whether the tail wants to know where records come from.
    static constexpr bool keeps_origin = Tail::keeps_origin;

    flow(fused_stage& self, emitter& out) : self_(&self), out_(&out) {}

    /// The records that follow belong to this partition.
    /// @param data the block they come from, or null when they come from the head's own memory.
    void enter(partition_id partition, const block_ptr& data = {}) {
      self_->partition_ = partition;
      self_->enter_steps(partition);
      self_->tail_.enter(partition, data);
    }

    template <class Record>
    void push(Record&& record) {
      next<0>{self_, out_}.on_record(std::forward<Record>(record));
    }

    void origin(std::int64_t offset) {
      self_->origin_ = offset;
      self_->tail_.origin(offset);
    }

    /// A block for whoever reads the node's side output.
    void emit_side(partition_id partition, block_ptr data) {
      out_->emit_side(partition, std::move(data));
    }

    /// All records of the input block have been pushed.
    expected<void> leave() { return self_->tail_.leave(*out_); }

    /// Whether no more may be pushed now.
    [[nodiscard]] bool blocked() const noexcept { return waits() || out_->blocked(); }
    /// Whether that is because a record waits for a retry.
    [[nodiscard]] bool waits() const noexcept { return self_->later_.waits(); }

    /// Whether a user function has thrown since the last `settle`.
    [[nodiscard]] bool noted() const noexcept { return self_->faults_.noted(); }
    /// Decides about what was noted. @returns the error when the policy is to fail.
    /// @param record what the head knows of the record that it pushed, for dead letters.
    expected<void> settle(partition_id partition, std::int64_t origin, original record = {}) {
      return self_->faults_.settle(partition, origin, std::move(record));
    }
    /// The same for records that cannot be traced to a partition.
    expected<void> settle_noted() {
      if (self_->faults_.noted()) [[unlikely]]
        return self_->faults_.settle();
      return {};
    }

    /// The head's own user function threw; call it inside the `catch`.
    void threw() { self_->faults_.threw(0); }
    /// The same, before it has passed anything on. @returns whether to call it again when the stage
    /// calls the head again; until then the head is blocked.
    /// @param failures in vain before this one.
    bool threw(std::uint32_t failures) {
      const auto wait = self_->faults_.put_off(0, failures);
      if (wait)
        self_->later_.wait(*wait);
      else
        threw();
      return wait.has_value();
    }
    /// Whether what makes it throw is dropped, so that what was collected must survive.
    [[nodiscard]] bool drops() const noexcept { return self_->faults_.drops(0); }

    void count_in(std::uint64_t records) { self_->records_in_ += records; }

  private:
    fused_stage* self_;
    emitter* out_;
  };

  expected<void> open(const replica_context& context) override {
    std::apply([&](auto&... step) { (open_step(step, context), ...); }, steps_);
    later_.open(context);
    tail_.open(context);
    if (auto opened = faults_.open(context); !opened)
      return opened;
    return fallible([&] { return head_.open(context); });
  }

  expected<void> begin(const batch& whole) override {
    records_in_ = 0;
    head_done_ = false;
    block_done_ = false;
    partition_.reset();
    std::apply([&](auto&... step) { (begin_step(step, whole), ...); }, steps_);
    begin_tail(whole);
    if (auto begun = faults_.begin(whole); !begun)
      return begun;
    return fallible([&] { return head_.begin(whole); });
  }

  expected<progress> process(std::uint32_t input, const parcel& in, block_cursor& cursor,
                             emitter& out) override {
    if (auto written = faults_.write_letters(); !written || *written == progress::blocked)
      return written;
    if (auto made_up = make_up(out); !made_up || *made_up == progress::blocked)
      return made_up;
    flow to(*this, out);
    auto worked = block_done_ ? progress::done : head_.process(input, in, cursor, to);
    block_done_ = worked && *worked == progress::done && later_.waits();
    return block_done_ ? progress::blocked : worked;
  }

  void flush(emitter& out) override {
    if constexpr (requires {
                    tail_.flush(out);
                  }) // others keep what they collect to the batch's end
      tail_.flush(out);
  }

  expected<progress> end(const barrier& mark, emitter& out) override {
    if (auto made_up = make_up(out); !made_up || *made_up == progress::blocked)
      return made_up;
    if (!head_done_) {
      flow to(*this, out);
      auto ended = head_.end(mark, to);
      if (!ended || *ended == progress::blocked)
        return ended;
      head_done_ = true;
      if (later_.waits())
        return progress::blocked;
    }
    if (auto settled = faults_.finish(records_in_); !settled || *settled == progress::blocked)
      return settled;
    return mark.present ? tail_.end(out) : progress::done;
  }

  void abort() noexcept override {
    head_.clear();
    tail_.clear();
    later_.clear();
    faults_.abort();
  }

  void close() noexcept override {
    faults_.close();
    if constexpr (requires { head_.close(); })
      head_.close();
  }

  [[nodiscard]] stage_counts counts() const noexcept override {
    stage_counts all{
        .records_in = records_in_,
        .records_out = tail_.records(),
        .dropped = faults_.dropped(),
        .late =
            late_of(head_) + late_of(tail_) +
            std::apply([](const auto&... step) { return (std::uint64_t{0} + ... + late_of(step)); },
                       steps_)};
    if constexpr (requires { head_.add_to(all); })
      head_.add_to(all);
    return all;
  }

  [[nodiscard]] std::span<const partition_event_time> event_times() const noexcept override {
    std::span<const partition_event_time> found;
    const auto look = [&](const auto& step) {
      if constexpr (requires { step.event_times(); })
        found = step.event_times();
    };
    std::apply([&](const auto&... step) { (look(step), ...); }, steps_);
    return found;
  }

private:
  // Most steps know nothing of replicas, batches and partitions; those that do have `open`, `begin`
  // and `enter`.
  template <class Step>
  static void open_step(Step& step, const replica_context& context) {
    if constexpr (requires { step.open(context); })
      step.open(context);
  }
  template <class Step>
  static void begin_step(Step& step, const batch& whole) {
    if constexpr (requires { step.begin(whole); })
      step.begin(whole);
  }
  void enter_steps(partition_id partition) {
    const auto enter = [&](auto& step) {
      if constexpr (requires { step.enter(partition); })
        step.enter(partition);
    };
    std::apply([&](auto&... step) { (enter(step), ...); }, steps_);
  }
  /// A tail may ask for the batch.
  void begin_tail(const batch& whole) {
    if constexpr (requires { tail_.begin(whole); })
      tail_.begin(whole);
    else
      tail_.begin();
  }
  /// Parts that judge records by the watermark count the late ones.
  template <class Part>
  [[nodiscard]] static std::uint64_t late_of(const Part& part) noexcept {
    if constexpr (requires { part.late(); })
      return part.late();
    else
      return 0;
  }
  /// Most heads cannot fail to open or begin.
  template <class Call>
  static expected<void> fallible(Call&& call) {
    if constexpr (std::is_void_v<std::invoke_result_t<Call&>>) {
      call();
      return {};
    } else {
      return call();
    }
  }

  /// Makes the calls that wait, as far as their time has come: what the head pushes comes after
  /// them.
  expected<progress> make_up(emitter& out) {
    while (later_.waits()) [[unlikely]] {
      if (!later_.due() || out.blocked())
        return progress::blocked;
      flow to(*this, out);
      if (partition_) { // what is made up for is not part of a block of the input any more
        if (auto left = to.leave(); !left)
          return std::move(left).error();
        to.enter(*partition_);
        if constexpr (flow::keeps_origin)
          tail_.origin(origin_);
      }
      later_.make_first(out);
      if (partition_)
        if (auto left = to.leave(); !left)
          return std::move(left).error();
      if (faults_.noted())
        if (auto settled = faults_.settle_put_off(); !settled)
          return std::move(settled).error();
    }
    return progress::done;
  }

  /// A call of step `I`.
  template <std::size_t I, class Record>
  class kept_call final : public later_call {
    using value = std::remove_cvref_t<Record>;
    using as_passed = std::conditional_t<std::is_lvalue_reference_v<Record>, const value&, value&&>;

  public:
    kept_call(fused_stage& self, Record&& record)
        : self_(&self), record_(std::forward<Record>(record)) {}
    void make(emitter& out) override {
      std::get<I>(self_->steps_)
          .on_record(static_cast<as_passed>(record_.value()), next<I + 1>{self_, &out});
    }

  private:
    fused_stage* self_;
    kept_record<value> record_;
  };
  template <std::size_t I, class Record>
  std::unique_ptr<later_call> keep(Record&& record) {
    return std::unique_ptr<later_call>(
        new kept_call<I, Record>(*this, std::forward<Record>(record)));
  }

  /// What the step before index `I` passes its records to.
  template <std::size_t I>
  struct next {
    fused_stage* self;
    emitter* out;

    template <class Record>
    void on_record(Record&& record) {
      if constexpr (I == sizeof...(Steps))
        self->tail_.on_record(std::forward<Record>(record), tail_end{self, out});
      else
        std::get<I>(self->steps_).on_record(std::forward<Record>(record), next<I + 1>{self, out});
    }
    /// One of several that come from the same record: they stay in order when one of them waits.
    template <class Record>
    void on_element(Record&& record) {
      if constexpr (I < sizeof...(Steps) && keepable<Record>)
        if (self->later_.waits()) [[unlikely]] {
          self->later_.hold_back(I, self->template keep<I>(std::forward<Record>(record)));
          return;
        }
      on_record(std::forward<Record>(record));
    }
    // What the step before says of its own operator, which has index I, behind the head.
    void threw() { self->faults_.threw(I); }
    /// The same, before it has passed anything of the record on.
    template <class Record>
    [[gnu::noinline, gnu::cold]] void threw(Record&& record) {
      constexpr auto step = I - 1;
      if constexpr (keepable<Record>)
        if (const auto wait = self->faults_.put_off(I, self->later_.failures(step))) {
          self->later_.retry(step, *wait, self->template keep<step>(std::forward<Record>(record)));
          return;
        }
      threw();
    }
    void refused(error reason) { self->faults_.refused(I, std::move(reason)); }
  };

  /// What the tail sees.
  struct tail_end {
    fused_stage* self;
    emitter* out;
    void threw() { self->faults_.threw(sizeof...(Steps) + 1); }
    [[nodiscard]] bool drops() const noexcept { return self->faults_.drops(sizeof...(Steps) + 1); }
  };

  Head head_;
  std::tuple<Steps...> steps_;
  Tail tail_;
  failure_policy faults_;
  later_calls later_;
  std::optional<partition_id> partition_; ///< Which the head has entered.
  std::int64_t origin_ = no_origin;       ///< Which it has told.
  std::uint64_t records_in_ = 0;
  bool block_done_ = false; ///< The head is done with the block; a call still waits.
  bool head_done_ = false;
};

} // namespace weir::detail
