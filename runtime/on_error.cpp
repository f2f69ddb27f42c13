#include <weir/runtime/on_error.hpp>

#include <fmt/format.h>

namespace weir {

on_error on_error::dead_letter(sink_factory<weir::dead_letter> to) {
  on_error policy(action::dead_letter);
  policy.letters_ = std::make_shared<const sink_factory<weir::dead_letter>>(std::move(to));
  return policy;
}

on_error on_error::retry(std::uint32_t times, duration first_wait, const on_error& otherwise) {
  on_error policy = otherwise;
  policy.retries_twice_ = otherwise.retries_ > 0;
  policy.retries_ = times;
  policy.first_wait_ = first_wait;
  return policy;
}

on_error on_error::max_bad_ratio(double ratio) const {
  on_error policy = *this;
  policy.bad_ratio_ = ratio;
  return policy;
}

expected<void> on_error::check() const {
  using namespace std::chrono_literals;
  const auto invalid = [](std::string text) {
    return error(errc::invalid_config, std::move(text));
  };
  if (!(bad_ratio_ > 0 && bad_ratio_ <= 1))
    return invalid(fmt::format(
        "on_error: max_bad_ratio is {}; it must be more than 0 and at most 1", bad_ratio_));
  if (retries_twice_)
    return invalid(
        "on_error: the policy behind a retry is another retry; give the first more times");
  if (retries_ > 16)
    return invalid(fmt::format("on_error: retry {} times; at most 16 are allowed", retries_));
  if (retries_ > 0 && (first_wait_ < 0ns || first_wait_ > 60s ||
                       first_wait_ * ((std::int64_t{1} << retries_) - 1) > 60s))
    return invalid(
        fmt::format("on_error: {} retries whose first waits {} ns; all waits together must "
                    "be 0 to 60 s",
                    retries_, first_wait_.count()));
  if (letters_ && !letters_->make)
    return invalid("on_error: dead_letter was given a sink without a factory");
  if (letters_ && !letters_->valid)
    return error(letters_->valid.error()).with("on_error: dead_letter");
  if (letters_ && !letters_->traits.parallel)
    return invalid(fmt::format("on_error: the dead-letter sink '{}' allows only one replica, but "
                               "every replica of the operator writes its own letters; use a sink "
                               "that is parallel, such as dead_letter_files or kafka::dead_letters",
                               letters_->traits.name));
  return {};
}

} // namespace weir
