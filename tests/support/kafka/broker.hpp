// A real Apache Kafka broker for the length of a test. Topics and records: topic_admin.hpp.
#pragma once

#include <tests/support/kafka/topic_admin.hpp>

#include <filesystem>
#include <string>

#include <sys/types.h>

namespace weir::testing_support {

struct broker_options {
  bool tls_sasl = false;     ///< Also listens with TLS, and with TLS and a password.
  std::string heap = "768m"; ///< Of the JVM.
  bool full_speed = false;   ///< Optimising JIT: slower start, more throughput. For benchmarks.
  std::string version = {};  ///< Of Kafka; empty: that of pom.xml.
  std::filesystem::path dir = {}; ///< Empty: a temporary folder, removed at the end.
};

/// Starts a broker on free ports of 127.0.0.1 and stops it when destroyed. It dies with this
/// process, even when that is killed. Start and restart it from a thread that outlives it: the
/// kernel ends it with that thread. Threads: one at a time.
class real_broker {
public:
  /// Waits until the broker answers, some seconds (longer the first time, when it is downloaded).
  /// @throws std::runtime_error with the broker's log when it does not come up.
  explicit real_broker(broker_options options = {});
  ~real_broker();
  real_broker(const real_broker&) = delete;
  real_broker& operator=(const real_broker&) = delete;

  const std::string& bootstrap() const { return bootstrap_; } ///< host:port without encryption.
  const std::string& ssl() const { return ssl_; } ///< host:port with TLS; empty without `tls_sasl`.
  const std::string& sasl_ssl() const {
    return sasl_ssl_;
  } ///< host:port with TLS and a password; empty without `tls_sasl`.
  const std::string& ca_file() const {
    return ca_file_;
  } ///< PEM file of the CA that signed the broker's certificate.
  std::string user() const { return "weir"; }
  std::string password() const { return "weir-secret"; }
  pid_t pid() const { return pid_; }

  topic_admin admin() const { return topic_admin{bootstrap_}; }
  topic_admin::properties ssl_client() const; ///< librdkafka properties for ssl().
  /// librdkafka properties for sasl_ssl(). @param mechanism PLAIN or SCRAM-SHA-512. Kafka 4 refuses
  /// the SCRAM of librdkafka before 2.6.1, which sends its nonce twice; Kafka 3.9 takes it.
  topic_admin::properties sasl_ssl_client(const std::string& mechanism = "PLAIN") const;

  void stop();    ///< Orderly; data and ports stay reserved for restart().
  void kill();    ///< As a crash.
  void restart(); ///< Same ports, same data; stops it first if need be.
  /// An address that nobody uses, for `move_to`.
  static std::string spare_address();
  /// Starts again with the same data at another address; without `tls_sasl` only.
  void move_to(const std::string& address);
  void suspend(); ///< The broker freezes: connections stay open, nothing answers.
  void resume();

private:
  void spawn();
  void await_started();
  void end(int signal);

  broker_options options_;
  bool temporary_ = false;
  std::string bootstrap_, ssl_, sasl_ssl_, ca_file_;
  pid_t pid_ = -1;
};

/// The broker that all tests of this process share, with TLS and SASL listeners; started on first
/// use. Tests that stop or kill a broker make their own.
/// @returns nullptr when it cannot start: the test should return. Prints the reason, and the
/// program then exits with 77, "skipped", unless a test fails. Where the variable CI is set it
/// throws the reason instead, so that the test fails.
real_broker* require_broker();

/// A topic name nobody else in this process uses, e.g. "orders-3".
std::string fresh_name(const std::string& prefix);

} // namespace weir::testing_support
