#!/usr/bin/env bash
# check.sh STEP WORK_DIR   One step of the install test; the environment names source, build and tools.
#   prefix          install weir to an empty prefix and look at what is there
#   find_package    build the consumer against the prefix with CMake's package
#   pkg_config      build it with nothing but the compiler and pkg-config
#   add_subdirectory  build it with weir's sources as a part of it
set -euo pipefail

step=$1 work=$2
prefix=$work/prefix consumer=$WEIR_SOURCE/tests/install/consumer
fail() { printf 'install test: %s\n' "$*" >&2; exit 1; }

# Runs the program that was built; it prints the version of weir it was linked with.
run() {
  local said
  said=$("$@") || fail "$1 ended with $?: $said"
  [[ $said == "weir "[0-9]*.[0-9]*.[0-9]* ]] || fail "$1 said: $said"
  printf '%s\n' "$said"
}

build_consumer() {
  rm -rf "${work:?}/$step"
  "$CMAKE" -S "$consumer" -B "$work/$step" -G Ninja -DCMAKE_CXX_COMPILER="$CXX" \
    -DCOMPONENTS="${COMPONENTS// /;}" "$@"
  "$CMAKE" --build "$work/$step"
  run "$work/$step/consumer"
  "$work/$step/consumer_testing" || fail "a job in weir's test kit does not do what it should"
  "$work/$step/consumer_server" "$work/$step/state" ||
    fail "a job on an io_context does not do what it should"
}

case $step in
  prefix)
    rm -rf "$prefix"
    "$CMAKE" --install "$WEIR_BUILD" --prefix "$prefix" >/dev/null
    headers=$prefix/include/weir
    [ -f "$headers/runtime/version.hpp" ] || fail "no headers in $headers"
    private=$(find "$headers" -path '*/internal*' -o -path '*/actors*' -o -type f ! -name '*.hpp')
    [ -z "$private" ] || fail "installed what is private: $private"
    # What is installed includes only what is installed.
    grep -rhoE '^#include <weir/[^>]+>' "$headers" | sed 's/.*<weir\/\(.*\)>/\1/' | sort -u |
      while read -r header; do
        [ -f "$headers/$header" ] || fail "an installed header includes <weir/$header>, which is not installed"
      done
    ;;
  find_package) build_consumer -DWAY=find_package -DCMAKE_PREFIX_PATH="$prefix" ;;
  add_subdirectory) build_consumer -DWAY=add_subdirectory -DWEIR_SOURCE="$WEIR_SOURCE" ;;
  pkg_config)
    PKG_CONFIG_PATH=$(find "$prefix" -type d -name pkgconfig)
    export PKG_CONFIG_PATH
    packages=(weir weir-testing weir-asio)
    flags=(-std=c++23)
    for component in $COMPONENTS; do
      packages+=("weir-$component")
      flags+=("-DWITH_${component^^}=1")
    done
    mkdir -p "$work/$step"
    # shellcheck disable=SC2046 # flags are to be split
    "$CXX" "${flags[@]}" -o "$work/$step/consumer" "$consumer/main.cpp" \
      $(pkg-config --cflags --libs "${packages[@]}")
    LD_LIBRARY_PATH=$(pkg-config --variable=libdir weir) run "$work/$step/consumer"
    # weir's headers are no system headers here: what they give a compiler to warn of is seen.
    # shellcheck disable=SC2046
    "$CXX" "${flags[@]}" -O3 -Wall -Wextra -Werror -c -o "$work/$step/warnings.o" \
      "$consumer/warnings.cpp" $(pkg-config --cflags "${packages[@]}") ||
      fail "a user's program does not compile without warnings"
    ;;
  *) fail "unknown step '$step'" ;;
esac
