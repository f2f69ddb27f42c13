// A folder of files in memory that loses what was not synced and fails when it is told to.
#pragma once

#include <weir/runtime/log_files.hpp>

#include <catch2/catch.hpp>

#include <algorithm>
#include <atomic>
#include <map>
#include <random>
#include <string>

namespace weir::test {

/// A disk in memory: what is not synced may be lost in a crash, and it can be told to fail. One
/// thread at a time, but for `fail_in`.
struct disk {
  struct file {
    std::string bytes;
    std::size_t synced = 0;
    bool listed = false; ///< The folder was synced since it was made.
  };
  std::map<std::string, file> files;
  std::size_t room = SIZE_MAX;  ///< Bytes that all files may take together.
  std::atomic<int> fail_in{-1}; ///< So many writes from now; -1: never. Half of the bytes arrive.

  expected<void> work() {
    int left = fail_in;
    if (left == 0) // stays full
      return weir::error(weir::errc::io, "No space left on device");
    if (left > 0)
      fail_in.compare_exchange_strong(left, left - 1);
    return {};
  }

  /// Sectors reach a disk whole and in any order; one that has not reads as zeros where it is new.
  static void lose_sector(file& f, std::size_t at) {
    constexpr std::size_t sector = 512;
    const auto from = std::max(f.synced, at / sector * sector);
    const auto until = std::min((at / sector + 1) * sector, f.bytes.size());
    if (until - from >= 8) // less cannot be told from damage
      std::fill_n(f.bytes.begin() + static_cast<std::ptrdiff_t>(from), until - from, '\0');
  }

  [[nodiscard]] std::size_t taken() const {
    std::size_t sum = 0;
    for (const auto& [name, f] : files)
      sum += f.bytes.size();
    return sum;
  }

  /// Loses what was not synced, up to a place drawn from `chance`.
  void crash(std::mt19937& chance) {
    std::erase_if(files, [&](const auto& f) { return !f.second.listed && chance() % 2; });
    for (auto& [name, f] : files) {
      const auto unsure = f.bytes.size() - f.synced;
      f.bytes.resize(f.synced + (unsure ? chance() % (unsure + 1) : 0));
      if (f.bytes.size() > f.synced && chance() % 2)
        lose_sector(f, f.synced + chance() % (f.bytes.size() - f.synced));
      f.synced = f.bytes.size();
      f.listed = true;
    }
    fail_in = -1;
  }
};

class memory_file final : public weir::log_file {
public:
  memory_file(disk& on, std::string name) : on_(on), name_(std::move(name)) {}
  expected<void> append(std::string_view bytes) override {
    auto worked = on_.work();
    auto part = worked ? bytes : bytes.substr(0, bytes.size() / 2);
    if (const auto left = on_.room - std::min(on_.room, on_.taken()); part.size() > left) {
      part = part.substr(0, left);
      worked = weir::error(weir::errc::io, "No space left on device");
    }
    on_.files[name_].bytes += part;
    return worked;
  }
  expected<void> sync(bool) override {
    auto worked = on_.work();
    if (worked)
      on_.files[name_].synced = on_.files[name_].bytes.size();
    return worked;
  }

private:
  disk& on_;
  std::string name_;
};

class memory_folder final : public weir::log_folder {
public:
  explicit memory_folder(disk& on) : on_(on) {}
  expected<std::vector<std::string>> list() override {
    std::vector<std::string> names;
    for (const auto& [name, f] : on_.files)
      names.push_back(name);
    return names;
  }
  expected<std::string> read(const std::string& name) override { return on_.files.at(name).bytes; }
  expected<std::unique_ptr<weir::log_file>> create(const std::string& name) override {
    if (auto worked = on_.work(); !worked)
      return std::move(worked).error();
    REQUIRE(on_.files.emplace(name, disk::file()).second);
    return std::make_unique<memory_file>(on_, name);
  }
  expected<void> truncate(const std::string& name, std::size_t size) override {
    on_.files.at(name).bytes.resize(size);
    on_.files.at(name).synced = size;
    return {};
  }
  expected<void> remove(const std::string& name) override {
    on_.files.erase(name);
    return {};
  }
  expected<void> sync() override {
    auto worked = on_.work();
    if (worked)
      for (auto& [name, f] : on_.files)
        f.listed = true;
    return worked;
  }

private:
  disk& on_;
};

} // namespace weir::test
