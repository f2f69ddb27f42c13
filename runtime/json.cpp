// Boost.JSON, compiled once into the library, so that users need not link it.
#include <boost/json/src.hpp>
