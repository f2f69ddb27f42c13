#include <weir/connectors/rocksdb/state_backend.hpp>

#include <fmt/format.h>
#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/table.h>

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
  std::unique_ptr<::rocksdb::DB> db;
  std::filesystem::path directory;
  bool sync = false;
};

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

/// Keys: length of the operator's name in two bytes, the name, the key group in one byte, the key.
class store final : public state_store {
public:
  store(std::shared_ptr<database> in, std::string_view operator_name) : in_(std::move(in)) {
    prefix_.push_back(static_cast<char>(operator_name.size() >> 8));
    prefix_.push_back(static_cast<char>(operator_name.size()));
    prefix_ += operator_name;
  }

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

  expected<void> commit() override {
    auto done = std::exchange(refused_, {});
    if (done.ok() && changes_.Count() > 0) {
      ::rocksdb::WriteOptions how;
      how.sync = in_->sync;
      done = in_->db->Write(how, &changes_);
    }
    changes_.Clear();
    if (!done.ok())
      return failed("write", in_->directory, done);
    return {};
  }

  std::unique_ptr<state_cursor> scan(std::uint32_t first, std::uint32_t until) override {
    return std::make_unique<cursor>(*in_, std::string(address(first, {})),
                                    std::string(address(until, {})), prefix_.size() + 1);
  }

private:
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
  std::string prefix_;
  std::string address_;
  ::rocksdb::WriteBatch changes_;
  ::rocksdb::Status refused_; ///< A change that was not taken.
};

class backend final : public state_backend {
public:
  explicit backend(state_backend_options options) : options_(std::move(options)) {}

  expected<std::unique_ptr<state_store>> open(const std::string& operator_name) override {
    std::lock_guard guard(mutex_);
    auto in = open_.lock();
    if (!in) {
      auto opened = open_directory();
      if (!opened)
        return std::move(opened).error();
      in = std::move(*opened);
      open_ = in;
    }
    return std::make_unique<store>(std::move(in), operator_name);
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
