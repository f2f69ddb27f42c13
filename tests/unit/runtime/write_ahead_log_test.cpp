// The write-ahead log: what a crash, a damaged byte and a full disk leave of it.
#include <weir/runtime/codec.hpp>
#include <weir/runtime/write_ahead_log.hpp>

#include <catch2/catch.hpp>
#include <tests/support/memory_disk.hpp>
#include <tests/support/properties.hpp>

#include <filesystem>
#include <random>

#include <unistd.h>

using weir::expected;
using weir::logged_records;
using weir::write_ahead_log;
using weir::test::disk;
using weir::test::memory_folder;

namespace {

expected<write_ahead_log> open(disk& on, std::size_t segment_bytes = 200) {
  return write_ahead_log::open(std::make_unique<memory_folder>(on), "numbers/0",
                               {.segment_bytes = segment_bytes});
}

/// A group of `count` records that are told apart by their position.
logged_records group(std::int64_t first, std::uint32_t count) {
  logged_records made{.first = first, .count = count, .origin = {"wire", first + count - 1}};
  for (std::uint32_t i = 0; i < count; ++i)
    weir::codec<std::int64_t>::encode((first + i) * 1'000'003, made.bytes);
  return made;
}

std::vector<std::int64_t> positions(const std::vector<logged_records>& groups) {
  std::vector<std::int64_t> all;
  for (const auto& g : groups) {
    RC_ASSERT(g == group(g.first, g.count));
    for (std::uint32_t i = 0; i < g.count; ++i)
      all.push_back(g.first + i);
  }
  return all;
}

} // namespace

SCENARIO("a log gives back what was synced, and nothing that is complete", "[runtime][wal]") {
  disk on;
  {
    auto log = *open(on);
    REQUIRE(log.append(group(0, 3)));
    REQUIRE(log.append(group(3, 2)));
    CHECK(*log.sync() == 5);
    log.complete(3);
    REQUIRE(log.append(group(5, 1)));
    CHECK(*log.sync() == 6);
    CHECK(log.dirty()); // nothing says yet that the last group is durable
    CHECK(*log.sync() == 6);
    CHECK_FALSE(log.dirty());
  }
  auto log = *open(on);
  const auto found = log.take_recovery();
  CHECK(found.records == std::vector{group(3, 2), group(5, 1)});
  CHECK(found.next == 6);
  CHECK(found.complete == 3);
  CHECK(found.origins.at("wire") == 5);
  CHECK(found.torn_bytes == 0);
  CHECK_FALSE(log.dirty());
}

SCENARIO("segments are deleted once they are complete, and their origins stay known",
         "[runtime][wal]") {
  disk on;
  auto log = *open(on);
  for (std::int64_t n = 0; n < 20; ++n) {
    REQUIRE(log.append(group(n, 1)));
    REQUIRE(log.sync());
  }
  CHECK(log.segments() > 5);
  log.complete(20);
  REQUIRE(log.sync());
  CHECK(log.segments() == 1);
  CHECK(on.files.size() == 2); // and the reserve
  const auto found = open(on)->take_recovery();
  CHECK(found.records.empty());
  CHECK(found.next == 20);
  CHECK(found.origins.at("wire") == 19);
}

SCENARIO("a log of another stream or version is refused, and a frame has a longest size",
         "[runtime][wal]") {
  disk on;
  {
    auto log = *open(on);
    REQUIRE(log.append(group(0, 1)));
    REQUIRE(log.sync());
    CHECK(
        log.append({.first = 1, .count = 1, .bytes = std::string(17 << 20, 'x')}).error().code() ==
        weir::errc::invalid_config);
  }
  const auto other = write_ahead_log::open(std::make_unique<memory_folder>(on), "letters/0");
  REQUIRE_FALSE(other);
  CHECK_THAT(other.error().message(),
             Catch::Contains("belongs to the stream 'numbers/0', not to 'letters/0'"));
}

SCENARIO("damage to durable records is refused with segment and byte", "[runtime][wal]") {
  disk on;
  {
    auto log = *open(on, 10'000);
    REQUIRE(log.append(group(0, 1)));
    REQUIRE(log.sync());
    REQUIRE(log.append(group(1, 1)));
    REQUIRE(log.sync());
  }
  auto& bytes = on.files.begin()->second.bytes;
  const auto whole = bytes;
  bytes[110] ^= 1;
  const auto refused = open(on);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code() == weir::errc::decode);
  CHECK_THAT(refused.error().message(),
             Catch::Contains("damaged in segment 00000000000000000001.wal at byte "));
  bytes = whole;
  bytes.back() ^=
      1; // no frame says that the last group was durable, but a crash does no such thing
  CHECK_THAT(open(on).error().message(), Catch::Contains("neither whole nor cut off"));
  bytes = whole.substr(0, whole.size() - 1); // this it does
  const auto found = open(on)->take_recovery();
  CHECK(found.records == std::vector{group(0, 1)});
  CHECK(found.torn_bytes > 0);
  CHECK_THAT(found.torn_at, Catch::Contains("segment 00000000000000000001.wal at byte "));
}

SCENARIO("a flipped bit anywhere loses no record in silence", "[runtime][wal]") {
  const std::size_t segment_bytes = GENERATE(200U, 10'000U);
  const bool stated = GENERATE(false, true); // that the last group is durable
  disk whole;
  {
    auto log = *open(whole, segment_bytes);
    for (std::int64_t n = 0; n < 12; n += 3) {
      REQUIRE(log.append(group(n, 1)));
      REQUIRE(log.append(group(n + 1, 2)));
      REQUIRE(log.sync());
    }
    if (stated)
      REQUIRE(log.sync());
  }
  for (const auto& [name, file] : whole.files)
    for (std::size_t bit = 0; name != "reserve" && bit < file.bytes.size() * 8; ++bit) {
      disk on;
      for (const auto& [other, kept] : whole.files)
        on.files[other].bytes = kept.bytes;
      on.files[name].bytes[bit / 8] ^= static_cast<char>(1 << bit % 8);
      auto opened = open(on, segment_bytes);
      INFO(name << ", byte " << bit / 8 << ", bit " << bit % 8);
      if (opened) {
        const auto found = opened->take_recovery();
        REQUIRE((found.next == 12 || !found.torn_at.empty()));
        CHECK(found.next == 12); // and here it is always right or refused
      } else {
        REQUIRE(opened.error().to_string().contains(name));
        REQUIRE((opened.error().code() == weir::errc::decode ||
                 opened.error().code() == weir::errc::invalid_config));
      }
    }
}

SCENARIO("a log that is cut anywhere in its last group says where and how much", "[runtime][wal]") {
  disk whole;
  std::size_t first = 0;
  {
    auto log = *open(whole, 10'000);
    REQUIRE(log.append(group(0, 3)));
    REQUIRE(log.sync());
    first = whole.files.begin()->second.bytes.size();
    REQUIRE(log.append(group(3, 3)));
    REQUIRE(log.append(group(6, 3)));
    REQUIRE(log.sync());
  }
  const auto& bytes = whole.files.begin()->second.bytes;
  for (auto size = first + 1; size < bytes.size(); ++size) {
    disk on;
    on.files[whole.files.begin()->first].bytes = bytes.substr(0, size);
    const auto found = open(on, 10'000)->take_recovery();
    INFO("cut to " << size << " of " << bytes.size() << " bytes");
    const auto kept = on.files[whole.files.begin()->first].bytes.size();
    CHECK(found.next >= 3);
    CHECK(found.torn_bytes == size - kept);
    CHECK(found.torn_at ==
          (size == kept ? ""
                        : fmt::format("segment {} at byte {}", whole.files.begin()->first, kept)));
  }
}

SCENARIO("a full volume is emptied of what is in complete batches", "[runtime][wal]") {
  const std::size_t segment_bytes = GENERATE(1'000U, 1'000'000U);
  const bool restarts = GENERATE(false, true);
  disk on;
  auto log = std::make_unique<write_ahead_log>(*open(on, segment_bytes));
  on.room = on.taken() + 20'000;
  std::int64_t next = 0;
  std::int64_t durable = 0;
  for (int fillings = 0; fillings < 5; ++fillings) {
    expected<std::int64_t> synced = durable;
    while (synced) {
      durable = *synced;
      REQUIRE(log->append(group(next, 5)));
      next += 5;
      synced = log->sync();
    }
    CHECK(synced.error().code() == weir::errc::io);
    CHECK(durable > 500 * fillings);
    if (restarts) {
      log.reset();
      log = std::make_unique<write_ahead_log>(*open(on, segment_bytes));
      const auto found = log->take_recovery();
      CHECK(found.next == durable);
      CHECK(found.origins.at("wire") == durable - 1);
      next = durable;
      REQUIRE(log->append(group(next, 5)));
      next += 5;
    }
    CHECK_FALSE(log->sync()); // as long as no batch is complete
    log->complete(durable);
    synced = log->sync();
    REQUIRE(synced);
    CHECK(*synced == next);
    durable = *synced;
    CHECK(on.files.contains("reserve"));
  }
  log = nullptr;
  on.room = SIZE_MAX;
  const auto found = open(on, segment_bytes)->take_recovery();
  CHECK(found.next == durable);
  CHECK(positions(found.records).back() == durable - 1);
  CHECK(found.origins.at("wire") == durable - 1);
}

TEST_CASE("after any cut or flipped bit a log gives a prefix or is refused",
          "[runtime][wal][property]") {
  weir::test::holds_for(2000, [](std::vector<std::vector<std::uint8_t>> groups, bool cut,
                                 std::uint32_t place, std::uint8_t bit, bool completes) {
    groups.resize(std::min<std::size_t>(groups.size(), 8));
    disk on;
    std::int64_t next = 0;
    std::int64_t stated = 0; // what the first frame of the last group says is durable
    std::int64_t complete = 0;
    {
      auto log = *open(on);
      for (auto& sizes : groups) {
        sizes.resize(std::min<std::size_t>(sizes.size(), 4));
        stated = next;
        for (const auto size : sizes) {
          RC_ASSERT(log.append(group(next, 1u + size % 5)));
          next += 1 + size % 5;
        }
        if (completes) {
          complete = std::max<std::int64_t>(complete, stated - 3);
          log.complete(complete);
        }
        RC_ASSERT(log.sync());
      }
    }
    RC_PRE(on.files.size() > 1);
    std::size_t at = place;
    if (cut) {
      on.files.erase("reserve"); // the last by name
      auto& last = on.files.rbegin()->second.bytes;
      last.resize(at % (last.size() + 1));
    } else {
      on.files.erase("reserve"); // the last by name
      auto file = std::next(on.files.begin(), static_cast<std::ptrdiff_t>(at % on.files.size()));
      auto& bytes = file->second.bytes;
      bytes[at / on.files.size() % bytes.size()] ^= static_cast<char>(1 << bit % 8);
    }
    auto opened = open(on);
    if (!opened) {
      RC_ASSERT(!cut);
      RC_ASSERT(opened.error().code() == weir::errc::decode ||
                opened.error().code() == weir::errc::invalid_config);
      return;
    }
    const auto found = opened->take_recovery();
    const auto kept = positions(found.records);
    for (std::size_t i = 1; i < kept.size(); ++i)
      RC_ASSERT(kept[i] == kept[i - 1] + 1);
    RC_ASSERT(found.next <= next);
    if (!cut)
      RC_ASSERT(found.next >= stated);
    if (!kept.empty()) {
      RC_ASSERT(kept.back() + 1 == found.next);
      RC_ASSERT(kept.front() <= std::max(complete, found.complete));
    } else {
      RC_ASSERT(found.next <= std::max(complete, found.complete));
    }
  });
}

TEST_CASE("what was acknowledged survives crashes and full disks", "[runtime][wal][property]") {
  weir::test::holds_for(2000, [](std::vector<std::uint8_t> acts, std::uint32_t seed) {
    std::mt19937 chance(seed);
    disk on;
    auto log = std::make_unique<write_ahead_log>(*open(on));
    std::int64_t next = 0;         // logged, in this life of the process
    std::int64_t acknowledged = 0; // by a sync
    std::int64_t complete = 0;
    for (const auto act : acts) {
      switch (act % 8) {
      case 0:
      case 1:
      case 2: {
        const auto count = 1 + act / 8 % 5;
        RC_ASSERT(log->append(group(next, static_cast<std::uint32_t>(count))));
        next += count;
        break;
      }
      case 3:
      case 4:
        if (const auto durable = log->sync())
          acknowledged = *durable;
        break;
      case 5:
        on.fail_in = act / 8 % 6;
        break;
      case 6:
        on.fail_in = -1;
        complete = std::max(complete, acknowledged - act / 8);
        log->complete(complete);
        break;
      case 7: {
        log.reset();
        on.crash(chance);
        auto opened = open(on);
        if (!opened)
          RC_FAIL(opened.error().to_string());
        log = std::make_unique<write_ahead_log>(std::move(*opened));
        const auto found = log->take_recovery();
        const auto kept = positions(found.records);
        for (std::size_t i = 1; i < kept.size(); ++i)
          RC_ASSERT(kept[i] == kept[i - 1] + 1);
        RC_ASSERT(found.next >= acknowledged);
        RC_ASSERT(found.next <= next);
        RC_ASSERT(found.complete <= complete);
        if (!kept.empty()) {
          RC_ASSERT(kept.front() <= complete);
          RC_ASSERT(kept.back() + 1 == found.next);
        } else {
          RC_ASSERT(found.next <= complete);
        }
        next = acknowledged = found.next; // what is found is durable now
        break;
      }
      }
    }
  });
}

SCENARIO("a folder of the file system keeps a log and one owner", "[runtime][wal]") {
  const auto path =
      std::filesystem::temp_directory_path() / ("weir-wal-" + std::to_string(::getpid()));
  std::filesystem::remove_all(path);
  {
    auto log = *write_ahead_log::open(*weir::open_log_folder(path), "s");
    REQUIRE(log.append(group(0, 3)));
    CHECK(*log.sync() == 3);
    CHECK(weir::open_log_folder(path).error().code() == weir::errc::invalid_state);
  }
  auto again = *write_ahead_log::open(*weir::open_log_folder(path), "s");
  CHECK(again.take_recovery().records == std::vector{group(0, 3)});
  std::filesystem::remove_all(path);
}
