// Windows in batch time: everything of the last batches, per slide. A part of stream_operators.hpp.
#pragma once

#include <weir/operators/detail/compose.hpp>
#include <weir/operators/detail/folding.hpp>
#include <weir/operators/keyed/combining.hpp>
#include <weir/operators/keyed/grouping.hpp>
#include <weir/operators/window/inverse_head.hpp>
#include <weir/operators/window/window_head.hpp>

#include <concepts>
#include <functional>
#include <source_location>

namespace weir {

namespace detail {

/// The shape of a window over what `input` gives. Notes a mistake unless length and slide are
/// multiples of how often that is.
window_shape checked_window(composition& composed, node_id input, duration length, duration slide,
                            std::source_location where);

/// Functions of the operators below. Types of their own: a lambda in a template carries the
/// template's whole name into every symbol.
struct to_owned_value {
  template <class V>
  owned_t<V> operator()(const V& value) const {
    return record_traits<V>::to_owned(value);
  }
};
struct count_one {
  std::int64_t operator()(const auto&) const { return 1; }
  std::int64_t operator()(std::int64_t counted, const auto&) const { return counted + 1; }
};
struct pair_with_one {
  template <class V>
  std::pair<V, std::int64_t> operator()(const V& value) const {
    return {value, 1};
  }
};

} // namespace detail

/// See stream_operators.hpp.
///
/// A window of length W and slide S gives a result at each multiple of S since the first batch,
/// made of the batches in (t - W, t]; the first windows are shorter. W and S are multiples of how
/// often this stream gives a batch, S = 0 stands for that; anything else is a mistake that `start`
/// reports. Between its results a windowed stream has no batch at all, which is not an empty batch.
/// Batches that the input misses are skipped.
///
/// When ticks were merged, the next batch gives the result that was due, over the batches of its
/// own time. The epochs of `continuous` are batches in this. Where batches do not follow the clock
/// (`available_now`, `once`), each counts as one batch interval; a run that ends between two slides
/// gives no result for what came since the last.
///
/// A window keeps the blocks it may need, combined by key where the operator combines, in the
/// memory budget's share for kept data.
template <class Derived, class T>
class window_operators {
public:
  using here = std::source_location;

  /// All records of the window, those of older batches first; partitions are kept. Keeps the blocks
  /// of the whole window: prefer an operator below that reduces.
  [[nodiscard]] auto window(duration length, duration slide = {},
                            here where = here::current()) const {
    return windowed(
        detail::chain_start::behind(self().composed(), {self().to_node(where)}, {"window", where}),
        detail::block_head<T>(), length, slide, where);
  }

  /// One record: the number of records in the window, 0 for an empty one. (In Spark there is no
  /// record before the first element.) Costs per slide what entered and left.
  [[nodiscard]] auto count_by_window(duration length, duration slide = {},
                                     here where = here::current()) const {
    return reduced_incrementally("count_by_window", detail::count_one{}, detail::count_one{},
                                 std::plus<>{}, std::minus<>{}, std::optional<std::int64_t>(0),
                                 length, slide, where);
  }

  /// All records of the window joined by `join(a, b)`, which must be associative and commutative;
  /// nothing for an empty window. Joins per batch first, then one value per batch and replica anew
  /// at each slide.
  template <class F>
    requires std::is_invocable_v<F&, owned_t<T>, const T&>
  [[nodiscard]] auto reduce_by_window(F join, duration length, duration slide = {},
                                      here where = here::current()) const {
    using folder = detail::folder<owned_t<T>, detail::to_owned_value, F, F>;
    using head = detail::fold_head<owned_t<T>, folder>;
    const folder how{{}, join, join, std::nullopt};

    return windowed(
        self().template behind_folding<owned_t<T>>("reduce_by_window", how, false, where),
        head(how), length, slide, where);
  }

  /// The same where `inverse(join(a, b), b)` is `a`. Nothing for an empty window. (In Spark the
  /// last element stays for ever.) Costs per slide what entered and left. Of floating-point numbers
  /// no inverse is exact: the result drifts, and after one NaN or infinity every result is NaN,
  /// also when it has left; without an inverse it is not.
  template <class F, class Inverse>
    requires(std::is_invocable_v<F&, owned_t<T>, const T&> &&
             !std::convertible_to<Inverse, duration>)
  [[nodiscard]] auto reduce_by_window(F join, Inverse inverse, duration length, duration slide = {},
                                      here where = here::current()) const {
    return reduced_incrementally("reduce_by_window", detail::to_owned_value{}, join, join,
                                 std::move(inverse), std::optional<owned_t<T>>(), length, slide,
                                 where);
  }

  /// `(value, how often)` for each distinct record of the window. Costs per slide what entered and
  /// left, apart from passing the result on.
  [[nodiscard]] auto count_by_value_and_window(duration length, duration slide = {},
                                               std::uint32_t partitions = 0,
                                               here where = here::current()) const {
    return self()
        .map(detail::pair_with_one{}, where)
        .combined_incrementally("count_by_value_and_window", detail::count_one{}, std::plus<>{},
                                std::minus<>{}, length, slide, partitions, where);
  }

  /// `(key, all its values)` for each key of the window, older batches' values first. Keeps every
  /// value of the window: prefer reduce_by_key_and_window.
  [[nodiscard]] auto group_by_key_and_window(duration length, duration slide = {},
                                             std::uint32_t partitions = 0,
                                             here where = here::current()) const
    requires requires { typename T::first_type; }
  {
    using head =
        detail::group_head<T, owned_t<typename T::first_type>, owned_t<typename T::second_type>>;
    const auto node = detail::shuffled<T>(
        self(), detail::checked_partitions(*self().composed(), partitions, where, true), where);
    return windowed(
        detail::chain_start::behind(self().composed(), {node}, {"group_by_key_and_window", where}),
        head(), length, slide, where);
  }

  /// `(key, all values joined by join(a, b))` for each key of the window. `join` must be
  /// associative and commutative. Joins per batch and key first, then what the batches have for
  /// each key anew at each slide. @param partitions of the result, 1 to 128; 0: the default of the
  /// options.
  template <class F>
  [[nodiscard]] auto reduce_by_key_and_window(F join, duration length, duration slide = {},
                                              std::uint32_t partitions = 0,
                                              here where = here::current()) const
    requires requires { typename T::first_type; }
  {
    using key = owned_t<typename T::first_type>;
    using value = typename T::second_type;
    using combiner = detail::combiner<detail::to_owned_value, F, F>;
    using head = detail::combine_head<key, owned_t<value>, combiner>;
    const combiner how{{}, join, join};

    return windowed(self().template behind_combining<key, owned_t<value>>(
                        "reduce_by_key_and_window", how, partitions, where),
                    head(how), length, slide, where);
  }

  /// The same where `inverse(join(a, b), b)` is `a`: each slide merges in what entered the window
  /// and takes out what left it, and costs what these batches hold, not what the window holds;
  /// passing the result on is apart. A key leaves when the last batch that had it leaves. (In Spark
  /// keys stay for ever without a filter, and a slide beyond the length reports keys of the gap.)
  /// Floating point drifts, and stays NaN after one NaN or infinity, until the key leaves.
  template <class F, class Inverse>
    requires(!std::convertible_to<Inverse, duration>)
  [[nodiscard]] auto reduce_by_key_and_window(F join, Inverse inverse, duration length,
                                              duration slide = {}, std::uint32_t partitions = 0,
                                              here where = here::current()) const
    requires requires { typename T::first_type; }
  {
    return self().combined_incrementally("reduce_by_key_and_window", detail::to_owned_value{}, join,
                                         std::move(inverse), length, slide, partitions, where);
  }

  /// The same without the `(key, value)` records for which `keep` is false. (In Spark a key that
  /// the filter has dropped starts anew, or fails the job when its values leave; here it is only
  /// left out of the result, so what the filter sees is always the whole window.)
  template <class F, class Inverse, class Keep>
    requires(!std::convertible_to<Inverse, duration>)
  [[nodiscard]] auto reduce_by_key_and_window(F join, Inverse inverse, duration length,
                                              duration slide, std::uint32_t partitions, Keep keep,
                                              here where = here::current()) const
    requires requires { typename T::first_type; }
  {
    return reduce_by_key_and_window(std::move(join), std::move(inverse), length, slide, partitions,
                                    where)
        .filter(std::move(keep), where);
  }

  // ---- for operators

  /// Per key: combines before a shuffle, and opens the chain behind it with the window's values.
  template <class Create, class Join, class Inverse>
  [[nodiscard]] auto combined_incrementally(const char* kind, Create create, Join join,
                                            Inverse inverse, duration length, duration slide,
                                            std::uint32_t partitions, here where) const {
    using key = owned_t<typename T::first_type>;
    using accumulator =
        std::remove_cvref_t<std::invoke_result_t<Create&, const typename T::second_type&>>;
    static_assert(self_contained<accumulator>,
                  "a window keeps its values: use an owning type such as std::string");
    using head = detail::inverse_head<key, accumulator, Join, Inverse>;
    const detail::combiner<Create, Join, Join> how{std::move(create), join, join};
    auto start = self().template behind_combining<key, accumulator>(kind, how, partitions, where);
    const auto shape = take_shape(start, length, slide, where);
    return chain<typename head::value, head>(std::move(start),
                                             head(shape, std::move(join), std::move(inverse)), {});
  }

private:
  [[nodiscard]] const Derived& self() const { return static_cast<const Derived&>(*this); }

  [[nodiscard]] detail::window_shape take_shape(detail::chain_start& start, duration length,
                                                duration slide, here where) const {
    const auto shape =
        detail::checked_window(*self().composed(), start.inputs.front(), length, slide, where);
    start.retains = true;
    start.keeps = kept_state::in_memory;
    start.slide = static_cast<std::uint32_t>(shape.slide);
    start.lowers_watermark =
        std::chrono::ceil<std::chrono::milliseconds>(length); // old records come again
    return shape;
  }

  template <class Head>
  [[nodiscard]] auto windowed(detail::chain_start start, Head inner, duration length,
                              duration slide, here where) const {
    using head = detail::window_head<Head>;
    const auto shape = take_shape(start, length, slide, where);
    return chain<typename head::value, head>(std::move(start), head(shape, std::move(inner)), {});
  }

  /// Without keys: folds per batch, and opens the chain behind it with the window's value.
  template <class Create, class MergeValue, class Merge, class Inverse, class Out>
  [[nodiscard]] auto reduced_incrementally(const char* kind, Create create, MergeValue merge_value,
                                           Merge merge, Inverse inverse,
                                           std::optional<Out> of_nothing, duration length,
                                           duration slide, here where) const {
    using part = std::pair<detail::no_key, Out>;
    using folder = detail::folder<part, detail::create_without_key<Create>,
                                  detail::merge_without_key<MergeValue>, Merge>;

    using head = detail::inverse_head<detail::no_key, Out, Merge, Inverse>;
    auto start = self().template behind_folding<part>(
        kind, folder{{std::move(create)}, {std::move(merge_value)}, merge, std::nullopt}, false,
        where);
    const auto shape = take_shape(start, length, slide, where);
    return chain<Out, head>(
        std::move(start), head(shape, std::move(merge), std::move(inverse), std::move(of_nothing)),
        {});
  }
};

} // namespace weir
