// The check of a path that a user gives. Used by connectors and actions that write or read files.
#pragma once

#include <weir/runtime/error.hpp>
#include <weir/runtime/expected.hpp>

#include <string>
#include <string_view>

namespace weir {

/// @param what the path is for, with the name of the call or option.
/// @returns errc::invalid_config for one that the system would cut at a NUL byte.
[[nodiscard]] inline expected<void> check_path(std::string_view what, std::string_view path) {
  if (const auto at = path.find('\0'); at != path.npos)
    return error(errc::invalid_config, std::string(what) + " has a NUL byte at " +
                                           std::to_string(at) +
                                           ", where the system would cut it off (\"" +
                                           std::string(path.substr(0, at)) + "\"); remove it");
  return {};
}

} // namespace weir
