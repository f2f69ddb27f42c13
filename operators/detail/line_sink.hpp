// Formats or encodes records for a text sink.
#pragma once

#include <weir/operators/action/format_csv.hpp>
#include <weir/operators/action/format_json.hpp>
#include <weir/operators/action/format_record.hpp>
#include <weir/runtime/codec.hpp>
#include <weir/runtime/text_sink.hpp>

namespace weir::detail {

/// How a record becomes a line.
inline constexpr auto as_text = [](const auto& record, std::string& line) {
  format_record(record, line);
};
inline constexpr auto as_csv = [](const auto& record, std::string& line) {
  format_csv(record, line);
};
inline constexpr auto as_json = [](const auto& record, std::string& line) {
  format_json(record, line);
};
inline constexpr auto as_object = []<class T>(const T& record, std::string& bytes) {
  codec<T>::encode(record, bytes);
};

/// One record, one line.
template <class T, auto Format = as_text>
class line_sink final : public sink<T> {
public:
  explicit line_sink(std::unique_ptr<text_sink> to) : to_(std::move(to)) {}

  expected<void> open(const replica_context& context) override { return to_->open(context); }
  expected<void> begin(const batch& whole) override { return to_->begin(whole); }

  expected<progress> write(const sink_block<T>& in, std::size_t& written) override {
    for (const auto& record : in.records) {
      if (!to_->wants(in.partition))
        break;
      line_.clear();
      Format(record, line_);
      if (auto wrote = to_->write(in.partition, line_); !wrote)
        return std::move(wrote).error();
    }
    written = in.records.size();
    return progress::done;
  }

  expected<progress> prepare() override { return done(to_->prepare()); }
  expected<progress> commit() override { return done(to_->commit()); }
  void abort() noexcept override { to_->abort(); }

private:
  static expected<progress> done(expected<void> result) {
    if (!result)
      return std::move(result).error();
    return progress::done;
  }

  std::unique_ptr<text_sink> to_;
  std::string line_;
};

} // namespace weir::detail
