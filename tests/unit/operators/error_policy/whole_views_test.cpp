// Retries of functions that are given a whole partition or a whole batch.
#include "bad_records.hpp"

#include <atomic>
#include <ranges>

using namespace std::chrono_literals;
using Catch::Contains;
using weir::on_error;
using weir::test::every_mode;
using weir::test::number_in;
using weir::test::run_mode;
using weir::test::text_job;

namespace {

/// Numbers of texts; the first `failures` times the service is busy when it is asked for "2".
class service {
public:
  explicit service(int failures) : failures_(failures) {}
  int ask(const std::string& text) {
    if (text == "2" && ++asked_ <= failures_)
      throw std::runtime_error("the service is busy");
    return number_in(text);
  }
  [[nodiscard]] int asked() const { return asked_; }

private:
  const int failures_;
  std::atomic<int> asked_ = 0;
};

/// A job that asks the service inside `map_partitions` or `transform`.
struct asking_job : text_job<int> {
  asking_job(run_mode how, std::shared_ptr<service> by, bool whole, const on_error& policy)
      : text_job<int>(how, [=](const weir::stream<std::string>& in) -> weir::stream<int> {
          if (whole)
            return in
                .transform([by](const weir::batch_view<std::string>& all) {
                  std::vector<int> numbers;
                  all.for_each([&](const std::string& text) { numbers.push_back(by->ask(text)); });
                  return numbers;
                })
                .on_error(policy);
          return in
              .map_partitions([by](const weir::partition_view<std::string>& all) {
                return all | std::views::transform( // it throws when "1" has been passed on
                                 [by](const std::string& text) { return by->ask(text); });
              })
              .on_error(policy);
        }) {
    input->append_all({"1", "2", "3"}, 0);
    input->append_all({"4"}, 1);
  }
};

} // namespace

SCENARIO("a function of a whole view that fails for a while is called again with the same view",
         "[operators][error_policy]") {
  const auto how = GENERATE(from_range(every_mode()));
  const bool whole = GENERATE(false, true);
  const auto by = std::make_shared<service>(2);
  asking_job t(how, by, whole, on_error::retry(2, 0ms));
  const auto report = t.good_step();
  CHECK(weir::test::sorted(t.table->rows()) == std::vector{1, 2, 3, 4});
  CHECK(by->asked() == 3);
  CHECK(report.dropped == 0);
}

SCENARIO("a function of a whole view that goes on failing is given up after the last retry",
         "[operators][error_policy]") {
  const auto how = GENERATE(from_range(every_mode()));
  const bool whole = GENERATE(false, true);
  const auto by = std::make_shared<service>(100);
  GIVEN("fail") {
    asking_job t(how, by, whole, on_error::retry(3, 0ms));
    const auto failure = t.step().failure;
    REQUIRE(failure);
    CHECK(failure->code() == weir::errc::user_function_failed);
    CHECK_THAT(failure->message(),
               Contains(whole ? "transform" : "map_partitions") && Contains("busy"));
    CHECK(t.table->rows().empty());
  }
  GIVEN("drop") {
    asking_job t(how, by, whole, on_error::retry(3, 0ms, on_error::drop));
    CHECK(t.good_step().dropped == 1);
    CHECK(t.table->rows() == (whole ? std::vector<int>{} : std::vector{4}));
  }
  CHECK(by->asked() == 4);
}
