// Writes each batch as a directory of text files. Declared in runtime/text_sink.hpp.
#include <weir/connectors/file/internal/batch_directory.hpp>
#include <weir/runtime/text_sink.hpp>

namespace weir {
namespace {

class text_file_sink final : public text_sink {
public:
  explicit text_file_sink(const text_files& where_to)
      : first_line_(where_to.first_line.empty() ? "" : where_to.first_line + "\n"),
        directory_(where_to) {}

  expected<void> open(const replica_context& context) override {
    node_ = context.node;
    return {};
  }
  expected<void> begin(const batch& whole) override {
    return directory_.begin(whole.time, whole.nodes[node_.value].input_partitions, first_line_);
  }
  expected<void> write(partition_id partition, std::string_view line) override {
    if (auto written = directory_.append(partition, line); !written)
      return written;
    return directory_.append(partition, "\n");
  }
  expected<void> prepare() override { return directory_.sync(); }
  expected<void> commit() override { return directory_.publish(); }
  void abort() noexcept override { directory_.discard(); }

private:
  node_id node_;
  std::string first_line_; ///< Of every file, with its end; empty: none.
  batch_directory directory_;
};

} // namespace

std::unique_ptr<text_sink> make_text_file_sink(text_files where_to) {
  return std::make_unique<text_file_sink>(where_to);
}

} // namespace weir
