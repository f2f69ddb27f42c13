# What `cmake --install` lays out: the libraries, their headers as <weir/...>, weirConfig.cmake with the
# Find modules it needs, and weir.pc and one .pc file per component.

include(CMakePackageConfigHelpers)

set(weir_cmake_dir "${CMAKE_INSTALL_LIBDIR}/cmake/weir")
set(weir_header_dir "${CMAKE_INSTALL_INCLUDEDIR}/weir")
weir_components(weir_all_components weir_built_components)

# Headers. Private ones stay in internal/; actors/ has no others.
foreach(header IN ITEMS weir.hpp main.hpp)
  if(EXISTS "${PROJECT_SOURCE_DIR}/runtime/${header}")
    install(FILES "${PROJECT_SOURCE_DIR}/runtime/${header}" DESTINATION "${weir_header_dir}")
  endif()
endforeach()
weir_headers_of_others(others)
set(without_others)
if(others)
  set(without_others REGEX "/(${others})(\\.hpp)?$" EXCLUDE)
endif()
foreach(folder IN ITEMS runtime backpressure operators connectors)
  install(
    DIRECTORY "${PROJECT_SOURCE_DIR}/${folder}"
    DESTINATION "${weir_header_dir}"
    FILES_MATCHING
    PATTERN "*.hpp"
    PATTERN internal EXCLUDE
    REGEX "/runtime/(weir|main)\\.hpp$" EXCLUDE ${without_others})
endforeach()

# Targets: the core, the test kit and weir::asio in one export, each component in another.
install(TARGETS weir weir_testing weir_asio EXPORT weirTargets)
install(EXPORT weirTargets NAMESPACE weir:: DESTINATION "${weir_cmake_dir}")
foreach(name IN LISTS weir_built_components)
  install(TARGETS weir_${name} EXPORT weir-${name}-targets)
  install(EXPORT weir-${name}-targets NAMESPACE weir:: DESTINATION "${weir_cmake_dir}")
  get_property(package GLOBAL PROPERTY weir_${name}_PACKAGE)
  list(JOIN package " " package)
  set(content "find_dependency(${package})\n")
  string(APPEND content "include(\"\${CMAKE_CURRENT_LIST_DIR}/weir-${name}-targets.cmake\")\n")
  file(CONFIGURE OUTPUT "${PROJECT_BINARY_DIR}/weir-${name}.cmake" CONTENT "${content}" @ONLY)
  install(FILES "${PROJECT_BINARY_DIR}/weir-${name}.cmake" DESTINATION "${weir_cmake_dir}")
endforeach()

configure_package_config_file(cmake/weirConfig.cmake.in "${PROJECT_BINARY_DIR}/weirConfig.cmake"
                              INSTALL_DESTINATION "${weir_cmake_dir}")
write_basic_package_version_file("${PROJECT_BINARY_DIR}/weirConfigVersion.cmake"
                                 COMPATIBILITY SameMinorVersion)
file(GLOB find_modules "${PROJECT_SOURCE_DIR}/cmake/Find*.cmake")
install(
  FILES "${PROJECT_BINARY_DIR}/weirConfig.cmake" "${PROJECT_BINARY_DIR}/weirConfigVersion.cmake"
        ${find_modules}
  DESTINATION "${weir_cmake_dir}")

# pkg-config. A static library leaves its own libraries to whoever links it, a shared one does not.
file(RELATIVE_PATH weir_pc_to_prefix "${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig"
     "${CMAKE_INSTALL_PREFIX}")
if(BUILD_SHARED_LIBS)
  set(weir_pc_libs "")
  set(weir_pc_libs_private "-lcaf_core")
else()
  set(weir_pc_libs "-lcaf_core")
  set(weir_pc_libs_private "")
endif()
configure_file(cmake/weir.pc.in "${PROJECT_BINARY_DIR}/weir.pc" @ONLY)
install(FILES "${PROJECT_BINARY_DIR}/weir.pc" DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")

# weir_install_pc(name DESCRIPTION text [NEEDS module] [LIBS flags])
function(weir_install_pc name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "DESCRIPTION;NEEDS;LIBS" "")
  set(pc_description "${arg_DESCRIPTION}")
  set(pc_libs "${arg_LIBS}")
  set(pc_requires "")
  set(pc_requires_private "")
  if(BUILD_SHARED_LIBS)
    set(pc_requires_private "${arg_NEEDS}")
  elseif(arg_NEEDS)
    set(pc_requires ", ${arg_NEEDS}")
  endif()
  configure_file(cmake/weir-component.pc.in "${PROJECT_BINARY_DIR}/weir-${name}.pc" @ONLY)
  install(FILES "${PROJECT_BINARY_DIR}/weir-${name}.pc"
          DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")
endfunction()

weir_install_pc(testing DESCRIPTION "The test kit of weir" LIBS "-L\${libdir} -lweir_testing")
weir_install_pc(asio DESCRIPTION "Jobs of weir on an io_context of Asio")
foreach(name IN LISTS weir_built_components)
  get_property(description GLOBAL PROPERTY weir_${name}_DESCRIPTION)
  get_property(module GLOBAL PROPERTY weir_${name}_PKG_CONFIG)
  weir_install_pc(${name} DESCRIPTION "${description}" NEEDS "${module}"
                  LIBS "-L\${libdir} -lweir_${name}")
endforeach()
