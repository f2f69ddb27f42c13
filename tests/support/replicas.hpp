// What surrounds one replica in a test: a transport that remembers, blocks of a chosen charge, a
// plan of chosen windows.
#pragma once

#include <weir/runtime/internal/replica.hpp>

#include <fmt/format.h>

#include <deque>
#include <string>
#include <vector>

namespace weir::test {

/// A block of numbers that counts for `charge` bytes.
inline block_ptr block_of(const std::vector<int>& records, std::size_t charge = 100) {
  static const auto pool = std::make_shared<block_pool<int>>(256);
  return block_ptr(
      new block<int>({.records = {records.begin(), records.end()}, .bytes = arena(), .origins = {}},
                     {}, charge, pool));
}

inline std::vector<int> numbers_in(const block_ptr& data) {
  const auto records = block_cast<int>(*data).records();
  return {records.begin(), records.end()};
}

/// Remembers everything that a replica sends, in order.
class recording_transport final : public transport {
public:
  struct block_sent {
    replica_id to;
    data_message message;
  };
  struct grant_sent {
    replica_id to;
    grant_message message;
  };

  void send(replica_id to, data_message m) override {
    text.push_back(fmt::format("{}<{}", to, fmt::join(numbers_in(m.cargo.data), ",")));
    blocks.push_back({to, std::move(m)});
  }
  void send(replica_id to, mark_message m) override {
    text.push_back(
        fmt::format("{}<end of {}{}", to, m.mark.epoch, m.mark.present ? "" : ", missing"));
    marks.push_back(std::move(m));
  }
  void send(replica_id to, grant_message m) override { grants.push_back({to, m}); }
  void ended(replica_report report) override { reports.push_back(std::move(report)); }
  void committed(replica_report report) override { commits.push_back(std::move(report)); }
  void failed(replica_id, epoch, error reason) override { failures.push_back(std::move(reason)); }
  void aborted(replica_id, epoch at) override { forgotten.push_back(at); }
  void yield(replica_id) override { ++yields; }

  /// Bytes of credit that went back to one sender.
  [[nodiscard]] std::int64_t returned_to(replica_id sender) const {
    std::int64_t bytes = 0;
    for (const auto& grant : grants)
      bytes += grant.to == sender ? grant.message.returned.bytes : 0;
    return bytes;
  }

  std::vector<std::string> text; ///< Blocks and barriers: "receiver<records".
  std::vector<block_sent> blocks;
  std::vector<mark_message> marks;
  std::vector<grant_sent> grants;
  std::vector<replica_report> reports;
  std::vector<replica_report> commits;
  std::vector<error> failures;
  std::vector<epoch> forgotten;
  int yields = 0;
};

/// A graph of nodes without functions, for plans alone.
inline node bare_node(node_kind kind, std::string name, std::vector<node_id> inputs = {}) {
  node n;
  n.kind = kind;
  n.operators.push_back({std::move(name), std::source_location::current()});
  n.inputs = std::move(inputs);
  if (kind == node_kind::source)
    n.partitions = partition_rule::of_source;
  return n;
}

/// A batch in which every node has two partitions and nothing is missing.
inline std::shared_ptr<batch> batch_for(const plan& all, std::uint64_t number) {
  auto whole = std::make_shared<batch>();
  whole->epoch = epoch(number);
  whole->time = batch_time(std::chrono::seconds(number));
  whole->sources.resize(all.sources.size());
  for (const auto& planned : all.nodes)
    whole->nodes.push_back(
        {.present = true,
         .partitions = 2,
         .input_partitions = 2,
         .input_offsets = std::vector<std::uint32_t>(planned.slot_inputs.size() + 2, 0)});
  return whole;
}

} // namespace weir::test
