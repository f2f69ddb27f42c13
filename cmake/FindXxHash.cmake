# Finds the header of xxHash, which weir compiles in, and defines XxHash::headers.

find_path(XxHash_INCLUDE_DIR xxhash.h)

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(
  XxHash
  REQUIRED_VARS XxHash_INCLUDE_DIR
  REASON_FAILURE_MESSAGE "on Debian: apt-get install libxxhash-dev")
mark_as_advanced(XxHash_INCLUDE_DIR)

if(XxHash_FOUND AND NOT TARGET XxHash::headers)
  add_library(XxHash::headers INTERFACE IMPORTED)
  set_target_properties(XxHash::headers PROPERTIES INTERFACE_INCLUDE_DIRECTORIES
                                                   "${XxHash_INCLUDE_DIR}")
endif()
