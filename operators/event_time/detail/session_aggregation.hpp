// Sessions: records that follow each other closely, however long that goes on. What is kept of them
// in one partition, in a batch and from batch to batch.
#pragma once

#include <weir/operators/detail/merge_into.hpp>
#include <weir/operators/event_time/detail/due_keys.hpp>
#include <weir/operators/event_time/windows.hpp>
#include <weir/runtime/output_mode.hpp>
#include <weir/runtime/stage.hpp>

#include <algorithm>
#include <utility>
#include <vector>

namespace weir::detail {

/// The sessions of one key, in order; no two of them touch.
template <class Accumulator>
class session_list {
public:
  struct session {
    time_window window;
    Accumulator value;
  };

  /// Takes in what happened in `window`: sessions that it touches become one with it, also where
  /// one ends when the other begins. `create()` makes an accumulator of it, `add(accumulator)` adds
  /// it to one, `merge(accumulator, accumulator)` joins two. When one of them throws nothing has
  /// changed.
  template <class Create, class Add, class Merge>
  void take_in(time_window window, Create&& create, Add&& add, Merge&& merge) {
    const auto first =
        std::lower_bound(all_.begin(), all_.end(), window.start,
                         [](const session& s, event_time start) { return s.window.end < start; });
    auto last = first;
    while (last != all_.end() && last->window.start <= window.end)
      ++last;
    if (first == last) {
      all_.insert(first, session{window, create()});
      return;
    }
    if (last - first == 1) {
      add(first->value);
    } else {
      Accumulator joined(first->value);
      for (auto next = first + 1; next != last; ++next)
        joined = merge(std::move(joined), next->value);
      add(joined);
      first->value = std::move(joined);
    }
    first->window = {std::min(first->window.start, window.start),
                     std::max((last - 1)->window.end, window.end)};
    all_.erase(first + 1, last);
  }

  /// Forgets the sessions that end at `mark` or before it.
  void close(watermark mark) {
    all_.erase(all_.begin(), std::find_if(all_.begin(), all_.end(),
                                          [&](const session& s) { return s.window.end > mark; }));
  }

  [[nodiscard]] const std::vector<session>& all() const noexcept { return all_; }
  [[nodiscard]] std::vector<session>& all() noexcept { return all_; }

  [[nodiscard]] std::size_t slot_bytes() const { return all_.capacity() * sizeof(session); }
  [[nodiscard]] std::size_t heap_bytes() const {
    std::size_t bytes = slot_bytes();
    if constexpr (!std::is_trivially_copyable_v<Accumulator>)
      for (const auto& each : all_)
        bytes += record_traits<Accumulator>::heap_bytes(each.value);
    return bytes;
  }

private:
  std::vector<session> all_;
};

/// Goes through every session of a table of session lists, and can stop at any of them. Nothing may
/// be inserted on the way.
template <class Table>
class session_walk {
public:
  void begin() { *this = {}; }

  /// Calls `use(window, key, accumulator)`; it returns `blocked` to be called again with the same.
  template <class Use>
  expected<progress> go(Table& tables, Use&& use) {
    if (!entered_)
      next_ = tables.begin();
    entered_ = true;
    for (; next_ != tables.end(); ++next_, session_ = 0)
      for (auto& all = next_->second.all(); session_ < all.size(); ++session_) {
        auto used = use(all[session_].window, next_->first, all[session_].value);
        if (!used || *used == progress::blocked)
          return used;
      }
    entered_ = false;
    return progress::done;
  }

private:
  bool entered_ = false;
  typename Table::iterator next_{};
  std::size_t session_ = 0;
};

/// The sessions of one batch.
template <class Key, class Accumulator>
class session_tables : public key_table<Key, session_list<Accumulator>> {
  using table = key_table<Key, session_list<Accumulator>>;

public:
  using walk = session_walk<table>;

  /// See session_list.
  template <class View, class Create, class Add, class Merge>
  void take_in(const time_window& window, const View& key, Create&& create, Add&& add,
               Merge&& merge) {
    auto& list = *this->find_or_make(key, [] { return session_list<Accumulator>(); }).first;
    const auto before = list.slot_bytes();
    list.take_in(window, create, add, merge);
    slot_bytes_ += list.slot_bytes() - before;
  }

  void clear() noexcept {
    table::clear();
    slot_bytes_ = 0;
  }
  /// Gives the memory back too.
  void release() { *this = {}; }

  /// Without what accumulators own.
  [[nodiscard]] std::size_t bytes() const noexcept { return table::bytes() + slot_bytes_; }

private:
  std::size_t slot_bytes_ = 0;
};

/// See event_window_head. Holds for complete results what has no end; for others a batch costs what
/// it brings and closes, not what is kept.
template <class Key, class Accumulator>
class session_state {
public:
  explicit session_state(output_mode mode) : mode_(mode) {}

  template <class Merge>
  void collect(const windowed<Key, Accumulator>& more, Merge& merge, bool must_survive) {
    const adding<Merge> add{more.value, merge, must_survive};
    changes_.take_in(more.window, more.key, add, add, merge);
    change_bytes_ += record_traits<Accumulator>::heap_bytes(more.value);
  }

  template <class Merge, class Flow>
  void apply(Merge& merge, Flow& flow) {
    bytes_before_ = kept_bytes_;
    for (auto& [key, change] : changes_) {
      auto& kept = *kept_.find_or_make(key, [&] { return kept_sessions(mode_); }).first;
      list merged = kept;
      for (const auto& [window, more] : change.all())
        try {
          const adding<Merge> add{more, merge, flow.drops()};
          merged.take_in(window, add, add, merge);
        } catch (...) {
          flow.threw();
        }
      const auto replaced = kept.heap_bytes();
      kept_bytes_ += merged.heap_bytes() - replaced;
      change_bytes_ += replaced;
      change = std::exchange(static_cast<list&>(kept), std::move(merged));
      due_.note(key, kept);
    }
  }

  /// The changes are what each key had before; nothing, if it was new.
  void undo() noexcept {
    due_.settle(kept_, [](const auto&) { return true; });
    for (auto& [key, before] : changes_) {
      const auto now = kept_.find(key);
      if (before.all().empty()) {
        kept_.erase(now);
      } else {
        static_cast<list&>(now->second) = std::move(before);
        due_.note(key, now->second);
      }
    }
    kept_bytes_ = bytes_before_;
  }

  void close(watermark final_until) {
    due_.settle(kept_, [&](kept_sessions& kept) {
      kept_bytes_ -= kept.heap_bytes();
      kept.close(final_until);
      if (kept.all().empty())
        return false;
      kept_bytes_ += kept.heap_bytes();
      return true;
    });
  }

  void forget_changes() noexcept {
    changes_.clear();
    change_bytes_ = 0;
    over_kept_.begin();
    passing_ = 0;
    session_ = 0;
  }

  template <class Push>
  expected<progress> pass_on(watermark final_until, Push&& push) {
    if (mode_ == output_mode::complete)
      return over_kept_.go(kept_, push);
    due_.take(kept_, final_until);
    for (; passing_ < due_.taken().size(); ++passing_, session_ = 0) {
      const auto& [key, kept] = *due_.taken()[passing_];
      for (const auto& all = kept.all();
           session_ < all.size() && all[session_].window.end <= final_until; ++session_) {
        auto pushed = push(all[session_].window, key, all[session_].value);
        if (!pushed || *pushed == progress::blocked)
          return pushed;
      }
    }
    return progress::done;
  }

  [[nodiscard]] std::size_t bytes() const noexcept {
    return kept_.bytes() + changes_.bytes() + due_.bytes() + kept_bytes_ + change_bytes_;
  }

private:
  using list = session_list<Accumulator>;

  /// Makes an accumulator of `more`, or adds it to one.
  template <class Merge>
  struct adding {
    const Accumulator& more;
    Merge& merge;
    bool must_survive;

    const Accumulator& operator()() const { return more; }
    void operator()(Accumulator& to) const { merge_into(to, merge, more, must_survive); }
  };

  struct kept_sessions : list {
    event_time due; ///< See due_keys. The least time keeps the key out of the index.

    explicit kept_sessions(output_mode mode)
        : due(mode == output_mode::complete ? event_time::min() : event_time::max()) {}
    [[nodiscard]] event_time first_due() const noexcept {
      return this->all().empty() ? event_time::max() : this->all().front().window.end;
    }
  };
  using table = key_table<Key, kept_sessions>;

  output_mode mode_;
  table kept_;
  session_tables<Key, Accumulator> changes_;
  due_keys<Key, kept_sessions> due_;
  session_walk<table> over_kept_;
  std::size_t passing_ = 0; ///< Where passing on what is due resumes.
  std::size_t session_ = 0;
  std::size_t kept_bytes_ = 0; ///< What the lists own.
  std::size_t change_bytes_ = 0;
  std::size_t bytes_before_ = 0; ///< `kept_bytes_` before the batch.
};

} // namespace weir::detail
