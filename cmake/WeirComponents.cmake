# Parts of weir with a library of their own, such as weir::kafka.

# weir_add_component(name PACKAGE package version LIBRARY target PKG_CONFIG module HEADERS regex
#                    DESCRIPTION text)
#
# weir::name, built unless WEIR_WITH_NAME is off. This line is all that the build needs of it: the
# option, the search for the foreign library, the target (its sources are added in its folder), the
# export, find_package(weir COMPONENTS name), and weir-name.pc. Installed headers that match HEADERS
# belong to it. A module cmake/Find<package>.cmake is installed too if there is one.
function(weir_add_component name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "LIBRARY;PKG_CONFIG;HEADERS;DESCRIPTION" "PACKAGE")
  list(GET arg_PACKAGE 0 package)
  string(TOUPPER "${name}" upper)
  option(WEIR_WITH_${upper} "Build weir::${name}, which needs ${package}" ON)
  set_property(GLOBAL APPEND PROPERTY weir_components "${name}")
  foreach(what IN ITEMS PACKAGE PKG_CONFIG HEADERS DESCRIPTION)
    set_property(GLOBAL PROPERTY weir_${name}_${what} "${arg_${what}}")
  endforeach()
  if(NOT WEIR_WITH_${upper})
    return()
  endif()
  find_package(${arg_PACKAGE} REQUIRED)
  weir_add_library(weir_${name})
  target_link_libraries(weir_${name} PUBLIC weir PRIVATE ${arg_LIBRARY})
  set_property(GLOBAL APPEND PROPERTY weir_built_components "${name}")
endfunction()

# weir_components(all built): the names of the components there are, and of those that are built.
function(weir_components all built)
  get_property(names GLOBAL PROPERTY weir_components)
  set(${all} "${names}" PARENT_SCOPE)
  get_property(names GLOBAL PROPERTY weir_built_components)
  set(${built} "${names}" PARENT_SCOPE)
endfunction()

# weir_headers_of_others(regex): what matches the headers of components that are not built.
function(weir_headers_of_others regex)
  weir_components(all built)
  list(REMOVE_ITEM all ${built})
  set(parts)
  foreach(name IN LISTS all)
    get_property(headers GLOBAL PROPERTY weir_${name}_HEADERS)
    list(APPEND parts "${headers}")
  endforeach()
  list(JOIN parts "|" joined)
  set(${regex} "${joined}" PARENT_SCOPE)
endfunction()
