// Dead letters as lines of JSON. Lines: docs/formats/dead_letters.md.
#pragma once

#include <weir/runtime/dead_letter.hpp>
#include <weir/runtime/sink.hpp>

#include <string>

namespace weir {

/// The letter as one line of JSON, without a line end.
[[nodiscard]] std::string to_json_line(const dead_letter& letter);

/// A sink for `on_error::dead_letter`: one file of JSON lines for each replica and batch that has
/// letters, `<prefix>-<batch ms>-<node>-<replica>.jsonl`. A file appears whole or not at all, when
/// its replica ends the batch. Blocking: stages that use it get threads of their own.
[[nodiscard]] sink_factory<dead_letter> dead_letter_files(std::string prefix);

} // namespace weir
