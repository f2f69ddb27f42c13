// Views that point into what is gone, or into what may go: the kit finds them.
#include <weir/runtime/testing/test_job.hpp>
#include <weir/weir.hpp>

#include <catch2/catch.hpp>

#include <array>
#include <filesystem>
#include <variant>

using namespace weir::testing;
using Catch::Contains;
using std::string_view;

namespace {

struct sample {
  std::string name;
  std::vector<std::string> tags{};
  std::optional<std::string> note{};
};

struct seen_as {
  string_view name;
  std::optional<string_view> note;
  int length = 0;
};

constexpr std::array<string_view, 2> names{"even", "odd"};
const std::string long_text = "a text that is long enough not to be kept inside of its string";

/// What becomes of one batch of `records` in the job that `compose` makes of the input: "none", or
/// why the step failed.
template <class In, class Compose>
std::string found(run_mode how, std::vector<In> records, Compose compose) {
  test_job job(how);
  const auto in = job.input<In>();
  const auto out = job.output(compose(in.stream()));
  in.add(std::move(records));
  try {
    job.step();
    return "none";
  } catch (const unexpected& failure) {
    return failure.what();
  }
}

static_assert(!weir::detail::is_range_of_others<std::filesystem::path>); // of paths

const auto points_elsewhere = Contains("gives a view that points neither into its input");

} // namespace

SCENARIO("a view into what a function has made is found", "[testing][views]") {
  const auto how = GENERATE(from_range(every_mode()));
  const std::string text = GENERATE("short", long_text); // inside of the string, and on the heap
  const auto by_value = [](std::string s) -> string_view {
    const auto& there = s; // GCC and Clang warn of what this is about
    return {there.data(), there.size()};
  };
  const auto local = [](const auto& s) -> string_view {
    std::string made(s);
    made += "!";
    const volatile char* kept = made.data(); // what GCC would warn of
    return {const_cast<const char*>(kept), made.size()};
  };
  CHECK_THAT(found<std::string>(how, {text}, [&](auto in) { return in.map(by_value); }),
             points_elsewhere && Contains("'map'"));
  CHECK_THAT(found<std::string>(how, {text}, [&](auto in) { return in.map(local); }),
             points_elsewhere);
  CHECK_THAT(found<string_view>(how, {text}, [&](auto in) { return in.map(local); }),
             points_elsewhere);
  // Behind other steps, before other steps, and whatever the policy.
  CHECK_THAT(found<std::string>(how, {text},
                                [&](auto in) {
                                  return in.filter([](const auto&) { return true; })
                                      .map(local)
                                      .on_error(weir::on_error::drop)
                                      .map([](string_view s) { return s.size(); });
                                }),
             points_elsewhere);
  // As a part of what is given.
  CHECK_THAT(found<std::string>(how, {text},
                                [&](auto in) {
                                  return in.map([&](const std::string& s) {
                                    return std::pair<string_view, int>(local(s), 1);
                                  });
                                }),
             points_elsewhere);
  CHECK_THAT(found<sample>(
                 how, {{.name = text}},
                 [&](auto in) {
                   return in.map([&](const sample& s) { return seen_as{s.name, local(s.name), 1}; })
                       .map([](const seen_as& seen) { return seen.length; });
                 }),
             points_elsewhere);
  CHECK_THAT(found<std::string>(how, {text},
                                [&](auto in) {
                                  return in.flat_map([&](const std::string& s) {
                                    return std::vector<string_view>{s, local(s)};
                                  });
                                }),
             points_elsewhere && Contains("'flat_map'"));
  CHECK_THAT(found<std::string>(how, {text},
                                [&](auto in) {
                                  return in
                                      .map([&](const std::string& s) {
                                        return std::variant<int, string_view>(local(s));
                                      })
                                      .map([](const auto& either) { return either.index(); });
                                }),
             points_elsewhere);
  using numbered = std::pair<int, std::string>;
  CHECK_THAT(found<numbered>(how, {{1, text}}, [&](auto in) { return in.map_values(local); }),
             points_elsewhere && Contains("'map_values'"));
  CHECK_THAT(found<std::string>(how, {text},
                                [&](auto in) {
                                  return in
                                      .map([&](const std::string& s) {
                                        return std::pair<string_view, int>(local(s), 1);
                                      })
                                      .reduce_by_key(std::plus<>{});
                                }),
             points_elsewhere);
  CHECK_THAT(found<string_view>(how, {text},
                                [&](auto in) {
                                  return in.map_partitions([&](const auto& all) {
                                    std::vector<string_view> views;
                                    for (const auto& each : all)
                                      views.push_back(local(each));
                                    return views;
                                  });
                                }),
             points_elsewhere && Contains("'map_partitions'"));
}

SCENARIO("a view into what the program may change is found", "[testing][views]") {
  const auto how = GENERATE(from_range(every_mode()));
  static std::string last;
  CHECK_THAT(found<std::string>(how, {long_text},
                                [](auto in) {
                                  return in.map([](const std::string& s) -> string_view {
                                    last = s;
                                    return last;
                                  });
                                }),
             points_elsewhere);
}

SCENARIO("views of the input and of what cannot change are good", "[testing][views]") {
  const auto how = GENERATE(from_range(every_mode()));
  const std::string text = GENERATE("short text", long_text);
  const auto first_word = [](string_view s) { return s.substr(0, s.find(' ')); };
  CHECK(found<std::string>(how, {text}, [&](auto in) {
          return in.map([&](const std::string& s) { return first_word(s); });
        }) == "none");
  CHECK(
      found<string_view>(how, {text}, [&](auto in) {
        return in.map(first_word).filter([](string_view s) { return !s.empty(); }).map(first_word);
      }) == "none");
  CHECK(found<string_view>(how, {text}, [](auto in) {
          return in.flat_map([](string_view s) { return weir::split_words(s); });
        }) == "none");
  CHECK(found<std::string>(how, {text}, [&](auto in) {
          return in.map([&](const std::string& s) { return std::pair(first_word(s), s.size()); })
              .reduce_by_key(std::plus<>{})
              .map([](const auto& p) { return string_view(p.first); });
        }) == "none");
  CHECK(found<sample>(how, {{.name = text, .tags = {text, "tag"}, .note = text}}, [&](auto in) {
          return in
              .map([&](const sample& s) {
                return seen_as{s.tags[0],
                               s.note ? std::optional(first_word(*s.note)) : std::nullopt, 1};
              })
              .map([](const seen_as& seen) { return std::string(seen.name); });
        }) == "none");
  CHECK(found<int>(how, {1, 2}, [](auto in) {
          return in.map([](int n) { return n % 2 ? names[1] : string_view("even"); });
        }) == "none");
  CHECK(found<std::string>(how, {text}, [](auto in) {
          return in.map([](const std::string&) { return string_view(); });
        }) == "none");
  CHECK(found<std::string>(how, {text}, [](auto in) {
          return in.map([](const std::string& s) { return s + "!"; }).map([](const std::string& s) {
            return string_view(s).substr(1);
          });
        }) == "none");
  CHECK(found<string_view>(how, {text}, [](auto in) {
          return in.map_partitions([](const auto& all) {
            std::vector<string_view> views;
            for (const auto& each : all)
              views.push_back(string_view(each).substr(1));
            return views;
          });
        }) == "none");
}
