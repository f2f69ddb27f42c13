// Which worker gets which job. A timeout passes nowhere here but in what waits for it to pass.
#include <weir/actors/home_queues.hpp>

#include <catch2/catch.hpp>

#include <algorithm>
#include <atomic>
#include <numeric>
#include <thread>
#include <vector>

using weir::actors::home_queues;

SCENARIO("a worker takes its own jobs, in order", "[actors][home_queues]") {
  home_queues<int> queues;
  int jobs[] = {0, 1, 2, 3};
  for (auto& job : jobs)
    queues.put(static_cast<std::size_t>(job % 2), &job);
  CHECK(queues.take(1) == &jobs[1]);
  CHECK(queues.take(0) == &jobs[0]);
  CHECK(queues.take(0) == &jobs[2]);
  CHECK(queues.take(1) == &jobs[3]);
  CHECK_FALSE(queues.try_take(0));
}

SCENARIO("a worker without jobs of its own helps the one with the most", "[actors][home_queues]") {
  home_queues<int> queues;
  int one = 0, first = 0, second = 0;
  queues.put(0, &one);
  queues.put(1, &first);
  queues.put(1, &second);
  CHECK(queues.take(2) == &first);
  CHECK(queues.take(2) == &one); // equally many: the first worker's
  CHECK(queues.take(2) == &second);
}

SCENARIO("a worker prefers a job of its own to helping", "[actors][home_queues]") {
  home_queues<int> queues;
  int own = 0, other = 0;
  queues.put(0, &other);
  queues.put(1, &own);
  CHECK(queues.take(1) == &own);
  CHECK(queues.take(1) == &other); // after its patience
}

SCENARIO("no job is lost or taken twice while workers wait, help and are woken",
         "[actors][home_queues]") {
  constexpr std::size_t workers = 3, count = 20'000;
  home_queues<std::size_t> queues;
  std::vector<std::size_t> jobs(count);
  std::iota(jobs.begin(), jobs.end(), std::size_t{0});
  std::vector<std::atomic<int>> taken(count);
  std::atomic<std::size_t> done{0};
  std::size_t no_more = count;
  {
    std::vector<std::jthread> threads;
    for (std::size_t w = 0; w < workers; ++w)
      threads.emplace_back([&, w] {
        for (auto job = *queues.take(w); job != count; job = *queues.take(w)) {
          ++taken[job];
          if (job % 2 == 0) // as a replica that hands the next one a block
            queues.put(job % workers, &jobs[job + 1]);
          if (++done == count)
            for (std::size_t each = 0; each < workers; ++each)
              queues.put(each, &no_more);
        }
      });
    for (std::size_t i = 0; i < count; i += 2) // most of them have one home
      queues.put(i % 7 == 0 ? i % workers : 0, &jobs[i]);
  }
  CHECK(std::ranges::all_of(taken, [](const auto& times) { return times == 1; }));
}
