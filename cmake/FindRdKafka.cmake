# Finds the C library librdkafka and defines RdKafka::rdkafka.
# Its packages bring a pkg-config file; without pkg-config the usual folders are searched.

find_package(PkgConfig QUIET)
if(PkgConfig_FOUND)
  pkg_check_modules(PC_RDKAFKA QUIET rdkafka)
endif()

find_path(RdKafka_INCLUDE_DIR librdkafka/rdkafka.h HINTS ${PC_RDKAFKA_INCLUDE_DIRS})
find_library(RdKafka_LIBRARY rdkafka HINTS ${PC_RDKAFKA_LIBRARY_DIRS})

if(RdKafka_INCLUDE_DIR)
  file(STRINGS "${RdKafka_INCLUDE_DIR}/librdkafka/rdkafka.h" rdkafka_version_line
       REGEX "#define RD_KAFKA_VERSION +0x" LIMIT_COUNT 1)
  if(rdkafka_version_line MATCHES "0x(..)(..)(..)") # 0xMMmmrrxx
    math(EXPR rdkafka_major "0x${CMAKE_MATCH_1}")
    math(EXPR rdkafka_minor "0x${CMAKE_MATCH_2}")
    math(EXPR rdkafka_patch "0x${CMAKE_MATCH_3}")
    set(RdKafka_VERSION "${rdkafka_major}.${rdkafka_minor}.${rdkafka_patch}")
  endif()
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(
  RdKafka
  REQUIRED_VARS RdKafka_LIBRARY RdKafka_INCLUDE_DIR
  VERSION_VAR RdKafka_VERSION
  REASON_FAILURE_MESSAGE "on Debian: apt-get install librdkafka-dev, or set WEIR_WITH_KAFKA=OFF")
mark_as_advanced(RdKafka_INCLUDE_DIR RdKafka_LIBRARY)

if(RdKafka_FOUND AND NOT TARGET RdKafka::rdkafka)
  find_package(Threads REQUIRED)
  add_library(RdKafka::rdkafka UNKNOWN IMPORTED)
  set_target_properties(
    RdKafka::rdkafka
    PROPERTIES IMPORTED_LOCATION "${RdKafka_LIBRARY}"
               INTERFACE_INCLUDE_DIRECTORIES "${RdKafka_INCLUDE_DIR}"
               INTERFACE_LINK_LIBRARIES Threads::Threads)
  # A static librdkafka does not know its own libraries; pkg-config does.
  if(RdKafka_LIBRARY MATCHES "\\.a$" AND PC_RDKAFKA_FOUND)
    set_property(TARGET RdKafka::rdkafka APPEND PROPERTY INTERFACE_LINK_LIBRARIES
                                                         ${PC_RDKAFKA_STATIC_LIBRARIES})
  endif()
endif()
