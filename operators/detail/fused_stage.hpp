// A head, a run of steps and a tail, compiled into one loop: what a chain becomes when it is
// closed. Next on the data path: detail/block_head.hpp, the steps, then one of the tails.
#pragma once

#include <weir/operators/detail/stage_frame.hpp>
#include <weir/operators/step/step.hpp>

#include <memory>
#include <span>
#include <tuple>
#include <type_traits>

namespace weir::detail {

/// One replica of a fused stage.
///
/// Head: takes blocks, keeps what it must, pushes records into the flow. Step: see step/step.hpp.
/// Tail: makes blocks for the consumers. Heads and tails are plain classes; what they must offer
/// can be read off this one.
template <class Head, class Tail, class... Steps>
class fused_stage final : public stage_frame {
public:
  fused_stage(const Head& head, const std::tuple<Steps...>& steps, const Tail& tail,
              std::shared_ptr<const stage_operators> operators)
      : stage_frame(std::move(operators)), head_(head), steps_(steps), tail_(tail) {}

  [[nodiscard]] std::unique_ptr<stage_frame> replica() const override {
    return std::unique_ptr<stage_frame>(new fused_stage(*this));
  }

  /// What heads push into and tails report to, valid during one call of the stage.
  class flow : public stage_flow {
  public:
    /// Whether the tail may run out of credit in the middle of a block.
    static constexpr bool may_block = Tail::emits_records;
    /// Whether the tail wants to know where records come from.
    static constexpr bool keeps_origin = Tail::keeps_origin;

    flow(fused_stage& self, emitter& out) : stage_flow(self, out) {}

    /// The records that follow belong to this partition.
    /// @param data the block they come from, or null when they come from the head's own memory.
    void enter(partition_id partition, const block_ptr& data = {}) {
      self().partition_ = partition;
      self().enter_steps(partition);
      if (self().watch_) [[unlikely]]
        self().watch_->enter(data.get());
      self().tail_.enter(partition, data);
    }

    template <class Record>
    void push(Record&& record) {
      next<0>{&self(), out_}.on_record(std::forward<Record>(record));
    }

    void origin(std::int64_t offset) {
      self().origin_ = offset;
      self().tail_.origin(offset);
    }

    /// All records of the input block have been pushed.
    expected<void> leave() { return self().tail_.leave(*out_); }

  private:
    [[nodiscard]] fused_stage& self() const noexcept { return static_cast<fused_stage&>(*frame_); }
  };

  void flush(emitter& out) override {
    if constexpr (requires {
                    tail_.flush(out);
                  }) // others keep what they collect to the batch's end
      tail_.flush(out);
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
  fused_stage(const fused_stage& prototype) = default;

  expected<void> open_parts(const replica_context& context) override {
    std::apply([&](auto&... step) { (open_step(step, context), ...); }, steps_);
    tail_.open(context);
    return fallible([&] { return head_.open(context); });
  }
  expected<void> begin_parts(const batch& whole) override {
    std::apply([&](auto&... step) { (begin_step(step, whole), ...); }, steps_);
    begin_tail(whole);
    return fallible([&] { return head_.begin(whole); });
  }
  expected<progress> take(std::uint32_t input, const parcel& in, block_cursor& cursor,
                          emitter& out) override {
    flow to(*this, out);
    return head_.process(input, in, cursor, to);
  }
  expected<progress> end_head(const barrier& mark, emitter& out) override {
    flow to(*this, out);
    return head_.end(mark, to);
  }
  expected<progress> end_tail(emitter& out) override { return tail_.end(out); }
  expected<void> leave_tail(emitter& out) override { return tail_.leave(out); }
  void enter_again() override {
    enter_steps(*partition_);
    tail_.enter(*partition_, {});
    if constexpr (flow::keeps_origin)
      tail_.origin(origin_);
  }
  expected<void> prepare_parts() override {
    if constexpr (requires { head_.prepare(); })
      return head_.prepare();
    else
      return {};
  }
  expected<void> commit_parts() override {
    if constexpr (requires { head_.committed(); })
      return fallible([&] { return head_.committed(); });
    else
      return {};
  }
  void undo_parts() noexcept override {
    head_.undo();
    tail_.undo();
  }
  void close_parts() noexcept override {
    if constexpr (requires { head_.close(); })
      head_.close();
  }
  void count_parts(stage_counts& all) const noexcept override {
    all.records_out = tail_.records();
    all.late =
        late_of(head_) + late_of(tail_) +
        std::apply([](const auto&... step) { return (std::uint64_t{0} + ... + late_of(step)); },
                   steps_);
    if constexpr (requires { head_.add_to(all); })
      head_.add_to(all);
  }

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

  // What step `I` is given, and what the one before it made of its record, for tests that look for
  // views into what is gone. Records that hold no views are not looked at.
  template <std::size_t I, class Record>
  static constexpr bool makes_views() {
    if constexpr (I < sizeof...(Steps))
      return !self_contained<
          step::output_of<std::tuple_element_t<I, std::tuple<Steps...>>, Record>>;
    else
      return false;
  }
  template <std::size_t I, class Record>
  static constexpr bool may_view_what_is_gone() {
    if constexpr (I > 0 && !self_contained<Record>)
      return !makes_own_views<std::tuple_element_t<I - 1, std::tuple<Steps...>>>;
    else
      return false;
  }
  template <std::size_t I, class Record>
  [[gnu::noinline, gnu::cold]] void look_at(const Record& record) {
    if constexpr (may_view_what_is_gone<I, Record>())
      watch_->made(I, record);
    if constexpr (makes_views<I, Record>())
      watch_->given(I + 1, record);
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
      if constexpr (makes_views<I, value>())
        if (self_->watch_)
          self_->watch_->given(I + 1, record_.value());
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
      using value = std::remove_cvref_t<Record>;
      if constexpr (may_view_what_is_gone<I, value>() || makes_views<I, value>())
        if (self->watch_) [[unlikely]] {
          self->template look_at<I, value>(record);
          if (self->watch_->found()) // nobody is to read what is gone
            return;
        }
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
};

} // namespace weir::detail
