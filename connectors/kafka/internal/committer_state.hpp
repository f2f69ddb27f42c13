// What the copies of an offset_committer share with the running source.
#pragma once

#include <weir/connectors/kafka/offset_committer.hpp>

#include <mutex>
#include <string>
#include <vector>

namespace weir::kafka {

struct offset_committer::state {
  std::mutex mutex;
  /// Set while a source with `offsets = manual` runs.
  std::function<void(std::vector<offset_range>, callback)> submit;
  std::string refusal = "this offset_committer belongs to no running stream; give it to one in its "
                        "options, and start";
};

} // namespace weir::kafka
