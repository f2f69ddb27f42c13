// A table from keys to accumulators that is looked up by view and inserts by value.
#pragma once

#include <weir/runtime/key_group.hpp>
#include <weir/runtime/stage.hpp>

#include <boost/unordered/unordered_flat_map.hpp>

#include <string>
#include <string_view>

namespace weir::detail {

/// Whether a `View` is encoded, and so hashed, as the `Key` that owns the same.
template <class Key, class View>
inline constexpr bool views_key =
    std::is_same_v<View, Key> ||
    (std::is_same_v<Key, std::string> && std::is_same_v<View, std::string_view>);
template <class A, class B, class C, class D>
inline constexpr bool views_key<std::pair<A, B>, std::pair<C, D>> =
    views_key<A, C> && views_key<B, D>;

/// Transparent equality of keys and of views of them, alone and in pairs.
template <class Key>
struct key_equal {
  using is_transparent = void;
  bool operator()(const auto& a, const auto& b) const { return same_key(a, b); }
  template <class A, class B, class C, class D>
  bool operator()(const std::pair<A, B>& a, const std::pair<C, D>& b) const {
    return (*this)(a.first, b.first) && (*this)(a.second, b.second);
  }
};

/// The hash of a key or of a view of it.
struct view_hash {
  using is_transparent = void;
  using is_avalanching = void; ///< See key_hash.
  template <class View>
  std::uint64_t operator()(const View& key) const {
    return key_hash<View>{}(key);
  }
};

/// Key is the owning type. A known key allocates nothing; clearing keeps the capacity. Counts its
/// bytes.
template <class Key, class Value>
class key_table {
public:
  using map = boost::unordered_flat_map<Key, Value, view_hash, key_equal<Key>>;
  using iterator = typename map::iterator;

  /// The entry of `key`, which may be a view of it; `make()` gives the value of a new one.
  /// @returns the value and whether it is new.
  template <class View, class Make>
  std::pair<Value*, bool> find_or_make(const View& key, Make&& make) {
    if constexpr (looked_up_by<View>) {
      if (auto found = entries_.find(key); found != entries_.end())
        return {&found->second, false};
      return {add(key, make), true};
    } else {
      Key owned = record_traits<View>::to_owned(key);
      if (auto found = entries_.find(owned); found != entries_.end())
        return {&found->second, false};
      return {insert(std::move(owned), make), true};
    }
  }

  [[nodiscard]] iterator find(const Key& key) { return entries_.find(key); }
  void erase(iterator gone) {
    heap_bytes_ -= record_traits<Key>::heap_bytes(gone->first);
    entries_.erase(gone);
  }
  /// Erases the entries for which `gone(entry)` is true.
  template <class Gone>
  void erase_if(Gone&& gone) {
    boost::unordered::erase_if(entries_, [&](auto& entry) {
      if (!gone(entry))
        return false;
      heap_bytes_ -= record_traits<Key>::heap_bytes(entry.first);
      return true;
    });
  }

  /// The value of `key`, which may be a view of it; null when there is none.
  template <class View>
  [[nodiscard]] const Value* look_up(const View& key) const {
    const auto found = [&] {
      if constexpr (looked_up_by<View>)
        return entries_.find(key);
      else
        return entries_.find(record_traits<View>::to_owned(key));
    }();
    return found == entries_.end() ? nullptr : &found->second;
  }

  [[nodiscard]] iterator begin() { return entries_.begin(); }
  [[nodiscard]] iterator end() { return entries_.end(); }
  [[nodiscard]] std::size_t size() const noexcept { return entries_.size(); }
  [[nodiscard]] bool empty() const noexcept { return entries_.empty(); }

  /// Bytes of the slots, and of what keys and first values own beyond them.
  [[nodiscard]] std::size_t bytes() const noexcept {
    return entries_.bucket_count() * (sizeof(typename map::value_type) + 1) + heap_bytes_;
  }

  void clear() noexcept {
    entries_.clear();
    heap_bytes_ = 0;
  }

private:
  /// Kept out of the look-up, which most records end with: what it takes of the stack would be paid
  /// by each of them.
  template <class View, class Make>
  [[gnu::noinline]] Value* add(const View& key, Make& make) {
    return insert(record_traits<View>::to_owned(key), make);
  }

  /// Whether no key has to be made for a look-up.
  template <class View>
  static constexpr bool looked_up_by =
      views_key<Key, View> || (std::is_convertible_v<const View&, std::string_view> &&
                               std::is_convertible_v<const Key&, std::string_view>);

  template <class Make>
  Value* insert(Key key, Make& make) {
    const std::size_t owned = record_traits<Key>::heap_bytes(key);
    auto* value = &entries_.try_emplace(std::move(key), make()).first->second; // make() may throw
    heap_bytes_ += owned;
    return value;
  }

  map entries_;
  std::size_t heap_bytes_ = 0;
};

/// Keeps a retained account in step with what a table holds.
class retained_bytes {
public:
  void open(const replica_context& context) { account_ = context.retained; }

  /// @returns errc::out_of_budget when the share is used up; then the account stays as it was.
  expected<void> set(std::size_t bytes) {
    if (bytes > taken_) {
      if (auto taken = account_->take(bytes - taken_); !taken)
        return taken;
    } else {
      account_->give_back(taken_ - bytes);
    }
    taken_ = bytes;
    return {};
  }

  void release() noexcept {
    if (account_)
      account_->give_back(taken_);
    taken_ = 0;
  }

private:
  retained_account* account_ = nullptr;
  std::size_t taken_ = 0;
};

} // namespace weir::detail
