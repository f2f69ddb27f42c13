// When a block is full, what it weighs and what it keeps.
#include <weir/runtime/block_builder.hpp>

#include <catch2/catch.hpp>

using weir::block_builder;
using weir::block_cast;

SCENARIO("a block is full at its limit of records", "[runtime][block_builder]") {
  block_builder<int> builder({.max_records = 3, .max_bytes = 1000});
  builder.push(1);
  builder.push(2);
  CHECK_FALSE(builder.full());
  builder.push(3);
  CHECK(builder.full());
  const auto built = builder.build();
  CHECK(built->size() == 3);
  CHECK(built->charge() == 12);
  THEN("the builder starts anew") {
    CHECK(builder.empty());
    CHECK_FALSE(builder.full());
    CHECK_FALSE(builder.build());
  }
}

SCENARIO("a block is full at its limit of bytes, heap bytes and arena included",
         "[runtime][block_builder]") {
  block_builder<std::string> owning({.max_records = 100, .max_bytes = 300});
  owning.push(std::string(200, 'x'));
  CHECK_FALSE(owning.full()); // 32 for the object, 201 for the characters
  owning.push(std::string(200, 'y'));
  CHECK(owning.full());
  CHECK(owning.build()->charge() >= 2 * 233);

  block_builder<std::string_view> views({.max_records = 100, .max_bytes = 4096});
  int records = 0;
  for (; !views.full(); ++records)
    views.push(views.bytes().copy(std::string(100, 'z')));
  const auto built = views.build();
  CHECK(built->charge() >= 4096);
  CHECK(built->charge() < 4096 + 512); // over the limit by less than one chunk
  CHECK(records < 4096 / 100);
}

SCENARIO("a record larger than the limit makes a block alone", "[runtime][block_builder]") {
  block_builder<std::string> builder({.max_records = 100, .max_bytes = 50});
  builder.push(std::string(1000, 'x'));
  CHECK(builder.full());
  CHECK(builder.build()->size() == 1);
}

SCENARIO("a block knows the offsets its records were read from", "[runtime][block_builder]") {
  block_builder<int> builder;
  builder.push(10, 7);
  builder.push(11, 9);
  const auto with = builder.build();
  CHECK(block_cast<int>(*with).has_origins());
  CHECK(block_cast<int>(*with).origin(1) == 9);
  builder.push(12);
  const auto without = builder.build();
  CHECK_FALSE(block_cast<int>(*without).has_origins());
  CHECK(block_cast<int>(*without).origin(0) == weir::no_origin);
}

SCENARIO("a block of views keeps the block alive that they point into",
         "[runtime][block_builder]") {
  block_builder<std::string> words;
  words.push(std::string("a string beyond the small buffer"));
  auto source = words.build();
  block_builder<std::string_view> views;
  views.push(std::string_view(block_cast<std::string>(*source).records()[0]));
  views.keep_alive(source);
  const auto built = views.build();
  source.reset();
  CHECK(block_cast<std::string_view>(*built).records()[0] == "a string beyond the small buffer");
}

SCENARIO("clearing a builder, and copying it, leaves its limits alone",
         "[runtime][block_builder]") {
  block_builder<int> builder({.max_records = 2, .max_bytes = 1000});
  builder.push(1, 5);
  block_builder<int> copy(builder);
  CHECK(copy.empty());
  builder.clear();
  builder.push(2, 6);
  const auto built = builder.build();
  CHECK(block_cast<int>(*built).records()[0] == 2);
  CHECK(block_cast<int>(*built).origin(0) == 6);
  copy.push(1);
  copy.push(1);
  CHECK(copy.full());
}
