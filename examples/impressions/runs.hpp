// The three things the program can do. Each returns its exit code. Next: surge.cpp.
#pragma once

#include "settings.hpp"
#include "terminal.hpp"

namespace impressions {

/// Steady load, a surge, steady load; the verdict says whether rate control held.
int run_surge(const settings& with, terminal& shown);

/// Counts what is in the topic until a signal comes.
int run_without_load(const settings& with, terminal& shown);

/// Counts many records in one batch and compares the time.
int run_one_batch(const settings& with, terminal& shown);

} // namespace impressions
