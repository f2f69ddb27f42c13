// Strong types for the small integers that name things, so that they cannot be swapped.
#pragma once

#include <fmt/core.h>

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>

namespace weir {

/// An integer with a meaning. `Tag` keeps two meanings apart; ordering and hashing are those of the
/// value.
template <class Tag, class Value>
struct identifier {
  using value_type = Value;

  constexpr identifier() = default;
  constexpr explicit identifier(Value v) : value(v) {}
  friend constexpr auto operator<=>(identifier, identifier) = default;

  Value value{};
};

using node_id =
    identifier<struct node_tag, std::uint32_t>; ///< A node of the graph, in order of creation.
using replica_id =
    identifier<struct replica_tag, std::uint32_t>; ///< A running copy, counted over the plan.
using source_id =
    identifier<struct source_tag, std::uint32_t>; ///< A source of the plan, in order of creation.
/// Logical partition of a stream, 0-based. For a source: the index of its range in the batch.
using partition_id = identifier<struct partition_tag, std::uint32_t>;
/// Number of a consistent cut. Rises with each batch that is started; never used twice by a run.
using epoch = identifier<struct epoch_tag, std::uint64_t>;

} // namespace weir

template <class Tag, class Value>
struct std::hash<weir::identifier<Tag, Value>> {
  std::size_t operator()(weir::identifier<Tag, Value> id) const noexcept {
    return std::hash<Value>{}(id.value);
  }
};

/// An identifier is formatted as its value is. Passes the specification on as text, for which fmt's
/// smaller header does.
template <class Tag, class Value>
struct fmt::formatter<weir::identifier<Tag, Value>> {
  constexpr auto parse(fmt::format_parse_context& ctx) {
    const auto* const begin = ctx.begin();
    const auto* const end = fmt::formatter<Value>().parse(ctx);
    specification_ = {begin, static_cast<std::size_t>(end - begin)};
    return end;
  }
  template <class Context>
  auto format(weir::identifier<Tag, Value> id, Context& ctx) const {
    if (specification_.size() == 0)
      return fmt::format_to(ctx.out(), "{}", id.value);
    return fmt::format_to(ctx.out(), fmt::runtime(fmt::format("{{:{}}}", specification_)),
                          id.value);
  }

private:
  fmt::string_view specification_;
};
