#include <weir/runtime/internal/guarded.hpp>

#include <fmt/format.h>

#include <exception>
#include <new>

namespace weir {

error thrown_by(std::string_view who, errc otherwise) {
  try {
    throw;
  } catch (const std::bad_alloc& thrown) {
    return {errc::out_of_budget, fmt::format("'{}' was refused memory: {}", who, thrown.what())};
  } catch (const std::exception& thrown) {
    return {otherwise, fmt::format("'{}' threw: {}", who, thrown.what())};
  } catch (...) {
    return {otherwise, fmt::format("'{}' threw an exception that is no std::exception", who)};
  }
}

} // namespace weir
