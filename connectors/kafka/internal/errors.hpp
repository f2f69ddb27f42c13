// What librdkafka's error codes mean to weir: the one place where they are translated.
#pragma once

#include <weir/runtime/error.hpp>

#include <librdkafka/rdkafka.h>

#include <string_view>

namespace weir::kafka {

/// What a failure asks the caller to do.
enum class nature {
  none,       ///< No failure, or only news such as the end of a partition.
  transient,  ///< Broker, network or leader are away for now: librdkafka goes on trying, so weir
              ///< waits.
  membership, ///< The group has taken the partitions away: drop them, commit nothing, wait for the
              ///< next assignment.
  position,   ///< The wanted offset is not in the log: the data-loss policy decides.
  missing,    ///< The topic or partition does not exist.
  record,     ///< One record cannot be written or read.
  final,      ///< Trying again does not help.
};

struct translation {
  errc code;
  kafka::nature nature;
  std::string_view remedy; ///< What the user can do; may be empty.
};

/// Meaning of a code. Codes that librdkafka adds later count as final.
[[nodiscard]] translation translate(rd_kafka_resp_err_t code) noexcept;

[[nodiscard]] inline nature nature_of(rd_kafka_resp_err_t code) noexcept {
  return translate(code).nature;
}

/// What to say beside a refused login, if it may be a defect of the client.
/// @param mechanism of SASL, as configured.
/// @param version of librdkafka, as `rd_kafka_version()` gives it.
[[nodiscard]] std::string_view login_hint(rd_kafka_resp_err_t code, std::string_view mechanism,
                                          int version) noexcept;

/// An error for people: what was tried, librdkafka's description, its detail when it has one, the
/// remedy.
[[nodiscard]] error to_error(rd_kafka_resp_err_t code, std::string_view tried,
                             std::string_view detail = {});

} // namespace weir::kafka
