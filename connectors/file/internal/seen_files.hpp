// Tells files that are new from those seen before. Used by internal/directory_source.hpp.
#pragma once

#include <weir/connectors/file/internal/directory.hpp>
#include <weir/runtime/time.hpp>

#include <boost/unordered/unordered_flat_map.hpp>

#include <string>
#include <vector>

namespace weir {

/// A file, or what has its name, that is not read, and why.
struct left_out_file {
  std::string name;
  std::string why;
};

/// Not thread-safe.
///
/// A file is new if its name is, if another file has taken its place, or if what it held is not
/// there any more: then it has been written anew. Its times do not make it new or old: they may be
/// set to anything. Names of files that have gone are kept for a while, those of files that are
/// there as long as they are, so memory grows with the directory, as that of a listing does.
class seen_files {
public:
  /// @param keep how long a file that has gone is remembered.
  seen_files(const directory& from, duration keep) : from_(&from), keep_(keep) {}

  struct changes {
    std::vector<found_file> fresh; ///< By modification time, then name, with fingerprints.
    std::vector<left_out_file> left_out;
  };

  /// Remembers the files of a first listing, which are not new. They are not looked into.
  void add_old(directory_listing listed, steady_time now);

  /// @returns what has changed since the last listing. Each file is left out once.
  changes add(directory_listing listed, steady_time now);

  [[nodiscard]] std::size_t remembered() const noexcept { return known_.size(); }

private:
  struct known_file {
    file_state state{};
    std::int64_t read_bytes = 0;   ///< What it held when it was new; of this:
    std::uint64_t fingerprint = 0; ///< 0: it was there before the first listing.
    bool told = false;             ///< That something of it is left out.
    std::uint64_t listing = 0;     ///< The last that had it.
    steady_time there{};           ///< When that was.
  };
  enum class change { none, fresh, appended, unknown, unreadable };

  [[nodiscard]] change change_of(const known_file& known, const found_file& file) const;
  void forget(steady_time now);

  const directory* from_;
  duration keep_;
  std::uint64_t listings_ = 0;
  boost::unordered_flat_map<std::string, known_file> known_;
  boost::unordered_flat_map<std::string, std::uint64_t> no_files_; ///< By name: the last listing.
};

} // namespace weir
