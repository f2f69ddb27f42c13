#include <tests/support/common_types.hpp>

#define WEIR_TEST_DEFINED(T) WEIR_TEST_PARTS_OF(, T)
WEIR_TEST_COMMON_RECORDS(WEIR_TEST_DEFINED)
