// A program of somebody else's that gives its compiler no reason to warn: what actions, sinks and
// options are made of is compiled here as users write it. Compiled only.
#include <weir/connectors/file/dead_letter_files.hpp>
#include <weir/weir.hpp>

#include <chrono>
#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace std::chrono_literals;
using count = std::pair<std::string, std::int64_t>;

/// A sink that owns what it needs.
template <class T>
class counting_sink final : public weir::sink<T> {
public:
  counting_sink(std::shared_ptr<std::size_t> to, std::string name)
      : to_(std::move(to)), name_(std::move(name)) {}
  weir::expected<weir::progress> write(const weir::sink_block<T>& in,
                                       std::size_t& written) override {
    written = in.records.size();
    *to_ += written + name_.size();
    return weir::progress::done;
  }

private:
  std::shared_ptr<std::size_t> to_;
  std::string name_;
};

struct writer {
  std::shared_ptr<std::size_t> to;
  bool open(weir::partition_id, const weir::batch&) { return true; }
  void process(const count& record) { *to += record.first.size(); }
  void close(const weir::error*) {}
};

} // namespace

/// @returns why the job does not start.
weir::expected<void> run(std::string name) {
  auto ctx = weir::context::make(
      {.name = name, .batch_interval = 10ms, .log = [name](const weir::log_record&) {}});
  if (!ctx)
    return std::move(ctx).error();
  const auto seen = std::make_shared<std::size_t>(0);
  const auto words = weir::memory_stream(*ctx, std::make_shared<weir::memory_log<std::string>>());
  const auto counts = words.map([](const std::string& word) { return count(word, 1); })
                          .reduce_by_key(std::plus<>{})
                          .share();

  words.for_each_batch([](const weir::batch_view<std::string>&) {});
  words.for_each_batch([&](const weir::batch_view<std::string>& all) { *seen += all.size(); });
  words.for_each_batch([seen, name](const weir::batch_view<std::string>& all) {
    *seen += all.size() + name.size();
  });
  counts.for_each_batch([seen, name](const weir::batch_view<count>& all) { *seen += all.size(); });
  counts.map_values([](std::int64_t n) { return n + 1; })
      .for_each_batch([seen, name](const weir::batch_view<count>& all) { *seen += all.size(); });
  counts.for_each_partition(
      [seen, name](const weir::partition_view<count>& some) { *seen += some.size(); });

  counts.to({.make = [seen, name] { return std::make_unique<counting_sink<count>>(seen, name); }});
  counts.to({.traits = {.name = "counting"},
             .make = [seen, name] { return std::make_unique<counting_sink<count>>(seen, name); }});
  counts.to({.traits = {.name = name, .parallel = true, .diagnostic = true},
             .make = [seen, name]() -> std::unique_ptr<weir::sink<count>> {
               return std::make_unique<counting_sink<count>>(seen, name);
             }});
  counts.to(weir::memory_sink(std::make_shared<weir::memory_table<count>>()));
  words.to(weir::memory_sink(std::make_shared<weir::memory_table<std::string>>()));
  counts.for_each(writer{seen});
  counts.print();
  counts.save_as_text_files("counts", name);
  counts.save_as_csv_files("counts", name);
  counts.save_as_json_files("counts", name);
  counts.save_as_object_files("counts", name);

  words.map([](const std::string& word) { return word.size(); })
      .on_error(weir::on_error::dead_letter(weir::dead_letter_files(name)))
      .for_each_batch([seen](const weir::batch_view<std::size_t>& all) { *seen += all.size(); });
  weir::directory_stream(*ctx, name, {.pattern = "*.csv", .new_files_only = false})
      .for_each_batch(
          [seen](const weir::batch_view<std::string_view>& all) { *seen += all.size(); });
  counts
      .update_state_by_key<std::int64_t>(
          [name](auto values, std::optional<std::int64_t> before) {
            return std::optional(before.value_or(0) + static_cast<std::int64_t>(values.size()));
          },
          {.ttl = 1min, .initial = {{name, 1}}})
      .for_each_batch([seen, name](const weir::batch_view<count>& all) { *seen += all.size(); });
  counts.window(1s).for_each_batch(
      [seen, name](const weir::batch_view<count>& all) { *seen += all.size(); });
  return ctx->start();
}
