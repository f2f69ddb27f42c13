// Records leaving the graph as text or bytes: what print, save_as_text_files and
// save_as_object_files write to. Defined in connectors/.
#pragma once

#include <weir/runtime/sink.hpp>

#include <memory>
#include <string>
#include <string_view>

namespace weir {

/// Takes the lines, or the encoded records, of one batch at a time, by partition. One thread at a
/// time; calls as those of `sink`.
class text_sink {
public:
  virtual ~text_sink() = default;
  virtual expected<void> open(const replica_context&) { return {}; }
  virtual expected<void> begin(const batch& whole) = 0;

  /// Whether another line of this partition would be used.
  [[nodiscard]] virtual bool wants(partition_id) const { return true; }
  virtual expected<void> write(partition_id partition, std::string_view line) = 0;
  virtual expected<void> prepare() { return {}; }
  virtual expected<void> commit() = 0;
  virtual void abort() noexcept = 0;
};

/// Prints the first `lines` lines of each batch on standard output, under a heading with the batch
/// time.
std::unique_ptr<text_sink> make_console_sink(std::size_t lines);

/// Where the lines of each batch go: into one directory per batch, `<prefix>-<ms>[.<suffix>]` (no
/// "-" when the prefix is empty), with one file `part-NNNNN<extension>` per partition.
struct text_files {
  std::string prefix{};
  std::string suffix{};
  std::string extension{};  ///< With its dot.
  std::string first_line{}; ///< Of every file; empty: none.
};

/// Replaces a directory of the same name.
std::unique_ptr<text_sink> make_text_file_sink(text_files where_to);

/// The same with object files (docs/formats/object-file.md); what is written are values in the
/// bytes of their codec.
std::unique_ptr<text_sink> make_object_file_sink(text_files where_to);

} // namespace weir
