// Blocks, builders and memory ends of the records that most tests use: compiled once, in
// common_types.cpp, for all test programs. Part of the precompiled header.
#pragma once

#include <weir/operators/detail/target_blocks.hpp>
#include <weir/runtime/testing/test_job.hpp>
#include <weir/weir.hpp>

#include <cstdint>
#include <string>
#include <utility>

namespace weir::test {

using word_count_record = std::pair<std::string, std::int64_t>;
using word_number_record = std::pair<std::string, int>;
using number_pair_record = std::pair<int, int>;
using number_count_record = std::pair<int, std::int64_t>;
} // namespace weir::test

/// `X(record type)` for each; a type with a comma has a name of its own above.
#define WEIR_TEST_COMMON_RECORDS(X)                                                                \
  X(int)                                                                                           \
  X(std::int64_t)                                                                                  \
  X(std::string)                                                                                   \
  X(weir::test::word_count_record)                                                                 \
  X(weir::test::word_number_record)                                                                \
  X(weir::test::number_pair_record)                                                                \
  X(weir::test::number_count_record)

#define WEIR_TEST_PARTS_OF(how, T)                                                                 \
  how template class weir::block<T>;                                                               \
  how template class weir::block_pool<T>;                                                          \
  how template class weir::block_builder<T>;                                                       \
  how template class weir::detail::target_blocks<T>;                                               \
  how template class weir::detail::forward_tail<T, false>;                                         \
  how template class weir::detail::sink_stage<T>;                                                  \
  how template class weir::memory_log<T>;                                                          \
  how template class weir::memory_table<T>;                                                        \
  how template class weir::detail::memory_receiver<T>;                                             \
  how template class weir::detail::memory_source<T>;                                               \
  how template class weir::detail::memory_sink<T>;                                                 \
  how template class weir::testing::detail::test_source<T>;                                        \
  how template class weir::testing::detail::test_sink<T>;                                          \
  how template class weir::testing::detail::gate_sink<T>;                                          \
  how template class weir::testing::test_output<T>;                                                \
  how template weir::testing::test_input<T> weir::testing::test_job::input(                        \
      std::uint32_t, std::string, std::source_location);

#define WEIR_TEST_DECLARED(T) WEIR_TEST_PARTS_OF(extern, T)
WEIR_TEST_COMMON_RECORDS(WEIR_TEST_DECLARED)
#undef WEIR_TEST_DECLARED
