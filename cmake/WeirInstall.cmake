# What `cmake --install` lays out: the libraries, their headers as <weir/...>, weirConfig.cmake with the
# Find modules it needs, and weir.pc and one .pc file per component.

include(CMakePackageConfigHelpers)

set(weir_cmake_dir "${CMAKE_INSTALL_LIBDIR}/cmake/weir")
set(weir_header_dir "${CMAKE_INSTALL_INCLUDEDIR}/weir")

# Headers. Private ones stay in internal/; actors/ has no others.
foreach(header IN ITEMS weir.hpp main.hpp)
  if(EXISTS "${PROJECT_SOURCE_DIR}/runtime/${header}")
    install(FILES "${PROJECT_SOURCE_DIR}/runtime/${header}" DESTINATION "${weir_header_dir}")
  endif()
endforeach()
set(without_kafka)
if(NOT WEIR_WITH_KAFKA)
  set(without_kafka REGEX "/connectors/kafka(\\.hpp)?$" EXCLUDE)
endif()
set(without_json)
if(NOT WEIR_WITH_JSON)
  set(without_json REGEX "/connectors/codec/json\\.hpp$" EXCLUDE)
endif()
set(without_rocksdb)
if(NOT WEIR_WITH_ROCKSDB)
  set(without_rocksdb REGEX "/connectors/rocksdb(\\.hpp)?$" EXCLUDE)
endif()
foreach(folder IN ITEMS runtime backpressure operators connectors)
  install(
    DIRECTORY "${PROJECT_SOURCE_DIR}/${folder}"
    DESTINATION "${weir_header_dir}"
    FILES_MATCHING
    PATTERN "*.hpp"
    PATTERN internal EXCLUDE
    REGEX "/runtime/(weir|main)\\.hpp$" EXCLUDE ${without_kafka} ${without_json} ${without_rocksdb})
endforeach()

# Targets: the core, the test kit and weir::asio in one export, each component with libraries of its own in another.
install(TARGETS weir weir_testing weir_asio EXPORT weirTargets)
install(EXPORT weirTargets NAMESPACE weir:: DESTINATION "${weir_cmake_dir}")
if(WEIR_WITH_KAFKA)
  install(TARGETS weir_kafka EXPORT weirKafkaTargets)
  install(EXPORT weirKafkaTargets NAMESPACE weir:: DESTINATION "${weir_cmake_dir}")
endif()
if(WEIR_WITH_ROCKSDB)
  install(TARGETS weir_rocksdb EXPORT weirRocksdbTargets)
  install(EXPORT weirRocksdbTargets NAMESPACE weir:: DESTINATION "${weir_cmake_dir}")
endif()

if(WEIR_WITH_JSON)
  install(TARGETS weir_json EXPORT weirJsonTargets)
  install(EXPORT weirJsonTargets NAMESPACE weir:: DESTINATION "${weir_cmake_dir}")
endif()

configure_package_config_file(cmake/weirConfig.cmake.in "${PROJECT_BINARY_DIR}/weirConfig.cmake"
                              INSTALL_DESTINATION "${weir_cmake_dir}")
write_basic_package_version_file("${PROJECT_BINARY_DIR}/weirConfigVersion.cmake"
                                 COMPATIBILITY SameMinorVersion)
install(
  FILES "${PROJECT_BINARY_DIR}/weirConfig.cmake" "${PROJECT_BINARY_DIR}/weirConfigVersion.cmake"
        cmake/FindCAF.cmake cmake/FindRdKafka.cmake cmake/FindRocksDB.cmake
        cmake/FindXxHash.cmake
  DESTINATION "${weir_cmake_dir}")

# pkg-config. A static library leaves its own libraries to whoever links it, a shared one does not.
file(RELATIVE_PATH weir_pc_to_prefix "${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig"
     "${CMAKE_INSTALL_PREFIX}")
if(BUILD_SHARED_LIBS)
  set(weir_pc_libs "")
  set(weir_pc_libs_private "-lcaf_core")
  set(weir_kafka_pc_requires "")
  set(weir_rocksdb_pc_requires "")
  set(weir_kafka_pc_requires_private "rdkafka >= 1.9")
  set(weir_json_pc_requires "")
  set(weir_json_pc_requires_private "simdjson >= 3")
  set(weir_rocksdb_pc_requires_private "rocksdb >= 7")
else()
  set(weir_pc_libs "-lcaf_core")
  set(weir_pc_libs_private "")
  set(weir_kafka_pc_requires ", rdkafka >= 1.9")
  set(weir_rocksdb_pc_requires ", rocksdb >= 7")
  set(weir_kafka_pc_requires_private "")
  set(weir_json_pc_requires ", simdjson >= 3")
  set(weir_json_pc_requires_private "")
  set(weir_rocksdb_pc_requires_private "")
endif()
set(pc_files weir.pc)
if(WEIR_WITH_KAFKA)
  list(APPEND pc_files weir-kafka.pc)
endif()
if(WEIR_WITH_JSON)
  list(APPEND pc_files weir-json.pc)
endif()
if(WEIR_WITH_ROCKSDB)
  list(APPEND pc_files weir-rocksdb.pc)
endif()
foreach(file IN LISTS pc_files)
  configure_file("cmake/${file}.in" "${PROJECT_BINARY_DIR}/${file}" @ONLY)
  install(FILES "${PROJECT_BINARY_DIR}/${file}" DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")
endforeach()
