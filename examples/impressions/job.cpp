#include "job.hpp"

#include <charconv>
#include <functional>
#include <string_view>

namespace impressions {

namespace {

/// An impression is "offer,user"; what is not counts for offer -1.
offer_id offer_of(const weir::kafka::record& impression) {
  const auto text = impression.value.value_or(std::string_view());
  offer_id offer = -1;
  std::from_chars(text.data(), text.data() + text.size(), offer);
  return offer;
}

} // namespace

void count_impressions(weir::context& ctx, weir::kafka::direct_stream_options from,
                       std::shared_ptr<toll> price, const std::shared_ptr<tally>& totals) {
  weir::kafka::direct_stream(ctx, std::move(from))
      .map([](const weir::kafka::record& r) { return std::pair{offer_of(r), std::int64_t{1}}; })
      .inspect(payer(std::move(price)))
      .reduce_by_key(std::plus<>{})
      .for_each_batch([totals](const auto& batch) { totals->add(batch); });
}

} // namespace impressions
