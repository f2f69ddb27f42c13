// Writes each batch as a directory of object files. Declared in runtime/text_sink.hpp.
#include <weir/connectors/file/internal/batch_directory.hpp>
#include <weir/connectors/file/internal/object_format.hpp>
#include <weir/runtime/text_sink.hpp>

#include <vector>

namespace weir {
namespace {

class object_file_sink final : public text_sink {
public:
  explicit object_file_sink(text_files where_to) : directory_(std::move(where_to)) {}

  expected<void> open(const replica_context& context) override {
    node_ = context.node;
    return {};
  }

  expected<void> begin(const batch& whole) override {
    records_.assign(whole.nodes[node_.value].input_partitions, 0);
    return directory_.begin(whole.time, static_cast<std::uint32_t>(records_.size()),
                            object_format::magic);
  }

  expected<void> write(partition_id partition, std::string_view encoded) override {
    if (encoded.size() >= object_format::end_mark)
      return error(errc::sink_failed, "a record of 4 GiB or more does not fit an object file");
    ++records_[partition.value];
    return append(partition, static_cast<std::uint32_t>(encoded.size()), encoded);
  }

  expected<void> prepare() override {
    for (std::uint32_t p = 0; p < records_.size(); ++p)
      if (auto ended = append(partition_id(p), object_format::end_mark, encoded(records_[p]));
          !ended)
        return ended;
    return directory_.sync();
  }
  expected<void> commit() override { return directory_.publish(); }
  void abort() noexcept override { directory_.discard(); }

private:
  expected<void> append(partition_id partition, std::uint32_t length, std::string_view bytes) {
    frame_.clear();
    object_format::append_frame(length, bytes, frame_);
    return directory_.append(partition, frame_);
  }

  node_id node_;
  batch_directory directory_;
  std::vector<std::uint64_t> records_; ///< By partition.
  std::string frame_;
};

} // namespace

std::unique_ptr<text_sink> make_object_file_sink(text_files where_to) {
  return std::make_unique<object_file_sink>(std::move(where_to));
}

} // namespace weir
