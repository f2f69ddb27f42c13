#include <weir/operators/detail/view_watch.hpp>

#include <link.h>

#include <algorithm>
#include <cstdint>

namespace weir::detail {
namespace {

std::uintptr_t address(const char* at) noexcept { return reinterpret_cast<std::uintptr_t>(at); }

/// For dl_iterate_phdr: stops with 1 at the object one of whose read-only parts has the bytes.
int look_into(dl_phdr_info* object, std::size_t, void* bytes) {
  const auto& wanted = *static_cast<const std::string_view*>(bytes);
  for (int i = 0; i < object->dlpi_phnum; ++i) {
    const auto& part = object->dlpi_phdr[i];
    const bool read_only =
        (part.p_type == PT_LOAD && (part.p_flags & PF_W) == 0) || part.p_type == PT_GNU_RELRO;
    const auto begin = static_cast<std::uintptr_t>(object->dlpi_addr + part.p_vaddr);
    if (read_only && address(wanted.data()) >= begin &&
        address(wanted.data()) + wanted.size() <= begin + part.p_memsz)
      return 1;
  }
  return 0;
}

} // namespace

bool in_read_only_data(std::string_view bytes) noexcept {
  return ::dl_iterate_phdr(&look_into, &bytes) != 0;
}

bool is_part(std::string_view part, std::string_view of) noexcept {
  return address(part.data()) >= address(of.data()) &&
         address(part.data()) + part.size() <= address(of.data()) + of.size();
}

bool view_watch::holds(const std::vector<std::string_view>& texts,
                       std::string_view bytes) noexcept {
  return std::ranges::any_of(texts, [&](std::string_view text) { return is_part(bytes, text); });
}

void view_watch::note(std::size_t index) {
  if (!found_)
    found_.emplace(errc::user_function_failed,
                   "'" + kinds_[index] +
                       "' gives a view that points neither into its input, nor into the block, nor "
                       "into the program's read-only data: its bytes may be gone when they are "
                       "read; return std::string, or a part of the input");
}

} // namespace weir::detail
