// What a watermark closes is found by time, and nothing is lost or found twice when times change.
#include <weir/operators/event_time/detail/due_keys.hpp>

#include <catch2/catch.hpp>

#include <algorithm>
#include <string>
#include <vector>

namespace {

using weir::event_time;

event_time at(int ms) { return event_time(std::chrono::milliseconds(ms)); }

struct times {
  std::vector<int> all; // in order
  event_time due = event_time::max();

  [[nodiscard]] event_time first_due() const {
    return all.empty() ? event_time::max() : at(all.front());
  }
};

struct fixture {
  weir::detail::key_table<std::string, times> table;
  weir::detail::due_keys<std::string, times> due;

  void add(const std::string& key, int time) {
    auto& value = *table.find_or_make(key, [] { return times(); }).first;
    value.all.insert(std::lower_bound(value.all.begin(), value.all.end(), time), time);
    due.note(key, value);
  }
  std::vector<std::string> taken(int mark) {
    due.take(table, at(mark));
    std::vector<std::string> keys;
    for (const auto& entry : due.taken())
      keys.push_back(entry->first);
    std::sort(keys.begin(), keys.end());
    return keys;
  }
  void close(int mark) {
    due.settle(table, [&](times& value) {
      std::erase_if(value.all, [&](int time) { return time <= mark; });
      return !value.all.empty();
    });
  }
  void put_back() {
    due.settle(table, [](const times&) { return true; });
  }
};

using keys = std::vector<std::string>;

} // namespace

SCENARIO("keys come up when their first thing is due, once, and go with their last",
         "[operators][event_time][due_keys]") {
  fixture all;
  all.add("a", 10);
  all.add("a", 20);
  all.add("a", 5); // earlier: the index has it twice
  all.add("b", 10);
  CHECK(all.taken(4).empty());
  CHECK(all.taken(10) == keys{"a", "b"});
  CHECK(all.taken(10) == keys{"a", "b"}); // asking again adds none
  all.put_back();
  CHECK(all.taken(10) == keys{"a", "b"});
  all.close(10);
  CHECK(all.table.size() == 1);
  CHECK(all.taken(19).empty());
  CHECK(all.taken(20) == keys{"a"});
  all.close(20);
  CHECK(all.table.empty());
  CHECK(all.due.taken().empty());
}

SCENARIO("keys that came later, or are gone, are not due", "[operators][event_time][due_keys]") {
  fixture all;
  all.add("a", 10);
  all.add("gone", 10);
  all.table.find("a")->second.all = {30};
  all.table.erase(all.table.find("gone"));
  CHECK(all.taken(29).empty());
  CHECK(all.taken(30) == keys{"a"});
}

SCENARIO("what is stale in the index is bounded", "[operators][event_time][due_keys]") {
  fixture all;
  all.add("a", 1'000'000);
  for (int time = 999'999; time > 900'000; --time) {
    all.table.find("a")->second.all = {time};
    all.add("a", time);
    all.put_back();
  }
  CHECK(all.due.bytes() < 1'000'000);
  CHECK(all.taken(900'001) == keys{"a"});
}
