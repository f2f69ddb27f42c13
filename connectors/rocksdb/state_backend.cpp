#include <weir/connectors/rocksdb/state_backend.hpp>

#include <weir/runtime/codec.hpp>

#include <fmt/format.h>
#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/table.h>

#include <map>
#include <mutex>

namespace weir::rocksdb {
namespace {

/// What the key of the version says, so that a later layout is not taken for this one.
constexpr std::string_view layout_key("\0weir", 5);
constexpr std::string_view layout = "keyed state 1";

error failed(std::string_view what, const std::filesystem::path& directory,
             const ::rocksdb::Status& why) {
  return {errc::io,
          fmt::format("RocksDB in '{}': cannot {}: {}", directory.string(), what, why.ToString())};
}

/// An open directory; closed with its last user.
struct database {
  /// An operator with stores.
  struct user {
    int stores = 0;
    bool recovered = false;
  };

  std::unique_ptr<::rocksdb::DB> db;
  std::filesystem::path directory;
  bool sync = false;
  std::mutex mutex{};
  std::map<std::string, user, std::less<>> users{}; ///< By name.
};

/// Length in two bytes, and the name.
std::string prefix_of(std::string_view operator_name) {
  std::string prefix;
  prefix.push_back(static_cast<char>(operator_name.size() >> 8));
  prefix.push_back(static_cast<char>(operator_name.size()));
  return prefix += operator_name;
}

/// Where the replicas of an operator keep what they have prepared: no name is so long.
std::string prepared_prefix_of(std::string_view operator_name) {
  return "\xff\xff" + prefix_of(operator_name);
}

class cursor final : public state_cursor {
public:
  /// @param prefix length of what stands before each key.
  cursor(const database& in, std::string first, std::string until, std::size_t prefix)
      : directory_(in.directory), first_(std::move(first)), until_(std::move(until)),
        until_slice_(until_), prefix_(prefix) {
    ::rocksdb::ReadOptions how;
    how.iterate_upper_bound = &until_slice_;
    how.fill_cache = false; // everything is read once
    at_.reset(in.db->NewIterator(how));
  }

  expected<bool> next() override {
    if (std::exchange(begun_, true))
      at_->Next();
    else
      at_->Seek(first_);
    if (!at_->Valid() && !at_->status().ok())
      return failed("read all keys", directory_, at_->status());
    return at_->Valid();
  }
  [[nodiscard]] std::string_view key() const override {
    return at_->key().ToStringView().substr(prefix_);
  }
  [[nodiscard]] std::string_view value() const override { return at_->value().ToStringView(); }

private:
  std::filesystem::path directory_;
  std::string first_;
  std::string until_;
  ::rocksdb::Slice until_slice_; ///< RocksDB keeps a pointer to it.
  std::size_t prefix_;
  std::unique_ptr<::rocksdb::Iterator> at_;
  bool begun_ = false;
};

/// Keys: `prefix_of` the operator, the key group in one byte, the key. What is prepared:
/// `prepared_prefix_of` the operator and the replica, with the note (length in four bytes, text)
/// and a write batch as value.
class store final : public state_store {
public:
  store(std::shared_ptr<database> in, std::string operator_name, std::uint32_t replica)
      : in_(std::move(in)), operator_(std::move(operator_name)), prefix_(prefix_of(operator_)),
        prepared_key_(prepared_prefix_of(operator_) + encoded(replica)) {
    const std::lock_guard guard(in_->mutex);
    ++in_->users[operator_].stores;
  }
  ~store() override {
    const std::lock_guard guard(in_->mutex);
    if (const auto at = in_->users.find(operator_); --at->second.stores == 0)
      in_->users.erase(at);
  }
  store(const store&) = delete;
  store& operator=(const store&) = delete;

  expected<bool> get(std::uint32_t group, std::string_view key, std::string& value) override {
    const auto got = in_->db->Get({}, address(group, key), &value);
    if (got.ok())
      return true;
    if (got.IsNotFound())
      return false;
    return failed("read a key", in_->directory, got);
  }

  void put(std::uint32_t group, std::string_view key, std::string_view value) override {
    note(changes_.Put(address(group, key), ::rocksdb::Slice(value)));
  }
  void erase(std::uint32_t group, std::string_view key) override {
    note(changes_.Delete(address(group, key)));
  }

  expected<void> prepare(std::string_view note) override {
    auto done = std::exchange(refused_, {});
    if (done.ok() && changes_.Count() > 0) {
      ::rocksdb::WriteOptions how;
      how.sync = in_->sync;
      done = in_->db->Put(how, prepared_key_,
                          encoded(static_cast<std::uint32_t>(note.size())) + std::string(note) +
                              changes_.Data());
      prepared_ = done.ok();
    }
    if (done.ok())
      return {};
    changes_.Clear();
    return failed("write", in_->directory, done);
  }

  // Need not reach the disk before the next `prepare` does: until then a crash finds what was
  // prepared, and decides the same.
  expected<void> adopt() override {
    ::rocksdb::Status done;
    if (std::exchange(prepared_, false)) {
      done = changes_.Delete(prepared_key_);
      if (done.ok())
        done = in_->db->Write({}, &changes_);
    }
    changes_.Clear();
    if (!done.ok())
      return failed("write", in_->directory, done);
    return {};
  }

  expected<void> discard() override {
    changes_.Clear();
    refused_ = {};
    if (!std::exchange(prepared_, false))
      return {};
    if (auto done = in_->db->Delete({}, prepared_key_); !done.ok())
      return failed("write", in_->directory, done);
    return {};
  }

  expected<void>
  recover(const std::function<expected<bool>(std::string_view note)>& counts) override {
    const std::lock_guard guard(in_->mutex);
    auto& known = in_->users[operator_];
    if (known.recovered)
      return {};
    const auto prefix = prepared_prefix_of(operator_);
    const std::unique_ptr<::rocksdb::Iterator> at(in_->db->NewIterator({}));
    for (at->Seek(prefix); at->Valid() && at->key().starts_with(prefix); at->Next())
      if (at->key().size() == prepared_key_.size())
        if (auto decided = decide(*at, counts); !decided)
          return decided;
    if (!at->status().ok())
      return failed("read what was prepared", in_->directory, at->status());
    known.recovered = true;
    return {};
  }

  std::unique_ptr<state_cursor> scan(std::uint32_t first, std::uint32_t until) override {
    return std::make_unique<cursor>(*in_, std::string(address(first, {})),
                                    std::string(address(until, {})), prefix_.size() + 1);
  }

private:
  expected<void> decide(const ::rocksdb::Iterator& at,
                        const std::function<expected<bool>(std::string_view note)>& counts) {
    auto bytes = at.value().ToStringView();
    const auto length = codec<std::uint32_t>::decode(bytes);
    if (!length || *length > bytes.size())
      return failed("read what was prepared", in_->directory,
                    ::rocksdb::Status::Corruption("it ends early"));
    auto yes = counts(bytes.substr(0, *length));
    if (!yes)
      return std::move(yes).error();
    auto changes =
        *yes ? ::rocksdb::WriteBatch(std::string(bytes.substr(*length))) : ::rocksdb::WriteBatch();
    auto done = changes.Delete(at.key());
    if (done.ok())
      done = in_->db->Write({}, &changes);
    if (!done.ok())
      return failed("write what was prepared", in_->directory, done);
    return {};
  }

  /// Valid until the next call.
  std::string_view address(std::uint32_t group, std::string_view key) {
    address_ = prefix_;
    address_.push_back(static_cast<char>(group));
    address_ += key;
    return address_;
  }
  void note(::rocksdb::Status done) {
    if (!done.ok())
      refused_ = std::move(done);
  }

  std::shared_ptr<database> in_;
  std::string operator_;
  std::string prefix_;
  std::string prepared_key_;
  bool prepared_ = false; ///< `changes_` are on disk, to be adopted or discarded.
  std::string address_;
  ::rocksdb::WriteBatch changes_;
  ::rocksdb::Status refused_; ///< A change that was not taken.
};

class backend final : public state_backend {
public:
  explicit backend(state_backend_options options) : options_(std::move(options)) {}

  expected<std::unique_ptr<state_store>> open(const std::string& operator_name,
                                              std::uint32_t replica) override {
    std::lock_guard guard(mutex_);
    auto in = open_.lock();
    if (!in) {
      auto opened = open_directory();
      if (!opened)
        return std::move(opened).error();
      in = std::move(*opened);
      open_ = in;
    }
    return std::make_unique<store>(std::move(in), operator_name, replica);
  }

private:
  expected<std::shared_ptr<database>> open_directory() const {
    std::error_code unmade;
    std::filesystem::create_directories(options_.directory, unmade);
    ::rocksdb::Options how;
    how.create_if_missing = true;
    how.write_buffer_size = options_.write_buffer_bytes;
    how.max_write_buffer_number = 2;
    how.keep_log_file_num = 2;
    ::rocksdb::BlockBasedTableOptions table;
    table.block_cache = ::rocksdb::NewLRUCache(options_.block_cache_bytes);
    how.table_factory.reset(::rocksdb::NewBlockBasedTableFactory(table));
    ::rocksdb::DB* opened = nullptr;
    const auto done = ::rocksdb::DB::Open(how, options_.directory.string(), &opened);
    auto in = std::make_shared<database>(std::unique_ptr<::rocksdb::DB>(opened), options_.directory,
                                         options_.sync);
    if (!done.ok()) {
      const bool locked = done.ToString().find("lock") != std::string::npos;
      return failed(locked ? "open it, because another process or context uses it; give each its "
                             "own directory"
                           : "open it",
                    options_.directory, done);
    }
    if (auto fits = check_layout(*in); !fits)
      return std::move(fits).error();
    return in;
  }

  static expected<void> check_layout(database& in) {
    std::string found;
    auto read = in.db->Get({}, layout_key, &found);
    if (read.IsNotFound())
      read = in.db->Put({}, layout_key, found = layout);
    if (!read.ok())
      return failed("read its layout", in.directory, read);
    if (found != layout)
      return error(errc::io,
                   fmt::format("RocksDB in '{}' has the layout '{}'; this version of weir "
                               "reads '{}'",
                               in.directory.string(), found, layout));
    return {};
  }

  state_backend_options options_;
  std::mutex mutex_;
  std::weak_ptr<database> open_; ///< Owned by the stores.
};

} // namespace

std::shared_ptr<state_backend> state_in(state_backend_options options) {
  return std::make_shared<backend>(std::move(options));
}

} // namespace weir::rocksdb
