// Counts ad impressions per offer in micro-batches, while the load surges to four times what the
// job can do: rate control keeps the delay small, and the topic holds what has to wait.
//
// Where to look: job.cpp is the streaming job, ten lines. surge.cpp runs it under load.
#include <weir/main.hpp>

#include "runs.hpp"

#include <cstdio>

int main(int argc, char** argv) {
  using namespace impressions;
  const auto read = read_settings(argc, argv);
  if (const auto* none = std::get_if<no_run>(&read))
    return none->exit_code;
  const auto& with = std::get<settings>(read);
  terminal shown(with.colour);
  const int code = with.one_batch > 0 ? run_one_batch(with, shown)
                   : with.no_load     ? run_without_load(with, shown)
                                      : run_surge(with, shown);
  if (shown.written())
    return code;
  std::fputs("impressions: standard output could not be written\n", stderr);
  return weir::exit_code::failed;
}
