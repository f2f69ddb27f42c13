// A process that logs what it receives is killed at any moment, again and again: what it has
// acknowledged comes out.
#include <catch2/catch.hpp>
#include <fmt/format.h>
#include <tests/support/child_process.hpp>
#include <tests/support/scratch_directory.hpp>

#include <chrono>
#include <fstream>
#include <map>
#include <random>
#include <thread>

using namespace std::chrono_literals;

namespace {

std::vector<int> numbers_in(const std::string& path) {
  std::vector<int> found;
  std::ifstream in(path);
  for (int n = 0; in >> n;)
    found.push_back(n);
  return found;
}

} // namespace

SCENARIO("what was acknowledged survives kill -9, and what is sent again is taken once", "[wal]") {
  const weir::test::scratch_directory dir;
  constexpr int last = 60'000;
  const std::vector<std::string> words = {dir.text(), std::to_string(last)};
  std::mt19937 chance(7);
  int lives = 0;
  for (; lives < 12; ++lives) {
    weir::test::child_process one(WEIR_LOG_WORKER, words);
    std::this_thread::sleep_for(std::chrono::milliseconds(50 + chance() % 200));
    if (one.end(SIGKILL) != -SIGKILL) // it was faster
      break;
  }
  CHECK(lives > 3);
  weir::test::child_process rest(WEIR_LOG_WORKER, words);
  REQUIRE(rest.wait(60s) == 0);

  std::map<int, int> times;
  for (const int n : numbers_in(dir.text() + "/out"))
    ++times[n];
  const auto doubled =
      std::count_if(times.begin(), times.end(), [](const auto& entry) { return entry.second > 1; });
  WARN(fmt::format("{} kills, {} numbers, {} of them doubled", lives, times.size(), doubled));
  CHECK(times.size() == last);
  CHECK(times.begin()->first == 1);
  CHECK(times.rbegin()->first == last);
  // Only a batch that was complete shortly before a kill, which the log did not know yet, comes
  // twice: some hundred milliseconds' worth each.
  CHECK(doubled < last / 2);
}
