#include <weir/operators/detail/failure_policy.hpp>

#include <weir/operators/detail/dead_letters.hpp>

#include <fmt/format.h>

#include <exception>

namespace weir::detail {

void add_header(original& to, std::string_view name, std::optional<std::string_view> value) {
  to.headers.emplace_back(name, value);
}

// ---- bad_share

void bad_share::settle_last() noexcept {
  if (open_.records > 0) {
    past_[next_] = open_;
    next_ = (next_ + 1) % past_.size();
    known_ = std::min(known_ + 1, past_.size());
  }
  open_ = {};
}

bad_share::sample bad_share::sum() const noexcept {
  sample all = open_;
  for (std::size_t i = 0; i < known_; ++i) {
    all.records += past_[i].records;
    all.bad += past_[i].bad;
  }
  return all;
}

bool bad_share::exceeds(double limit, std::uint64_t records) noexcept {
  open_.records = records;
  const auto all = sum();
  const bool enough = all.records >= enough_records || (records > 0 && known_ == past_.size());
  return enough && static_cast<double>(all.bad) > limit * static_cast<double>(all.records);
}

std::string bad_share::text() const {
  const auto all = sum();
  return fmt::format("{} of {} records in {} batches", all.bad, all.records, known_ + 1);
}

// ---- failure_policy

failure_policy::failure_policy(std::shared_ptr<const stage_operators> operators)
    : operators_(std::move(operators)), letters_(std::make_unique<dead_letters>()) {}

failure_policy::~failure_policy() = default;

expected<void> failure_policy::open(const replica_context& context) {
  context_ = context;
  shares_.resize(operators_->policies.size());
  std::vector<dead_letters::factory> factories;
  for (const auto& policy : operators_->policies)
    factories.push_back(policy.letters());
  return letters_->open(context, factories);
}

expected<void> failure_policy::begin(const batch& whole) {
  whole_ = &whole;
  noted_ = false;
  notes_.clear();
  dropped_ = 0;
  return letters_->begin(whole);
}

void failure_policy::committed() noexcept {
  for (auto& share : shares_)
    share.settle_last();
}

void failure_policy::abort() noexcept {
  for (auto& share : shares_)
    share.forget_open();
  whole_ = nullptr;
  noted_ = false;
  notes_.clear();
  letters_->abort();
}

void failure_policy::close() noexcept { letters_->close(); }

expected<progress> failure_policy::write_letters() {
  return letters_->waiting() ? letters_->write() : expected<progress>(progress::done);
}

void failure_policy::threw(std::size_t index) noexcept {
  std::string what = "an exception that is no std::exception";
  try {
    throw;
  } catch (const std::exception& e) {
    what = e.what();
  } catch (...) { // NOLINT(bugprone-empty-catch): the text above says it
  }
  note_down(index, error(errc::user_function_failed, "the user's function threw: " + what));
}

void failure_policy::refused(std::size_t index, error reason) noexcept {
  note_down(index, std::move(reason));
}

void failure_policy::note_down(std::size_t index, error what) noexcept {
  noted_ = true;
  dropped_ += drops(index);
  notes_.push_back({index, std::move(what)});
}

std::optional<duration> failure_policy::put_off(std::size_t index,
                                                std::uint32_t failures) noexcept {
  const auto& policy = operators_->policies[index];
  if (failures >= policy.retries())
    return std::nullopt;
  noted_ = true;
  return policy.wait_before(failures);
}

expected<void> failure_policy::settle(partition_id partition, std::int64_t origin,
                                      original record) {
  put_off_ = {partition, origin, std::move(record)};
  ++settled_;
  return settle_told(put_off_);
}

expected<void> failure_policy::settle() {
  put_off_.reset();
  ++settled_;
  return settle_told(put_off_);
}

expected<void> failure_policy::settle_put_off() { return settle_told(put_off_); }

expected<void> failure_policy::settle_told(const std::optional<told>& by_head) {
  noted_ = false;
  if (notes_.empty())
    return {};
  if (!by_head || !context_.reads_from || !whole_)
    return settle_unplaced();
  const auto& ranges = whole_->sources[context_.reads_from->value].ranges;
  if (by_head->partition.value >= ranges.size())
    return settle_unplaced();
  const auto& range = ranges[by_head->partition.value];
  place where{
      .text = {}, .topic = range.topic, .partition = range.partition, .offset = by_head->origin};
  if (by_head->origin == no_origin)
    where.text = fmt::format("topic {} partition {}, in [{}, {})", range.topic, range.partition,
                             range.from, range.until);
  else
    where.text = fmt::format("topic {} partition {} offset {}", range.topic, range.partition,
                             by_head->origin);
  return settle_at(where, by_head->record);
}

expected<void> failure_policy::settle_unplaced() {
  return settle_at({.text = whole_ ? describe_ranges(*whole_) : "an unknown record"}, {});
}

expected<void> failure_policy::settle_at(const place& where, const original& record) {
  const auto notes = std::exchange(notes_, {});
  for (const auto& [index, what] : notes) {
    const auto& policy = operators_->policies[index];
    if (policy.finally() == on_error::action::fail)
      return error(what.code(),
                   fmt::format("'{}': {} at {}; the batch's offsets are not committed. Mend the "
                               "function or the record, or set on_error to drop or dead_letter",
                               operators_->kinds[index], what.message(), where.text));
  }
  for (const auto& [index, what] : notes) {
    const auto& policy = operators_->policies[index];
    shares_[index].add_bad(settled_);
    if (policy.finally() == on_error::action::drop) {
      log_drop(where, error(what.code(),
                            fmt::format("'{}': {}", operators_->kinds[index], what.message())));
      continue;
    }
    auto added = letters_->add(policy.letters(), {.job = operators_->job,
                                                  .operation = operators_->kinds[index],
                                                  .code = what.code(),
                                                  .message = what.message(),
                                                  .batch = whole_ ? whole_->time : batch_time{},
                                                  .topic = where.topic,
                                                  .partition = where.partition,
                                                  .offset = where.offset,
                                                  .timestamp = record.timestamp,
                                                  .key = record.key,
                                                  .value = record.value,
                                                  .headers = record.headers});
    if (!added)
      return added;
  }
  return {};
}

void failure_policy::log_drop(const place& where, const error& what) {
  using namespace std::chrono_literals;
  if (!context_.log || !whole_ || (logged_ && whole_->time - *logged_ < 1s))
    return;
  logged_ = whole_->time;
  context_.log(log_level::warning,
               fmt::format("record dropped at {}: {}", where.text, what.message()));
}

expected<void> failure_policy::judge(std::uint64_t records) {
  for (std::size_t i = 0; i < shares_.size(); ++i) {
    const auto limit = operators_->policies[i].bad_ratio();
    if (drops(i) && shares_[i].exceeds(limit, records))
      return error(
          errc::user_function_failed,
          fmt::format("'{}': {} were bad, more than the {} that on_error's max_bad_ratio "
                      "allows; the batch's offsets are not committed. Mend what is wrong, or "
                      "raise the ratio",
                      operators_->kinds[i], shares_[i].text(), limit));
  }
  return {};
}

expected<progress> failure_policy::prepare() { return letters_->prepare(); }
bool failure_policy::commits() const noexcept { return letters_->commits(); }
expected<progress> failure_policy::commit() { return letters_->commit(); }

} // namespace weir::detail
