// What a window covers.
#include <weir/runtime/credit.hpp>

#include <catch2/catch.hpp>

using weir::credit;

SCENARIO("a block needs credit in blocks and in bytes", "[runtime][credit]") {
  credit window({.blocks = 2, .bytes = 100});
  CHECK(window.covers(100));
  window.take(60);
  CHECK(window.covers(40));
  CHECK_FALSE(window.covers(41));
  window.take(40);
  CHECK_FALSE(window.covers(0)); // no block left
  CHECK(window.bytes_in_flight() == 100);
}

SCENARIO("a block larger than the window travels alone", "[runtime][credit]") {
  credit window({.blocks = 2, .bytes = 100});
  window.take(10);
  CHECK_FALSE(window.covers(500)); // not beside another
  window.give_back({.blocks = 1, .bytes = 10});
  CHECK(window.covers(500));
  window.take(500);
  CHECK_FALSE(window.covers(1)); // and nothing beside it
  window.give_back({.blocks = 1, .bytes = 500});
  CHECK(window.available() == window.window());
}
