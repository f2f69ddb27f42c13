// Single plants with a promise each. Next: family.hpp.
#pragma once

#include "row.hpp"

#include <functional>
#include <string_view>
#include <vector>

namespace pid {

/// Runs those whose name is wanted.
std::vector<row> judge_cases(const std::function<bool(std::string_view)>& wanted);

} // namespace pid
