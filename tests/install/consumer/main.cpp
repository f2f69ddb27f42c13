// Prints the version of the weir it is linked with.
#include <weir/runtime/version.hpp>

#include <iostream>

int main() {
  if (weir::version() != WEIR_VERSION) {
    std::cerr << "headers of " WEIR_VERSION ", library of " << weir::version() << '\n';
    return 1;
  }
  std::cout << "weir " << weir::version() << '\n';
}
