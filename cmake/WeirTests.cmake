# Functions that define tests, benchmarks and fuzz targets.

# What a sanitizer build runs, and the benchmarks, each by one name.
foreach(group IN ITEMS unit_tests fuzz_tests benchmarks)
  add_custom_target(${group})
endforeach()

if(WEIR_BUILD_TESTS)
  find_package(Catch2 REQUIRED)
  find_package(rapidcheck REQUIRED)
  include(Catch)
  if(Catch2_VERSION VERSION_LESS 3)
    set(weir_catch_header <catch2/catch.hpp>)
  else()
    set(weir_catch_header <catch2/catch_all.hpp>)
  endif()

  # Catch2, weir and its test kit are expensive to parse and tests have many translation units: they
  # share one precompiled header. Without -fpch-preprocess ccache would not see what such a header
  # contains. Operators are templates, so tests instantiate far more of them than any program: in a
  # release build at -O1, without line numbers and without the hardening of library functions, which
  # together take half the time of what the libraries, the examples and the benchmarks are built with.
  set(weir_test_options
      $<$<CXX_COMPILER_ID:GNU>:-fpch-preprocess>
      $<$<CXX_COMPILER_ID:Clang>:-Xclang;-fno-pch-timestamp>
      $<$<CONFIG:Release>:-O1 -g0 -U_FORTIFY_SOURCE -fno-stack-protector>)
  file(CONFIGURE OUTPUT "${PROJECT_BINARY_DIR}/tests/pch.cpp" CONTENT "// Owns the precompiled header.\n")
  add_library(weir_test_pch OBJECT "${PROJECT_BINARY_DIR}/tests/pch.cpp")
  target_link_libraries(weir_test_pch PUBLIC weir weir_testing Catch2::Catch2WithMain)
  target_include_directories(weir_test_pch PUBLIC "${PROJECT_SOURCE_DIR}")
  target_compile_options(weir_test_pch PUBLIC ${weir_test_options})
  target_precompile_headers(
    weir_test_pch PRIVATE ${weir_catch_header} <fmt/format.h> <algorithm> <chrono> <concepts>
    <cstdint> <expected> <functional> <memory> <optional> <span> <string> <string_view> <utility>
    <variant> <vector> "${PROJECT_SOURCE_DIR}/tests/support/common_types.hpp")
  set_target_properties(weir_test_pch PROPERTIES CXX_EXTENSIONS OFF)
  weir_set_warnings(weir_test_pch)
  add_library(weir_test_types STATIC "${PROJECT_SOURCE_DIR}/tests/support/common_types.cpp")
  target_link_libraries(weir_test_types PRIVATE weir weir_testing Catch2::Catch2WithMain)
  target_include_directories(weir_test_types PRIVATE "${PROJECT_SOURCE_DIR}")
  target_compile_options(weir_test_types PRIVATE ${weir_test_options})
  target_precompile_headers(weir_test_types REUSE_FROM weir_test_pch)
  set_target_properties(weir_test_types PROPERTIES CXX_EXTENSIONS OFF)
  weir_set_warnings(weir_test_types)
endif()

# weir_add_test(NAME name LABELS labels... SOURCES files... [LIBS libraries...] [TIMEOUT seconds]
#               [SANITIZED])
#
# A Catch2 program; main() is given. Labels: unit, integration, slow. Each test case of a `unit`
# program is a test of ctest (60 s); any other program is one test (300 s), which counts as skipped when it
# exits with 77. Most of these wait for services more than they compute, so they run beside each other;
# those that are `slow` look at rates and have the machine for themselves. Without sources there is no
# test. SANITIZED: expensive to compile, so built once, with assertions and sanitizers, and in a release
# build only with WEIR_BUILD_ALL_TESTS; what it shows has a model or another test there.
function(weir_add_test)
  cmake_parse_arguments(PARSE_ARGV 0 arg "SANITIZED" "NAME;TIMEOUT" "SOURCES;LIBS;LABELS")
  if(NOT arg_SOURCES OR (arg_SANITIZED AND CMAKE_BUILD_TYPE STREQUAL "Release" AND NOT WEIR_BUILD_ALL_TESTS))
    return()
  endif()
  add_executable(${arg_NAME} ${arg_SOURCES})
  target_link_libraries(${arg_NAME} PRIVATE weir_test_types weir_test_support ${arg_LIBS} rapidcheck rapidcheck_catch
                                            Catch2::Catch2WithMain)
  target_compile_options(${arg_NAME} PRIVATE ${weir_test_options})
  target_precompile_headers(${arg_NAME} REUSE_FROM weir_test_pch)
  set_target_properties(${arg_NAME} PROPERTIES CXX_EXTENSIONS OFF)
  weir_set_warnings(${arg_NAME})
  if("unit" IN_LIST arg_LABELS)
    if(NOT arg_TIMEOUT)
      set(arg_TIMEOUT 60)
    endif()
    add_dependencies(unit_tests ${arg_NAME})
    string(REGEX REPLACE "^unit_" "" prefix "${arg_NAME}")
    string(REPLACE "_" "." prefix "${prefix}")
    # Catch2 takes a name that matches nothing for success, unless told to warn.
    catch_discover_tests(
      ${arg_NAME}
      TEST_PREFIX "${prefix}."
      EXTRA_ARGS --warn NoTests
      PROPERTIES LABELS "${arg_LABELS}" TIMEOUT ${arg_TIMEOUT})
  else()
    if(NOT arg_TIMEOUT)
      set(arg_TIMEOUT 300)
    endif()
    add_test(NAME ${arg_NAME} COMMAND ${arg_NAME})
    set_tests_properties(${arg_NAME} PROPERTIES LABELS "${arg_LABELS}" TIMEOUT ${arg_TIMEOUT}
                                                SKIP_RETURN_CODE 77)
    if("slow" IN_LIST arg_LABELS)
      set_tests_properties(${arg_NAME} PROPERTIES RUN_SERIAL ON)
    endif()
  endif()
endfunction()

# weir_add_bench(NAME name SOURCES files... [LIBS libraries...]): a program on Google Benchmark, whose
# main() is given unless a source defines it.
function(weir_add_bench)
  cmake_parse_arguments(PARSE_ARGV 0 arg "" "NAME" "SOURCES;LIBS")
  find_package(benchmark REQUIRED)
  weir_add_program(${arg_NAME} ${arg_SOURCES} LIBS ${arg_LIBS} weir_test_support
                   benchmark::benchmark_main)
endfunction()

# weir_add_fuzz(NAME name SOURCES files... [LIBS libraries...] [CORPUS dir]): a target that defines
# LLVMFuzzerTestOneInput. With Clang it is a fuzzer; elsewhere it replays its corpus and a fixed run of
# random bytes, as a test with the label fuzz.
function(weir_add_fuzz)
  cmake_parse_arguments(PARSE_ARGV 0 arg "" "NAME;CORPUS" "SOURCES;LIBS")
  add_executable(${arg_NAME} ${arg_SOURCES})
  target_link_libraries(${arg_NAME} PRIVATE weir_test_support ${arg_LIBS})
  set_target_properties(${arg_NAME} PROPERTIES CXX_EXTENSIONS OFF)
  weir_set_warnings(${arg_NAME})
  add_dependencies(fuzz_tests ${arg_NAME})
  set(command ${arg_NAME})
  if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
    target_link_options(${arg_NAME} PRIVATE -fsanitize=fuzzer)
    list(APPEND command -runs=20000 -seed=1)
  else()
    target_sources(${arg_NAME} PRIVATE "${PROJECT_SOURCE_DIR}/tests/fuzz/replay_main.cpp")
  endif()
  if(arg_CORPUS)
    cmake_path(ABSOLUTE_PATH arg_CORPUS NORMALIZE)
    list(APPEND command "${arg_CORPUS}")
  endif()
  if(WEIR_BUILD_TESTS)
    add_test(NAME ${arg_NAME} COMMAND ${command})
    set_tests_properties(${arg_NAME} PROPERTIES LABELS fuzz TIMEOUT 120)
  endif()
endfunction()
