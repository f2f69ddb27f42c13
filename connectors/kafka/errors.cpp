#include <weir/connectors/kafka/internal/errors.hpp>

#include <fmt/format.h>

namespace weir::kafka {

namespace {

constexpr std::string_view check_brokers = "check `brokers` and that a broker listens there";
constexpr std::string_view check_login =
    "check security.protocol, sasl.* and ssl.* and the user's password";
constexpr std::string_view check_acl =
    "give the user the right by an ACL, or use another topic or group";
constexpr std::string_view check_topic = "create the topic, or correct its name";
constexpr std::string_view check_group = "see that no other program uses the group in another way";
constexpr std::string_view check_settings = "correct the property; the broker's log says more";
constexpr std::string_view set_policy =
    "set `on_data_loss` to earliest or latest to go on, or restore the topic";
constexpr std::string_view smaller =
    "raise the topic's max.message.bytes and message.max.bytes, or send less per record";
constexpr std::string_view no_remedy = {};

} // namespace

// No default branch: -Wswitch points at every code that a new librdkafka brings.
translation translate(rd_kafka_resp_err_t code) noexcept {
  switch (code) {
  case RD_KAFKA_RESP_ERR_NO_ERROR:
  case RD_KAFKA_RESP_ERR__PARTITION_EOF:
  case RD_KAFKA_RESP_ERR__NOOP:
  case RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS:
  case RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS:
  case RD_KAFKA_RESP_ERR__NO_OFFSET:
  case RD_KAFKA_RESP_ERR__IN_PROGRESS:
  case RD_KAFKA_RESP_ERR__PREV_IN_PROGRESS:
  case RD_KAFKA_RESP_ERR__OUTDATED:
  case RD_KAFKA_RESP_ERR__INTR:
  case RD_KAFKA_RESP_ERR__RETRY:
    return {errc::internal, nature::none, no_remedy};

  case RD_KAFKA_RESP_ERR__TRANSPORT:
  case RD_KAFKA_RESP_ERR__RESOLVE:
  case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
  case RD_KAFKA_RESP_ERR__UNKNOWN_BROKER:
  case RD_KAFKA_RESP_ERR_NETWORK_EXCEPTION:
  case RD_KAFKA_RESP_ERR_BROKER_NOT_AVAILABLE:
    return {errc::unreachable_broker, nature::transient, check_brokers};

  case RD_KAFKA_RESP_ERR__TIMED_OUT:
  case RD_KAFKA_RESP_ERR__TIMED_OUT_QUEUE:
  case RD_KAFKA_RESP_ERR__MSG_TIMED_OUT:
  case RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT:
    return {errc::timed_out, nature::transient, check_brokers};

  case RD_KAFKA_RESP_ERR__QUEUE_FULL:
  case RD_KAFKA_RESP_ERR__ISR_INSUFF:
  case RD_KAFKA_RESP_ERR__NODE_UPDATE:
  case RD_KAFKA_RESP_ERR__WAIT_COORD:
  case RD_KAFKA_RESP_ERR__WAIT_CACHE:
  case RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE:
  case RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION:
  case RD_KAFKA_RESP_ERR_REPLICA_NOT_AVAILABLE:
  case RD_KAFKA_RESP_ERR_STALE_CTRL_EPOCH:
  case RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS:
  case RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE:
  case RD_KAFKA_RESP_ERR_NOT_COORDINATOR:
  case RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS:
  case RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND:
  case RD_KAFKA_RESP_ERR_NOT_CONTROLLER:
  case RD_KAFKA_RESP_ERR_CONCURRENT_TRANSACTIONS:
  case RD_KAFKA_RESP_ERR_KAFKA_STORAGE_ERROR:
  case RD_KAFKA_RESP_ERR_REASSIGNMENT_IN_PROGRESS:
  case RD_KAFKA_RESP_ERR_FETCH_SESSION_ID_NOT_FOUND:
  case RD_KAFKA_RESP_ERR_INVALID_FETCH_SESSION_EPOCH:
  case RD_KAFKA_RESP_ERR_LISTENER_NOT_FOUND:
  case RD_KAFKA_RESP_ERR_FENCED_LEADER_EPOCH:
  case RD_KAFKA_RESP_ERR_UNKNOWN_LEADER_EPOCH:
  case RD_KAFKA_RESP_ERR_STALE_BROKER_EPOCH:
  case RD_KAFKA_RESP_ERR_OFFSET_NOT_AVAILABLE:
  case RD_KAFKA_RESP_ERR_MEMBER_ID_REQUIRED:
  case RD_KAFKA_RESP_ERR_PREFERRED_LEADER_NOT_AVAILABLE:
  case RD_KAFKA_RESP_ERR_ELIGIBLE_LEADERS_NOT_AVAILABLE:
  case RD_KAFKA_RESP_ERR_UNSTABLE_OFFSET_COMMIT:
  case RD_KAFKA_RESP_ERR_THROTTLING_QUOTA_EXCEEDED:
  case RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS:
    return {errc::source_failed, nature::transient,
            "wait; the brokers are busy or changing leaders"};

  case RD_KAFKA_RESP_ERR__MAX_POLL_EXCEEDED:
  case RD_KAFKA_RESP_ERR__ASSIGNMENT_LOST:
  case RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION:
  case RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID:
    return {errc::partitions_lost, nature::membership, no_remedy};

  case RD_KAFKA_RESP_ERR__FENCED:
  case RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID:
  case RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH:
  case RD_KAFKA_RESP_ERR_PRODUCER_FENCED:
  case RD_KAFKA_RESP_ERR_TRANSACTION_COORDINATOR_FENCED:
    return {errc::fenced, nature::final, "two programs run under one identity: stop one of them"};

  case RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE:
  case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
    return {errc::offset_out_of_range, nature::position, set_policy};

  case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
  case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
  case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    return {errc::unknown_topic, nature::missing, check_topic};

  case RD_KAFKA_RESP_ERR__SSL:
  case RD_KAFKA_RESP_ERR__AUTHENTICATION:
  case RD_KAFKA_RESP_ERR_UNSUPPORTED_SASL_MECHANISM:
  case RD_KAFKA_RESP_ERR_ILLEGAL_SASL_STATE:
  case RD_KAFKA_RESP_ERR_SECURITY_DISABLED:
  case RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED:
  case RD_KAFKA_RESP_ERR_DELEGATION_TOKEN_AUTH_DISABLED:
  case RD_KAFKA_RESP_ERR_DELEGATION_TOKEN_NOT_FOUND:
  case RD_KAFKA_RESP_ERR_DELEGATION_TOKEN_OWNER_MISMATCH:
  case RD_KAFKA_RESP_ERR_DELEGATION_TOKEN_REQUEST_NOT_ALLOWED:
  case RD_KAFKA_RESP_ERR_DELEGATION_TOKEN_AUTHORIZATION_FAILED:
  case RD_KAFKA_RESP_ERR_DELEGATION_TOKEN_EXPIRED:
  case RD_KAFKA_RESP_ERR_INVALID_PRINCIPAL_TYPE:
  case RD_KAFKA_RESP_ERR_UNACCEPTABLE_CREDENTIAL:
  case RD_KAFKA_RESP_ERR_PRINCIPAL_DESERIALIZATION_FAILURE:
    return {errc::authentication, nature::final, check_login};

  case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
  case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
  case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
  case RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED:
    return {errc::authentication, nature::final, check_acl};

  case RD_KAFKA_RESP_ERR_INVALID_MSG_SIZE:
  case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
  case RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE:
    return {errc::sink_failed, nature::record, smaller};

  case RD_KAFKA_RESP_ERR__BAD_COMPRESSION:
    return {errc::decode, nature::record,
            "a compressed batch is damaged, or it takes more than the Kafka property "
            "receive.message.max.bytes when it is inflated: raise that, or look at the topic's log "
            "segments"};

  case RD_KAFKA_RESP_ERR__BAD_MSG:
  case RD_KAFKA_RESP_ERR__UNDERFLOW:
  case RD_KAFKA_RESP_ERR_INVALID_MSG:
    return {errc::decode, nature::record,
            "look at the topic's log segments: what the broker sent is damaged"};

  case RD_KAFKA_RESP_ERR__KEY_SERIALIZATION:
  case RD_KAFKA_RESP_ERR__VALUE_SERIALIZATION:
  case RD_KAFKA_RESP_ERR__KEY_DESERIALIZATION:
  case RD_KAFKA_RESP_ERR__VALUE_DESERIALIZATION:
  case RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP:
  case RD_KAFKA_RESP_ERR_INVALID_RECORD:
  case RD_KAFKA_RESP_ERR_POLICY_VIOLATION:
    return {errc::sink_failed, nature::record,
            "correct the record: the broker does not accept it. A compacted topic, for one, takes "
            "no record without a key"};

  case RD_KAFKA_RESP_ERR__INVALID_ARG:
  case RD_KAFKA_RESP_ERR__UNKNOWN_GROUP:
  case RD_KAFKA_RESP_ERR__EXISTING_SUBSCRIPTION:
  case RD_KAFKA_RESP_ERR__CONFLICT:
  case RD_KAFKA_RESP_ERR__NOT_CONFIGURED:
  case RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE:
  case RD_KAFKA_RESP_ERR__NOT_IMPLEMENTED:
  case RD_KAFKA_RESP_ERR__UNKNOWN_PROTOCOL:
  case RD_KAFKA_RESP_ERR__INVALID_TYPE:
  case RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION:
  case RD_KAFKA_RESP_ERR_INVALID_REQUIRED_ACKS:
  case RD_KAFKA_RESP_ERR_INVALID_SESSION_TIMEOUT:
  case RD_KAFKA_RESP_ERR_INVALID_CONFIG:
  case RD_KAFKA_RESP_ERR_INVALID_REQUEST:
  case RD_KAFKA_RESP_ERR_UNSUPPORTED_VERSION:
  case RD_KAFKA_RESP_ERR_UNSUPPORTED_FOR_MESSAGE_FORMAT:
  case RD_KAFKA_RESP_ERR_UNSUPPORTED_COMPRESSION_TYPE:
  case RD_KAFKA_RESP_ERR_INVALID_TRANSACTION_TIMEOUT:
  case RD_KAFKA_RESP_ERR_INVALID_PARTITIONS:
  case RD_KAFKA_RESP_ERR_INVALID_REPLICATION_FACTOR:
  case RD_KAFKA_RESP_ERR_INVALID_REPLICA_ASSIGNMENT:
  case RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS:
  case RD_KAFKA_RESP_ERR_TOPIC_DELETION_DISABLED:
    return {errc::invalid_config, nature::final, check_settings};

  case RD_KAFKA_RESP_ERR_INVALID_GROUP_ID:
  case RD_KAFKA_RESP_ERR_INCONSISTENT_GROUP_PROTOCOL:
  case RD_KAFKA_RESP_ERR_INVALID_COMMIT_OFFSET_SIZE:
  case RD_KAFKA_RESP_ERR_OFFSET_METADATA_TOO_LARGE:
  case RD_KAFKA_RESP_ERR_GROUP_MAX_SIZE_REACHED:
  case RD_KAFKA_RESP_ERR_NON_EMPTY_GROUP:
  case RD_KAFKA_RESP_ERR_GROUP_ID_NOT_FOUND:
  case RD_KAFKA_RESP_ERR_GROUP_SUBSCRIBED_TO_TOPIC:
    return {errc::source_failed, nature::final, check_group};

  case RD_KAFKA_RESP_ERR__DESTROY:
  case RD_KAFKA_RESP_ERR__PURGE_QUEUE:
  case RD_KAFKA_RESP_ERR__PURGE_INFLIGHT:
    return {errc::stopped, nature::final, no_remedy};

  case RD_KAFKA_RESP_ERR__FS:
  case RD_KAFKA_RESP_ERR__CRIT_SYS_RESOURCE:
  case RD_KAFKA_RESP_ERR_LOG_DIR_NOT_FOUND:
    return {errc::io, nature::final, no_remedy};

  case RD_KAFKA_RESP_ERR__BEGIN:
  case RD_KAFKA_RESP_ERR__END:
  case RD_KAFKA_RESP_ERR_END_ALL:
  case RD_KAFKA_RESP_ERR__FAIL:
  case RD_KAFKA_RESP_ERR__STATE:
  case RD_KAFKA_RESP_ERR__PARTIAL:
  case RD_KAFKA_RESP_ERR__READ_ONLY:
  case RD_KAFKA_RESP_ERR__NOENT:
  case RD_KAFKA_RESP_ERR__FATAL:
  case RD_KAFKA_RESP_ERR__INCONSISTENT:
  case RD_KAFKA_RESP_ERR__GAPLESS_GUARANTEE:
  case RD_KAFKA_RESP_ERR__APPLICATION:
  case RD_KAFKA_RESP_ERR_UNKNOWN:
  case RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER:
  case RD_KAFKA_RESP_ERR_DUPLICATE_SEQUENCE_NUMBER:
  case RD_KAFKA_RESP_ERR_INVALID_TXN_STATE:
  case RD_KAFKA_RESP_ERR_INVALID_PRODUCER_ID_MAPPING:
  case RD_KAFKA_RESP_ERR_OPERATION_NOT_ATTEMPTED:
  case RD_KAFKA_RESP_ERR_UNKNOWN_PRODUCER_ID:
  case RD_KAFKA_RESP_ERR_ELECTION_NOT_NEEDED:
  case RD_KAFKA_RESP_ERR_NO_REASSIGNMENT_IN_PROGRESS:
  case RD_KAFKA_RESP_ERR_RESOURCE_NOT_FOUND:
  case RD_KAFKA_RESP_ERR_DUPLICATE_RESOURCE:
  case RD_KAFKA_RESP_ERR_INCONSISTENT_VOTER_SET:
  case RD_KAFKA_RESP_ERR_INVALID_UPDATE_VERSION:
  case RD_KAFKA_RESP_ERR_FEATURE_UPDATE_FAILED:
    return {errc::source_failed, nature::final, no_remedy};
  }
  return {errc::source_failed, nature::final, no_remedy};
}

std::string_view login_hint(rd_kafka_resp_err_t code, std::string_view mechanism,
                            int version) noexcept {
  constexpr int fixed_in = 0x020601ff;
  const bool refused = code == RD_KAFKA_RESP_ERR__AUTHENTICATION ||
                       code == RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED;
  if (!refused || version >= fixed_in || !mechanism.starts_with("SCRAM"))
    return {};
  return "the password may be right: by a defect, librdkafka before 2.6.1 cannot log in by SCRAM "
         "to "
         "Kafka 3.8 and newer (the client sends its nonce twice); use a newer librdkafka, or "
         "sasl.mechanism PLAIN over TLS";
}

error to_error(rd_kafka_resp_err_t code, std::string_view tried, std::string_view detail) {
  const auto meaning = translate(code);
  std::string text =
      fmt::format("{}: {} ({})", tried, rd_kafka_err2str(code), rd_kafka_err2name(code));
  if (!detail.empty() && detail != rd_kafka_err2str(code))
    text += fmt::format(": {}", detail);
  if (!meaning.remedy.empty())
    text += fmt::format("; {}", meaning.remedy);
  return {meaning.code, std::move(text)};
}

} // namespace weir::kafka
