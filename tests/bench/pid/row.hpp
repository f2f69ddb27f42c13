// One line of the bench's result.
#pragma once

#include <cstdint>
#include <string>

namespace pid {

/// A measurement against its bound.
struct row {
  std::string name;
  double ratio = 0; ///< At most 1 when what is promised holds.
  double weir = 0;  ///< The figure behind it.
  double baseline = 0;
  std::string unit;
  std::uint64_t runs = 1;
  double spread = 0; ///< Of `weir` over the runs, over its median.
  std::string details;
};

} // namespace pid
