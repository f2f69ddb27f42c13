#include <weir/connectors/kafka/internal/topic_filter.hpp>

#include <catch2/catch.hpp>

using weir::kafka::topic_filter;

TEST_CASE("a pattern matches whole names, and internal topics by name only",
          "[connectors][kafka][pattern]") {
  struct line {
    std::string pattern;
    std::vector<std::string> matching;
    std::vector<std::string> others;
  };
  for (const auto& [pattern, matching, others] : std::vector<line>{
           {".*", {"a", "_a", "a__b"}, {"__consumer_offsets", "__transaction_state", "__"}},
           {"orders|bills", {"orders", "bills"}, {"order", "orders2", "xbills"}},
           {"__.*", {}, {"__consumer_offsets", "__a", "a"}},
           {"__a", {"__a"}, {"__b", "a"}},
           {"^__a$", {"__a"}, {"__b"}},
           {"orders|__a", {"orders", "__a"}, {"__b"}},
           {"(orders|__a)", {"orders", "__a"}, {"__b"}},
           {"((x|__a)|__b)", {"x", "__a", "__b"}, {"__c"}},
           {"__a\\.b", {"__a.b"}, {"__axb"}},
           {"__a.b", {"__a.b"}, {"__axb"}},
           {"__a-b|.*", {"__a-b", "z"}, {"__a"}},
           {"[|]*__a", {}, {"__a"}},
           {"_[_]a", {}, {"__a"}},
           {"(_|x)_a", {"x_a"}, {"__a"}},
           {"__a+|__b?", {}, {"__a", "__aa", "__b"}}}) {
    CAPTURE(pattern);
    const auto made = topic_filter::make(pattern);
    REQUIRE(made);
    for (const auto& topic : matching) {
      CAPTURE(topic);
      CHECK(made->matches(topic));
    }
    for (const auto& topic : others) {
      CAPTURE(topic);
      CHECK_FALSE(made->matches(topic));
    }
  }
  const auto wrong = topic_filter::make("(a");
  REQUIRE_FALSE(wrong);
  CHECK_THAT(wrong.error().message(), Catch::Matchers::Contains("topic_pattern"));
}
