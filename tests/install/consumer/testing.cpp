// A test of somebody else's program, with weir's test kit.
#include <weir/runtime/testing/test_job.hpp>

#include <iostream>

using namespace weir::testing;

int main() {
  try {
    in_every_mode([](run_mode how) {
      test_job job(how);
      const auto in = job.input<int>(2);
      const auto out = job.output(in.stream().filter([](int n) { return n % 2 == 0; }));
      in.add_partitions({{1, 2, 3}, {4}});
      job.step();
      out.expect({2, 4});
    });
  } catch (const unexpected& failure) {
    std::cerr << failure.what() << '\n';
    return 1;
  }
}
