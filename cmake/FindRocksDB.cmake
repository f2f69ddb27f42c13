# Finds RocksDB and defines RocksDB::rocksdb, which is the shared library where there is one.
# Not by the package file of RocksDB itself, which asks for libraries that only the static one needs.

find_path(RocksDB_INCLUDE_DIR rocksdb/db.h)
find_library(RocksDB_LIBRARY rocksdb)

if(RocksDB_INCLUDE_DIR)
  file(STRINGS "${RocksDB_INCLUDE_DIR}/rocksdb/version.h" rocksdb_version_lines
       REGEX "#define ROCKSDB_(MAJOR|MINOR|PATCH) ")
  string(REGEX REPLACE "[^0-9;]" "" RocksDB_VERSION "${rocksdb_version_lines}")
  list(JOIN RocksDB_VERSION "." RocksDB_VERSION)
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(
  RocksDB
  REQUIRED_VARS RocksDB_LIBRARY RocksDB_INCLUDE_DIR
  VERSION_VAR RocksDB_VERSION
  REASON_FAILURE_MESSAGE "on Debian: apt-get install librocksdb-dev, or set WEIR_WITH_ROCKSDB=OFF")
mark_as_advanced(RocksDB_INCLUDE_DIR RocksDB_LIBRARY)

if(RocksDB_FOUND AND NOT TARGET RocksDB::rocksdb)
  add_library(RocksDB::rocksdb UNKNOWN IMPORTED)
  set_target_properties(
    RocksDB::rocksdb PROPERTIES IMPORTED_LOCATION "${RocksDB_LIBRARY}"
                                       INTERFACE_INCLUDE_DIRECTORIES "${RocksDB_INCLUDE_DIR}")
endif()
