// Retries wait on the job's clock, and hold up nothing but their own stage.
#include "bad_records.hpp"

#include <atomic>
#include <map>

using namespace std::chrono_literals;
using Catch::Contains;
using weir::errc;
using weir::on_error;
using weir::test::number_in;
using weir::test::text_job;

namespace {

/// A service that refuses each request a number of times. It counts them.
class busy_service {
public:
  explicit busy_service(int refusals = 1) : refusals_(refusals) {}

  template <class Text>
  Text ask(const Text& request) {
    if (++(*asked_)[std::string(request)] <= refusals_)
      throw std::runtime_error("the service is busy");
    return request;
  }
  [[nodiscard]] std::map<std::string, int> asked() const { return *asked_; }

private:
  int refusals_;
  std::shared_ptr<std::map<std::string, int>> asked_ =
      std::make_shared<std::map<std::string, int>>();
};

/// Lets time pass for an in-line job without a batch time being reached.
template <class Job>
void pass(Job& t, weir::duration time) {
  t.job->clock().advance(time);
  t.job->context().run_ready();
}

/// Begins a batch that waits for a retry.
template <class Job>
void begin_waiting(Job& t) {
  const auto report = t.job->step();
  REQUIRE_FALSE(report);
  REQUIRE(report.error().code() == errc::timed_out);
}

} // namespace

SCENARIO("a retry waits on the job's clock, and its host goes on", "[operators][error_policy]") {
  busy_service service(2);
  text_job<std::string> t({}, [&](auto in) {
    return in.map([=](const std::string& s) mutable { return service.ask(s); })
        .on_error(on_error::retry(2, 10ms));
  });
  t.input->append_all({"1", "2"});
  begin_waiting(t);
  t.job->clock().set_wall(GENERATE(0h, -1h, 1h)); // nobody waits by it
  CHECK(service.asked() == std::map<std::string, int>{{"1", 1}});
  CHECK(t.job->context().next_due() == 10ms);
  pass(t, 9ms);
  CHECK(service.asked()["1"] == 1);
  pass(t, 1ms);
  CHECK(service.asked()["1"] == 2);
  CHECK(t.job->context().next_due() == 20ms); // twice as long
  pass(t, 20ms);
  CHECK(service.asked() == std::map<std::string, int>{{"1", 3}, {"2", 1}});
  pass(t, 10ms);
  CHECK(t.table->rows().empty());
  pass(t, 20ms);
  CHECK(t.table->rows() == std::vector<std::string>{"1", "2"});
  REQUIRE(t.job->reports().size() == 1);
  CHECK_FALSE(t.job->reports()[0].failure);
}

SCENARIO("a stop does not wait for a retry beyond its deadline", "[operators][error_policy]") {
  busy_service service;
  text_job<std::string> t({}, [&](auto in) {
    return in.map([=](const std::string& s) mutable { return service.ask(s); })
        .on_error(on_error::retry(1, 50s));
  });
  t.input->append("1");
  begin_waiting(t);
  t.job->context().request_stop(2s);
  pass(t, 0s);
  pass(t, 1s);
  CHECK(t.job->context().running());
  pass(t, 1s);
  CHECK_FALSE(t.job->context().running());
  CHECK(t.table->rows().empty());
}

SCENARIO("what comes behind a retried element waits for it, and nothing before it is called again",
         "[operators][error_policy]") {
  const auto how = GENERATE(from_range(weir::test::every_mode()));
  const auto expanded = std::make_shared<std::atomic<int>>(0);
  busy_service first, second;
  text_job<std::string> t(how, [&](auto in) {
    return in
        .flat_map([=](const std::string& s) {
          ++*expanded;
          return std::vector{s + "a", s + "b", s + "c"};
        })
        .map([=](const std::string& s) mutable { return s == "1b" ? first.ask(s) : s; })
        .on_error(on_error::retry(1, 0ms))
        .flat_map([](const std::string& s) { return std::vector{s + "x", s + "y"}; })
        .map([=](const std::string& s) mutable { return s.ends_with("bx") ? second.ask(s) : s; })
        .on_error(on_error::retry(1, 0ms));
  });
  t.input->append_all({"1", "2"});
  (void)t.good_step();
  CHECK(t.table->rows() == std::vector<std::string>{"1ax", "1ay", "1bx", "1by", "1cx", "1cy", //
                                                    "2ax", "2ay", "2bx", "2by", "2cx", "2cy"});
  CHECK(*expanded == 2);
}

SCENARIO("a view that waits is kept with its bytes", "[operators][error_policy]") {
  const auto how = GENERATE(from_range(weir::test::every_mode()));
  const std::string far(100, '-'); // no short string
  busy_service service;
  text_job<std::string> t(how, [&](auto in) {
    return in.flat_map([](const std::string& s) { return weir::split_words(s); })
        .map([=](std::string_view word) mutable { return service.ask(word); })
        .on_error(on_error::retry(1, 0ms))
        .map([](std::string_view word) { return std::string(word); });
  });
  t.input->append_all({far + "1 " + far + "2", far + "3"});
  (void)t.good_step();
  CHECK(t.table->rows() == std::vector{far + "1", far + "2", far + "3"});
}

SCENARIO("records that a head passes on at the batch's end are retried, too",
         "[operators][error_policy]") {
  const auto how = GENERATE(from_range(weir::test::every_mode()));
  busy_service service;
  text_job<std::string> t(how, [&](auto in) {
    return in.map([](const std::string& s) { return std::pair(s, 1); })
        .reduce_by_key(std::plus<>{}, 1)
        .map([=](const auto& counted) mutable { return service.ask(std::string(counted.first)); })
        .on_error(on_error::retry(1, 0ms));
  });
  for (int batch = 0; batch < 2; ++batch) {
    t.input->append_all({"a", "b", "a"});
    (void)t.good_step();
  }
  CHECK(weir::test::sorted(t.table->rows()) == std::vector<std::string>{"a", "a", "b", "b"});
}

SCENARIO("a record that no retry helps is dropped with its place and bytes",
         "[operators][error_policy]") {
  const auto box = std::make_shared<weir::test::letter_box>();
  text_job<int> t({}, [&](auto in) {
    return in.map(number_in).on_error(
        on_error::retry(1, 5ms, on_error::dead_letter(weir::test::letters_to(box))));
  });
  t.input->append_all({"1", "x", "3"});
  begin_waiting(t);
  pass(t, 5ms);
  CHECK(t.table->rows() == std::vector{1, 3});
  REQUIRE(box->committed.size() == 1);
  CHECK(box->committed[0].offset == 1);
  CHECK(box->committed[0].value == "x");
}

SCENARIO("a retry is undone with its batch", "[operators][error_policy]") {
  busy_service service;
  text_job<std::string> t({}, [&](auto in) {
    return in.map([=](const std::string& s) mutable { return service.ask(s); })
        .on_error(on_error::retry(1, 50s));
  });
  t.input->append("1");
  begin_waiting(t);
  (void)t.job->context().stop(0s, weir::stop_mode::abandon);
  CHECK(t.table->rows().empty());
  (void)t.good_step(); // a start reads it again; the service has had its rest
  CHECK(t.table->rows() == std::vector<std::string>{"1"});
}

SCENARIO("a function whose records cannot be kept cannot be retried", "[operators][error_policy]") {
  text_job<int> t({}, [](auto in) {
    return in.map([](const std::string& s) { return std::vector<std::string_view>{s}; })
        .map([](const auto& words) { return static_cast<int>(words.size()); })
        .on_error(on_error::retry(1, 0ms));
  });
  const auto started = t.job->step();
  REQUIRE_FALSE(started);
  CHECK_THAT(started.error().to_string(),
             Contains("cannot be retried") && Contains("retry_test.cpp"));
}
