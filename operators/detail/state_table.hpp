// The keyed state of one logical partition: a typed table, the journal that undoes the open epoch,
// and, if state is to be kept elsewhere, a store behind it. Next: state_tables.hpp.
#pragma once

#include <weir/operators/detail/due_index.hpp>
#include <weir/operators/detail/encodable.hpp>
#include <weir/operators/detail/key_table.hpp>
#include <weir/operators/detail/undo_journal.hpp>
#include <weir/runtime/state_store.hpp>

#include <boost/unordered/unordered_flat_set.hpp>

#include <optional>
#include <ranges>

namespace weir::detail {

/// A key as a table looks it up: a view where the table takes one, else the owning twin.
template <class Key, class View>
[[nodiscard]] decltype(auto) lookup_key(const View& key) {
  if constexpr (std::is_same_v<View, Key> ||
                (std::is_convertible_v<const View&, std::string_view> &&
                 std::is_convertible_v<const Key&, std::string_view>))
    return (key);
  else
    return Key(record_traits<View>::to_owned(key));
}

/// State by key. What changes a key for the first time in an epoch moves the old state into the
/// journal, so that `undo` restores exactly what was there; nothing else is copied.
///
/// Without a store the table holds everything. With one it holds what the open epoch has looked at;
/// the rest is in the store, which `write_changes` brings up to date once the epoch is final. A
/// record costs no virtual call unless its key is not in the table.
///
/// Times are ticks: nanoseconds of the batch time, even, and higher in each epoch.
template <class Key, class State>
class state_table {
public:
  struct entry {
    State state;
    std::int64_t stamp; ///< Tick of the last update; plus 1 when the old state is in the journal.

    [[nodiscard]] std::int64_t updated() const noexcept { return stamp & ~std::int64_t{1}; }
  };
  static constexpr bool storable = encodable<Key> && encodable<State>;

  /// @param behind where state lives between epochs, or null. @param failure where its errors go.
  /// @param ordered whether `pop_oldest` will be called.
  state_table(state_store* behind, std::optional<error>* failure, std::uint32_t first_group,
              std::uint32_t until_group, bool ordered)
      : behind_(behind), failure_(failure), first_group_(first_group), until_group_(until_group),
        ordered_(ordered) {
    if (behind_)
      count_keys();
  }

  // ---- epochs

  /// What follows belongs to the epoch with this tick.
  void begin(std::int64_t tick) {
    now_ = tick;
    keys_before_ = keys();
    heap_bytes_before_ = heap_bytes_;
  }

  /// The epoch is final.
  void committed() {
    journal_.clear();
    if (behind_)
      forget_loaded();
  }

  /// Restores what was there at `begin`.
  void undo() {
    if (behind_) {
      forget_loaded();
    } else {
      for (auto& change : std::views::reverse(journal_.changes()))
        if (change.stamp() == journal::absent)
          erase_entry(change.key);
        else if (!change.has_state())
          entries_.find(change.key)->second.stamp = change.stamp();
        else
          entries_.insert_or_assign(Key(change.key),
                                    entry{std::move(change.state()), change.stamp()});
      heap_bytes_ = heap_bytes_before_;
    }
    journal_.clear();
    keys_ = keys_before_;
    if (ordered_)
      fill_index();
  }

  /// Calls `see(key, entry)` for each key that the epoch has changed, some of them twice; null for
  /// one that is gone. Valid until `committed`.
  template <class See>
  void for_each_changed(See&& see) const {
    for (const auto& change : journal_.changes()) {
      const auto found = entries_.find(change.key);
      see(change.key, found == entries_.end() ? nullptr : &found->second);
    }
  }

  /// Hands the epoch's changes to the store behind, which has yet to commit them.
  void write_changes() {
    if constexpr (storable)
      for_each_changed([&](const auto& key, const entry* now) {
        bytes_.clear();
        codec<std::remove_cvref_t<decltype(key)>>::encode(key, bytes_);
        const auto group = key_group_of(key_hash<Key>{}(key));
        if (now) {
          value_.clear();
          codec<std::int64_t>::encode(now->updated(), value_);
          codec<State>::encode(now->state, value_);
          behind_->put(group, bytes_, value_);
        } else {
          behind_->erase(group, bytes_);
        }
      });
  }

  // ---- keys. `key` may be what `lookup_key` gives; entries are valid until the next call

  /// @returns the key's entry, or null.
  template <class K>
  [[nodiscard]] entry* find(const K& key) {
    auto* found = peek(key);
    return found || !behind_ ? found : load(key);
  }

  /// As `find`, but does not ask the store: null says nothing. For looking up many keys in a row,
  /// which lets the machine wait for their memory together. Valid as long as `moves` stays the
  /// same.
  template <class K>
  [[nodiscard, gnu::always_inline]] entry* peek(const K& key) {
    const auto found = entries_.find(key);
    return found != entries_.end() ? &found->second : nullptr;
  }

  /// How often entries may have moved or gone.
  [[nodiscard]] std::uint64_t moves() const noexcept { return moves_; }

  /// So many calls of `put` may follow. May be left out.
  void expect(std::size_t puts) noexcept { journal_.expect(puts); }

  /// Sets the state of a key. @param found what `find` gave for it. @param updates whether that
  /// counts as an update of the key; once that has been said in an epoch it stays.
  /// @returns its entry.
  template <class K>
  [[gnu::always_inline]] entry* put(const K& key, entry* found, State fresh, bool updates = true) {
    if (!found)
      return insert(key, std::move(fresh), updates ? saved() : now_);
    auto& at = adopt(found);
    heap_bytes_ += heap_bytes_of(fresh);
    save(key, at);
    if (updates)
      at.stamp = saved();
    at.state = std::move(fresh);
    return &at;
  }

  /// The key was used; its state is as it was.
  template <class K>
  void touch(const K& key, entry* found) {
    if (!ordered_)
      return;
    auto& at = adopt(found);
    if (at.stamp < now_) {
      journal_.note(key, at.updated());
      at.stamp = now_;
    }
  }

  template <class K>
  void erase(const K& key, entry* found) {
    save(key, adopt(found));
    if (behind_)
      erased_.insert(Key(key));
    --keys_;
    erase_entry(key);
  }

  // ---- all keys

  /// Goes to the first of all keys, those in the store behind included.
  void rewind() {
    next_ = entries_.begin();
    cursor_ = behind_ ? behind_->scan(first_group_, until_group_) : nullptr;
  }

  /// The next key and its entry, which may be put or erased; null at the end. No other key may be
  /// added in between.
  std::pair<const Key*, entry*> next() {
    if (next_ != entries_.end()) {
      auto& here = *next_++;
      return {&here.first, &here.second};
    }
    if constexpr (storable)
      while (cursor_ && advance_cursor()) {
        auto key = decoded<Key>(cursor_->key());
        if (!key) {
          fail(std::move(key).error());
        } else if (!entries_.contains(*key) && !erased_.contains(*key) &&
                   read_entry(cursor_->value())) {
          loaded_key_ = std::move(*key);
          return {&*loaded_key_, &*loaded_};
        }
      }
    cursor_.reset();
    return {nullptr, nullptr};
  }

  /// Whether the open epoch has updated the key.
  [[nodiscard]] bool updated(const entry& at) const noexcept { return at.stamp == saved(); }

  [[nodiscard]] std::size_t keys() const noexcept { return keys_; }

  // ---- the order of updates

  /// Takes out of the order the key that was updated longest ago, if that was before `tick`; the
  /// caller then erases it. @returns its entry, or null.
  entry* pop_oldest(std::int64_t tick, std::optional<Key>& key) {
    if (order_.crowded(keys_))
      fill_index();
    while (order_.next_time() < tick) {
      auto top = order_.pop();
      auto* found = find(top.key);
      if (!found)
        continue;
      if (found->updated() > top.time) {
        order_.push(found->updated(), std::move(top.key));
        continue;
      }
      key = std::move(top.key);
      return found;
    }
    return nullptr;
  }

  /// Bytes of slots, of what keys and states own, and of what undoes the epoch.
  [[nodiscard]] std::size_t bytes() const noexcept {
    return entries_.bucket_count() * (sizeof(typename map::value_type) + 1) + heap_bytes_ +
           journal_.bytes() + order_.bytes();
  }

private:
  using map = boost::unordered_flat_map<Key, entry, key_hash<Key>, key_equal<Key>>;
  using journal = undo_journal<Key, State>;

  [[nodiscard]] std::int64_t saved() const noexcept { return now_ | 1; }

  static std::size_t heap_bytes_of(const State& state) {
    return record_traits<State>::heap_bytes(state);
  }

  /// The state is about to go.
  template <class K>
  [[gnu::always_inline]] void save(const K& key, entry& at) {
    heap_bytes_ -= heap_bytes_of(at.state);
    journal_.save(key, at.updated(), at.state, at.stamp != saved());
  }

  template <class K>
  [[gnu::noinline]] entry* insert(const K& key, State fresh, std::int64_t stamp) {
    journal_.note(key, journal::absent);
    heap_bytes_ += heap_bytes_of(fresh);
    if (ordered_)
      order_.push(now_, Key(key));
    if (behind_)
      erased_.erase(key);
    ++keys_;
    Key owned(key);
    heap_bytes_ += record_traits<Key>::heap_bytes(owned);
    if (entries_.size() >= entries_.max_load())
      ++moves_;
    return &entries_.try_emplace(std::move(owned), entry{std::move(fresh), stamp}).first->second;
  }

  template <class K>
  void erase_entry(const K& key) {
    const auto found = entries_.find(key);
    if (found == entries_.end())
      return; // undoing a key that came and went
    heap_bytes_ -= record_traits<Key>::heap_bytes(found->first);
    ++moves_;
    entries_.erase(found);
  }

  void fill_index() {
    order_.clear();
    rewind();
    for (auto at = next(); at.first; at = next())
      order_.push(at.second->updated(), *at.first);
  }

  // ---- the store behind

  void fail(error reason) {
    if (!*failure_)
      *failure_ = std::move(reason).with("keyed state");
  }

  void forget_loaded() {
    entries_.clear();
    erased_.clear();
    heap_bytes_ = 0;
  }

  void count_keys() {
    rewind();
    for (auto at = next(); at.first; at = next()) {
      ++keys_;
      if (ordered_)
        order_.push(at.second->updated(), *at.first);
    }
  }

  template <class K>
  [[gnu::noinline, gnu::cold]] entry* load(const K& key) {
    if constexpr (storable) {
      if (erased_.contains(key))
        return nullptr;
      bytes_.clear();
      codec<K>::encode(key, bytes_);
      auto there = behind_->get(key_group_of(key_hash<Key>{}(key)), bytes_, value_);
      if (!there)
        fail(std::move(there).error());
      else if (*there && read_entry(value_)) {
        loaded_key_ = Key(key);
        return &adopt(&*loaded_);
      }
    }
    return nullptr;
  }

  bool advance_cursor() {
    const auto more = cursor_->next();
    if (!more)
      fail(more.error());
    return more && *more;
  }

  /// Puts what was stored into `loaded_`.
  bool read_entry(std::string_view stored) {
    const auto stamp = codec<std::int64_t>::decode(stored);
    if (!stamp) {
      fail(stamp.error());
      return false;
    }
    auto state = decoded<State>(stored);
    if (!state) {
      fail(std::move(state).error());
      return false;
    }
    loaded_.emplace(std::move(*state), *stamp);
    return true;
  }

  /// An entry that is to be changed: one that was only read from the store moves into the table.
  entry& adopt(entry* found) {
    if (!loaded_ || found != &*loaded_) [[likely]]
      return *found;
    heap_bytes_ += heap_bytes_of(loaded_->state) + record_traits<Key>::heap_bytes(*loaded_key_);
    ++moves_;
    auto& kept = entries_.insert_or_assign(Key(*loaded_key_), std::move(*loaded_)).first->second;
    loaded_.reset();
    return kept;
  }

  state_store* behind_;
  std::optional<error>* failure_;
  std::uint32_t first_group_;
  std::uint32_t until_group_;
  bool ordered_;

  map entries_;
  std::uint64_t moves_ = 0;
  std::int64_t now_ = 0;
  std::size_t keys_ = 0;
  std::size_t heap_bytes_ = 0;
  journal journal_;
  std::size_t keys_before_ = 0;
  std::size_t heap_bytes_before_ = 0;
  due_index<Key> order_; ///< By the tick of the last update, when `ordered_`.

  boost::unordered_flat_set<Key, key_hash<Key>, key_equal<Key>>
      erased_;                    ///< In the store behind, but no longer.
  std::optional<Key> loaded_key_; ///< Read from the store and not yet in the table.
  std::optional<entry> loaded_;
  std::string bytes_;
  std::string value_;
  typename map::iterator next_{}; ///< Where `next` goes on: the table, then the cursor.
  std::unique_ptr<state_cursor> cursor_;
};

} // namespace weir::detail
