// Tests of a job, by weir::testing: no clock, network or thread decides what happens. Here without
// a test framework; inside one, each function is a test case.
//
//   testing_a_job        ends with 0 when the job does what it should
#include "../usage.hpp"
#include "job.hpp"

#include <weir/runtime/testing/test_job.hpp>

#include <cstdio>

using namespace weir::testing;

namespace {

void services_fail_and_recover(run_mode how) {
  test_job job(how);
  const auto requests = job.input<request>(2); // two partitions, as of a topic
  const auto failing = job.output(failing_services(requests.stream()), "failing");

  requests.add({{"shop", 500}, {"shop", 502}, {"login", 500}}, 0);
  requests.add({{"shop", 200}, {"login", 503}}, 1);
  job.step();
  failing.expect_no_batch(); // a result every 2 s only
  requests.add({{"shop", 500}});
  job.step();
  failing.expect({{"shop", 3}});
  job.step();
  job.step();
  failing.expect({{"shop", 3}}); // still within 4 s
  job.step();
  job.step();
  failing.expect({});
}

void a_batch_that_is_read_again_counts_once(run_mode how) {
  test_job job(how);
  const auto requests = job.input<request>();
  const auto failing = job.output(failing_services(requests.stream()), "failing");

  requests.add({{"shop", 500}, {"shop", 500}, {"shop", 500}});
  job.step();
  requests.add({{"shop", 500}});
  job.step_undone(); // e.g. Kafka gave the partitions to somebody else and back
  job.step();
  failing.expect({{"shop", 3}}); // up to second 2
  job.step();
  failing.expect({{"shop", 4}});
}

} // namespace

int main(int argc, char** argv) {
  if (const auto end = usage(argc, argv, "testing_a_job"))
    return *end;
  try {
    in_every_mode(services_fail_and_recover);
    in_every_mode(a_batch_that_is_read_again_counts_once);
  } catch (const unexpected& failure) {
    std::fprintf(stderr, "%s\n", failure.what());
    return 1;
  }
  std::puts("the job does what it should");
  return 0;
}
