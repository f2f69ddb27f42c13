# Functions that define weir's libraries and programs.

# weir_add_library(weir_x): the library weir::x. Folders add its sources with target_sources().
function(weir_add_library name)
  string(REGEX REPLACE "^weir_" "" exported "${name}")
  add_library(${name})
  add_library(weir::${exported} ALIAS ${name})
  set_target_properties(
    ${name}
    PROPERTIES EXPORT_NAME "${exported}"
               VERSION "${PROJECT_VERSION}"
               SOVERSION "${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR}"
               POSITION_INDEPENDENT_CODE ON
               CXX_EXTENSIONS OFF)
  target_compile_features(${name} PUBLIC cxx_std_23)
  # Position independent, so that a shared library may embed weir, yet inlined as if it were not.
  target_compile_options(${name} PRIVATE $<$<CXX_COMPILER_ID:GNU>:-fno-semantic-interposition>)
  target_include_directories(
    ${name} PUBLIC "$<BUILD_INTERFACE:${PROJECT_BINARY_DIR}/include>"
                   "$<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>")
  weir_set_warnings(${name})
endfunction()

# weir_set_warnings(target): the developers' warnings; whoever embeds weir does not see them.
function(weir_set_warnings target)
  if(WEIR_DEVELOPER_WARNINGS)
    target_compile_options(
      ${target} PRIVATE -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wnon-virtual-dtor
                        -Woverloaded-virtual -Wextra-semi)
    # What GCC 12 sees after inlining std::string, std::variant and std::optional is often not there (its
    # bug 105651 and its like); the address sanitizer looks for the same faults and sees them right.
    if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
      target_compile_options(${target} PRIVATE -Wno-maybe-uninitialized -Wno-restrict -Wno-array-bounds
                                               -Wno-stringop-overflow -Wno-stringop-overread)
    endif()
    # Clang warns of libstdc++'s own std::stable_sort and inside librdkafka's macros.
    if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
      target_compile_options(${target} PRIVATE -Wno-deprecated-declarations
                                               -Wno-gnu-statement-expression-from-macro-expansion)
    endif()
  endif()
endfunction()

# weir_add_program(name sources... [LIBS libraries...]): a program of this project. It links weir,
# and mimalloc, which the libraries leave to those who embed them.
function(weir_add_program name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "LIBS")
  add_executable(${name} ${arg_UNPARSED_ARGUMENTS})
  target_link_libraries(${name} PRIVATE weir ${arg_LIBS})
  set_target_properties(${name} PROPERTIES CXX_EXTENSIONS OFF)
  weir_set_warnings(${name})
  if(WEIR_USE_MIMALLOC)
    find_package(mimalloc 2.0 REQUIRED)
    # No symbol of it is named, so a linker that drops unused libraries must be told to keep it.
    target_link_libraries(${name} PRIVATE -Wl,--push-state,--no-as-needed mimalloc -Wl,--pop-state)
  endif()
endfunction()

# weir_fill_if_empty(targets...): CMake has no library without a source; a component that consists
# of headers so far gets an empty one.
function(weir_fill_if_empty)
  foreach(target IN LISTS ARGN)
    get_target_property(sources ${target} SOURCES)
    if(NOT sources)
      file(CONFIGURE OUTPUT "${PROJECT_BINARY_DIR}/empty.cpp" CONTENT "// Nothing to compile yet.\n")
      target_sources(${target} PRIVATE "${PROJECT_BINARY_DIR}/empty.cpp")
    endif()
  endforeach()
endfunction()
