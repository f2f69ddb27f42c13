#include <weir/connectors/kafka/internal/log_evidence.hpp>

#include <catch2/catch.hpp>

#include <random>

using namespace weir::kafka;

namespace {

const log_evidence::place here{"t", 0};

witness at(std::int64_t offset, std::int64_t timestamp = 1'000, std::size_t bytes = 10) {
  return {.offset = offset, .timestamp = timestamp, .bytes = bytes};
}

} // namespace

TEST_CASE("a log is known again by the last record read", "[connectors][kafka][anew]") {
  const log_memory known{.low = 0, .end = 100, .record = at(60)};
  using enum log_verdict;
  CHECK(judge(known, {.low = 0, .end = 120, .record = at(60)}) == same);
  CHECK(judge(known, {.low = 60, .end = 120, .record = at(60)}) == same);
  CHECK(judge(known, {.low = 0, .end = 120, .record = at(60, 1'001)}) == other);
  CHECK(judge(known, {.low = 0, .end = 120, .record = at(60, 1'000, 11)}) == other);
  CHECK(judge(known, {.low = 0, .end = 120, .record = at(60, -1)}) == other);
  CHECK(judge(known, {.low = 0, .end = 60}) == shorter); // it is not there
  CHECK(judge(known, {.low = 0, .end = 0}) == shorter);
  // The record outweighs marks: a new leader may lag, and may have deleted less.
  CHECK(judge(known, {.low = 0, .end = 90, .record = at(60)}) == same);
  auto unknown = known;
  unknown.was_unknown = true;
  CHECK(judge(unknown, {.low = 0, .end = 120, .record = at(60)}) == same);
  CHECK(judge(unknown, {.low = 0, .end = 120, .record = at(60, 2'000)}) == other);
}

TEST_CASE("where the record cannot be read again the marks tell", "[connectors][kafka][anew]") {
  using enum log_verdict;
  for (const bool read : {false, true}) {
    log_memory known{.low = 50, .end = 100};
    if (read)
      known.record = at(60);
    CAPTURE(read);
    CHECK(judge(known, {.low = 70, .end = 120}) == same);                     // deleted in time
    CHECK(judge(known, {.low = 50, .end = 120, .record = at(61)}) == same);   // compacted away
    CHECK(judge(known, {.low = 0, .end = 120, .record = at(61)}) == shorter); // the low mark fell
    CHECK(judge(known, {.low = 70, .end = 99}) == shorter);                   // the end fell
    known.was_unknown = true;
    CHECK(judge(known, {.low = 70, .end = 120}) == other);
  }
}

TEST_CASE("what is read in doubt is no witness before the doubt is dealt with",
          "[connectors][kafka][anew]") {
  log_evidence evidence;
  CHECK_FALSE(evidence.find(here));
  CHECK(evidence.trusts(here)); // nothing is known that could be wrong
  evidence.begin(here, {.end = 10}, evidence.doubts());
  CHECK(evidence.trusts(here));
  CHECK(evidence.knows_topic("t"));
  CHECK_FALSE(evidence.knows_topic("s"));
  evidence.read("t", 0, at(3));
  CHECK(evidence.find(here)->record == at(3));
  evidence.raise_doubt();
  CHECK_FALSE(evidence.trusts(here));
  evidence.read("t", 0, at(7));
  CHECK(evidence.find(here)->record == at(3));
  const auto doubts = evidence.doubts();
  evidence.raise_doubt(); // while it is looked at
  evidence.confirm(here, {.low = 0, .end = 12}, doubts);
  CHECK_FALSE(evidence.trusts(here));
  CHECK(evidence.find(here)->record == at(7));
  CHECK(evidence.find(here)->end == 12);
  evidence.read("t", 0, at(8));
  CHECK(evidence.find(here)->record == at(7));
  evidence.confirm(here, {.low = 0, .end = 12}, evidence.doubts());
  CHECK(evidence.trusts(here));
  CHECK(evidence.find(here)->record == at(8));
}

TEST_CASE("a topic that was unknown stays so until it is known again",
          "[connectors][kafka][anew]") {
  log_evidence evidence;
  evidence.begin(here, {.end = 10}, evidence.doubts());
  evidence.saw_unknown(here);
  CHECK_FALSE(evidence.trusts(here));
  CHECK(evidence.find(here)->was_unknown);
  evidence.saw_end(here, 5);
  CHECK(evidence.find(here)->end == 10);
  evidence.confirm(here, {.low = 0, .end = 10}, evidence.doubts());
  CHECK_FALSE(evidence.find(here)->was_unknown);
  evidence.begin(here, {.end = 2}, evidence.doubts());
  CHECK(evidence.find(here)->end == 2);
}

// Random lives of a log: read, doubted, replaced, confirmed. A replaced log whose records differ is
// never taken for the same one, whatever was read in doubt.
TEST_CASE("a topic that stays away casts doubt on the others once", "[connectors][kafka][anew]") {
  const log_evidence::place gone("gone", 0);
  log_evidence evidence;
  evidence.begin(here, {.end = 7}, evidence.doubts());
  evidence.begin(gone, {.end = 7}, evidence.doubts());
  for (int look = 0; look < 5; ++look) {
    const auto doubts = evidence.doubts();
    evidence.saw_unknown(gone);
    if (!evidence.trusts(here))
      evidence.confirm(here, {.end = 7}, doubts);
    CHECK(evidence.trusts(here) == (look > 0)); // of what was said after it was looked at
    CHECK_FALSE(evidence.trusts(gone));
  }
  evidence.confirm(gone, {.end = 7}, evidence.doubts());
  CHECK(evidence.trusts(gone));
  const auto doubts = evidence.doubts();
  evidence.saw_unknown(gone); // once more
  CHECK(evidence.doubts() == doubts + 1);
}

TEST_CASE("records of another log never become witnesses of the one before",
          "[connectors][kafka][anew]") {
  for (std::uint32_t seed = 1; seed <= 300; ++seed) {
    CAPTURE(seed);
    std::mt19937 random(seed);
    const auto below = [&](std::uint32_t n) { return static_cast<std::int64_t>(random() % n); };
    log_evidence evidence;
    std::int64_t life = 0; // timestamps of a log's records
    std::int64_t next = 0;
    std::int64_t end = 0;
    bool replaced = false;
    evidence.begin(here, {}, evidence.doubts());
    for (int step = 0; step < 60; ++step) {
      switch (below(6)) {
      case 0:
      case 1:
        end += 1 + below(5);
        evidence.saw_end(here, end);
        break;
      case 2:
        if (next < end) {
          next += 1 + below(static_cast<std::uint32_t>(end - next));
          evidence.read("t", 0, at(next - 1, life));
        }
        break;
      case 3:
        evidence.raise_doubt();
        break;
      case 4:
        if (!replaced && next > 0) { // something always happens before another log can be read
          evidence.raise_doubt();
          replaced = true;
          ++life;
          end = next + below(5);
        }
        break;
      default: {
        const auto doubts = evidence.doubts();
        const auto known = *evidence.find(here);
        log_sight now{.low = 0, .end = end};
        if (known.record && known.record->offset < end)
          now.record = at(known.record->offset, life);
        if (evidence.trusts(here))
          break;
        const auto verdict = judge(known, now);
        if (replaced && known.record) {
          REQUIRE(verdict != log_verdict::same);
          evidence.begin(here, {.end = end}, doubts);
          next = 0;
          replaced = false;
        } else if (!replaced) {
          REQUIRE(verdict == log_verdict::same);
          evidence.confirm(here, now, doubts);
        }
        break;
      }
      }
    }
  }
}
