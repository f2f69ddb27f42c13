// The core API of weir in one include.
//
//   context (runtime/context.hpp)          make, compose, start, stop
//     options (runtime/options.hpp)        batch interval, threads, memory, rate control
//     listener, batch_report               who hears of a batch, what is said
//   stream (operators/stream.hpp)          map, filter, reduce_by_key, ..., print, for_each_batch,
//   to(sink)
//     tables (operators/table/)            static_table, refreshable_table, broadcast
//     sources                              connectors/kafka.hpp, connectors/memory.hpp,
//                                          connectors/file/directory_stream.hpp,
//                                          connectors/rate/rate_stream.hpp
//     text to values                       connectors/codec/{csv,json}.hpp: parse_csv, parse_json
//     on_error (runtime/on_error.hpp)      what becomes of a bad record;
//     connectors/file/dead_letter_files.hpp sink (runtime/sink.hpp)              where records
//     leave
//   expected, error (runtime/expected.hpp) what every fallible call returns
//
// Programs add weir/main.hpp for signal handling.
#pragma once

#include <weir/connectors/file/directory_stream.hpp>
#include <weir/connectors/file/object_file.hpp>
#include <weir/connectors/memory.hpp>
#include <weir/connectors/rate/rate_stream.hpp>
#include <weir/operators/stream.hpp>
#include <weir/runtime/context.hpp>
#include <weir/runtime/version.hpp>
