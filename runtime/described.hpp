// The names of a struct's members, as Boost.Describe knows them: what JSON and CSV are mapped by.
#pragma once

#include <boost/describe/class.hpp>
#include <boost/describe/members.hpp>
#include <boost/mp11/algorithm.hpp>
#include <boost/mp11/list.hpp>

#include <array>
#include <cstddef>
#include <string_view>
#include <type_traits>

namespace weir {

/// A struct whose members have been named, once, beside its definition:
///
///     struct view { std::string page; std::int64_t at = 0; };
///     BOOST_DESCRIBE_STRUCT(view, (), (page, at))
///
/// The second list names base classes, whose described members come first.
template <class T>
concept described = boost::describe::has_describe_members<T>::value && !std::is_union_v<T>;

namespace detail {

template <class T>
using members_of = boost::describe::describe_members<T, boost::describe::mod_public |
                                                            boost::describe::mod_inherited>;

} // namespace detail

/// A member that may have no value.
template <class T>
concept nullable = requires(T member) {
  member.has_value();
  member.reset();
  member.emplace();
};

/// Number of described members, those of base classes included.
template <described T>
inline constexpr std::size_t member_count = boost::mp11::mp_size<detail::members_of<T>>::value;

/// Their names, in order.
template <described T>
inline constexpr auto member_names = []<class... M>(boost::mp11::mp_list<M...>) {
  return std::array<std::string_view, sizeof...(M)>{M::name...};
}(boost::mp11::mp_rename<detail::members_of<T>, boost::mp11::mp_list>{});

/// Calls `use(name, member)` for each member of `object`, in order.
template <class T, class Use>
  requires described<std::remove_const_t<T>>
constexpr void for_each_member(T& object, Use&& use) {
  boost::mp11::mp_for_each<detail::members_of<std::remove_const_t<T>>>(
      [&]<class M>(M) { use(std::string_view(M::name), object.*M::pointer); });
}

} // namespace weir
