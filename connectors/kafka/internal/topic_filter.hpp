// Which topics a pattern means: one rule for streams with and without a group.
#pragma once

#include <weir/runtime/expected.hpp>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace weir::kafka {

/// A POSIX extended regular expression over whole topic names. Names that begin with "__" are
/// internal, e.g. the topic of committed offsets: such a topic is meant only where an alternative
/// of the pattern is its name, letter for letter. Immutable; any thread.
class topic_filter {
public:
  /// @returns errc::invalid_config when the pattern is no regular expression.
  static expected<topic_filter> make(const std::string& pattern);

  [[nodiscard]] bool matches(const std::string& topic) const;
  /// Names of internal topics that the pattern spells out.
  [[nodiscard]] const std::vector<std::string>& named() const noexcept { return named_; }

  [[nodiscard]] static bool is_internal(std::string_view topic) noexcept {
    return topic.starts_with("__");
  }

private:
  struct compiled;
  std::shared_ptr<const compiled> expression_;
  std::vector<std::string> named_;
};

} // namespace weir::kafka
