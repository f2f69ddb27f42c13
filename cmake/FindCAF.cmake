# Finds the core library of the C++ Actor Framework and defines CAF::core.
# Debian's package brings neither a CMake nor a pkg-config file.
#
# CAF_INCLUDE_DIR and CAF_CORE_LIBRARY may be set to choose a copy; CAF_ROOT is searched as usual.

find_path(CAF_INCLUDE_DIR caf/all.hpp)
find_library(CAF_CORE_LIBRARY caf_core)

if(CAF_INCLUDE_DIR)
  foreach(header IN ITEMS caf/config.hpp caf/detail/build_config.hpp)
    if(EXISTS "${CAF_INCLUDE_DIR}/${header}" AND NOT caf_version_number)
      file(STRINGS "${CAF_INCLUDE_DIR}/${header}" caf_version_line
           REGEX "#define CAF_VERSION [0-9]+" LIMIT_COUNT 1)
      string(REGEX MATCH "[0-9]+" caf_version_number "${caf_version_line}")
    endif()
  endforeach()
  if(caf_version_number) # MMmmpp, without leading zeros: 1706 is 0.17.6
    math(EXPR caf_major "${caf_version_number} / 10000")
    math(EXPR caf_minor "${caf_version_number} / 100 % 100")
    math(EXPR caf_patch "${caf_version_number} % 100")
    set(CAF_VERSION "${caf_major}.${caf_minor}.${caf_patch}")
  endif()
  unset(caf_version_number)
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(
  CAF
  REQUIRED_VARS CAF_CORE_LIBRARY CAF_INCLUDE_DIR
  VERSION_VAR CAF_VERSION
  REASON_FAILURE_MESSAGE "on Debian: apt-get install libcaf-dev")
mark_as_advanced(CAF_INCLUDE_DIR CAF_CORE_LIBRARY)

if(CAF_FOUND AND NOT TARGET CAF::core)
  find_package(Threads REQUIRED)
  add_library(CAF::core UNKNOWN IMPORTED)
  set_target_properties(
    CAF::core
    PROPERTIES IMPORTED_LOCATION "${CAF_CORE_LIBRARY}"
               INTERFACE_INCLUDE_DIRECTORIES "${CAF_INCLUDE_DIR}"
               INTERFACE_LINK_LIBRARIES Threads::Threads)
endif()
