// Prints the head of each batch on standard output. Declared in runtime/text_sink.hpp.
#include <weir/runtime/text_sink.hpp>

#include <fmt/format.h>

#include <cstdio>
#include <map>
#include <vector>

namespace weir {
namespace {

class console_sink final : public text_sink {
public:
  explicit console_sink(std::size_t lines) : lines_(lines) {}

  expected<void> begin(const batch& whole) override {
    time_ = whole.time;
    kept_.clear();
    return {};
  }

  /// One line more than will be shown tells whether there were more.
  [[nodiscard]] bool wants(partition_id partition) const override {
    const auto found = kept_.find(partition);
    return found == kept_.end() || found->second.size() <= lines_;
  }

  expected<void> write(partition_id partition, std::string_view line) override {
    kept_[partition].emplace_back(line);
    return {};
  }

  expected<void> commit() override {
    const std::string rule(43, '-');
    std::string text = fmt::format("{}\nTime: {} ms\n{}\n", rule, milliseconds_of(time_), rule);
    std::size_t shown = 0;
    bool more = false;
    for (const auto& [partition, lines] : kept_)
      for (const auto& line : lines) {
        if (shown < lines_)
          text += line + "\n";
        else
          more = true;
        ++shown;
      }
    text += more ? "...\n\n" : "\n";
    if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() || std::fflush(stdout) != 0)
      return error(errc::io, "print could not write to standard output");
    kept_.clear();
    return {};
  }

  void abort() noexcept override { kept_.clear(); }

private:
  std::size_t lines_;
  batch_time time_{};
  std::map<partition_id, std::vector<std::string>> kept_; ///< In partition order.
};

} // namespace

std::unique_ptr<text_sink> make_console_sink(std::size_t lines) {
  return std::make_unique<console_sink>(lines);
}

} // namespace weir
