// Bytes in an arena never move.
#include <weir/runtime/arena.hpp>

#include <catch2/catch.hpp>

SCENARIO("views into an arena stay valid while it grows and when it is moved", "[runtime][arena]") {
  weir::arena bytes(16);
  std::vector<std::string_view> views;
  for (int i = 0; i < 100; ++i)
    views.push_back(bytes.copy(std::to_string(1000 + i)));
  weir::arena moved(std::move(bytes));
  for (int i = 0; i < 100; ++i)
    CHECK(views[static_cast<std::size_t>(i)] == std::to_string(1000 + i));
  CHECK(moved.used() == 400);
  CHECK(bytes.used() ==
        0); // NOLINT(bugprone-use-after-move): an arena that was moved from is empty
  CHECK(bytes.copy("again") == "again");
}

SCENARIO("a piece longer than a chunk gets a chunk of its own", "[runtime][arena]") {
  weir::arena bytes(8);
  CHECK(bytes.copy("0123456789abcdef") == "0123456789abcdef");
  CHECK(bytes.used() == 16);
}

SCENARIO("a rewound arena hands its first chunk out again", "[runtime][arena]") {
  weir::arena bytes(8);
  const auto* first = bytes.copy("01234567").data();
  CHECK(bytes.copy("89abcdef").data() != first);
  bytes.rewind();
  CHECK(bytes.used() == 0);
  CHECK(bytes.copy("x").data() == first);
}

SCENARIO("the copy of an empty view is empty and not null", "[runtime][arena]") {
  weir::arena bytes;
  CHECK(bytes.copy({}).data() != nullptr);
  CHECK(bytes.copy({}).empty());
}
