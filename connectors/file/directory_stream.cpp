#include <weir/connectors/file/directory_stream.hpp>

#include <weir/connectors/file/internal/directory_source.hpp>
#include <weir/runtime/paths.hpp>

#include <fmt/format.h>

namespace weir {

expected<void> directory_options::check() const {
  const auto wrong = [](std::string_view field, auto value, std::string_view allowed) {
    return error(errc::invalid_config,
                 fmt::format("directory_options.{} is {}, but must be {}", field, value, allowed));
  };
  if (auto checked = check_path("directory_options.pattern", pattern); !checked)
    return checked;
  if (pattern.find('/') != std::string::npos)
    return wrong("pattern", '"' + pattern + '"', "a pattern of names, without '/'");
  if (pattern.empty())
    return wrong("pattern", "empty", "a shell pattern such as *.csv");
  if (max_files_per_batch < 1)
    return wrong("max_files_per_batch", max_files_per_batch, ">= 1");
  if (max_file_age <= duration::zero())
    return wrong("max_file_age", fmt::format("{} s", seconds_of(max_file_age)), "> 0");
  if (separator == quote || separator == '\n' || separator == '\r' || quote == '\n' ||
      quote == '\r')
    return error(errc::invalid_config, "directory_options.separator and quote must differ, and be "
                                       "no line end");
  if (max_line_bytes < 1)
    return wrong("max_line_bytes", max_line_bytes, ">= 1");
  return {};
}

stream<std::string_view> directory_stream(context& to, std::string path, directory_options options,
                                          std::source_location where) {
  source_spec spec;
  spec.label = fmt::format("directory({})", path);
  spec.blocking = true;
  if (auto checked = check_path("directory_stream: the path", path); !checked)
    spec.mistakes.push_back(std::move(checked).error().at(where));
  if (auto checked = options.check(); !checked)
    spec.mistakes.push_back(std::move(checked).error().at(where));
  spec.make = make_directory_source(std::move(path), std::move(options));
  return add_source<std::string_view>(to, std::move(spec), where);
}

source_factory make_directory_source(std::string path, directory_options options) {
  return [path = std::move(path), options = std::move(options)] {
    return std::make_unique<directory_source>(path, options);
  };
}

} // namespace weir
