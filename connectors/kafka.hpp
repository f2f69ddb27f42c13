// Reading from Kafka and writing to it: everything of the target weir::kafka. Start at
// kafka/options.hpp.
#pragma once

#include <weir/connectors/kafka/dead_letters.hpp>
#include <weir/connectors/kafka/direct_stream.hpp>
#include <weir/connectors/kafka/embedded_broker.hpp>
#include <weir/connectors/kafka/offset_committer.hpp>
#include <weir/connectors/kafka/options.hpp>
#include <weir/connectors/kafka/producer_sink.hpp>
#include <weir/connectors/kafka/receiver_stream.hpp>
#include <weir/connectors/kafka/record.hpp>
#include <weir/connectors/kafka/topic_admin.hpp>
