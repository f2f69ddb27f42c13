// Keyed state in RocksDB (target weir::rocksdb).
#pragma once

#include <weir/connectors/rocksdb/state_backend.hpp>
