// A job under load that stalls every 12 s. Next: main.cpp.
#pragma once

#include "policies.hpp"
#include "row.hpp"

namespace pid {

/// 500 ms batches, 6 partitions, 6,000 records/s offered, 25,000/s possible, a stall of 2 s every
/// 12 s; the worst of 20 seeds at each of several kinds and sizes of noise.
row judge_stalls(policy_maker make, std::uint64_t first_seed);

} // namespace pid
