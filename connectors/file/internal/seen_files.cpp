#include <weir/connectors/file/internal/seen_files.hpp>

#include <algorithm>
#include <tuple>

namespace weir {

void seen_files::add_old(directory_listing listed, steady_time now) {
  ++listings_;
  for (auto& file : listed.files)
    known_[std::move(file.name)] = {
        .state = file.state, .read_bytes = file.state.bytes, .listing = listings_, .there = now};
  for (auto& name : listed.no_files)
    no_files_.emplace(std::move(name), listings_);
}

seen_files::changes seen_files::add(directory_listing listed, steady_time now) {
  changes found;
  ++listings_;
  for (auto& file : listed.files) {
    const auto [at, is_new] = known_.try_emplace(file.name);
    auto& known = at->second;
    known.listing = listings_;
    known.there = now;
    switch (is_new ? change::fresh : change_of(known, file)) {
    case change::unreadable: // it will be looked at again
      continue;
    case change::none:
      break;
    case change::fresh: {
      const auto print = from_->fingerprint(file.name, file.state.bytes);
      file.fingerprint = print ? *print : 1; // whoever reads it will say why it cannot be read
      known.read_bytes = file.state.bytes;
      known.fingerprint = file.fingerprint;
      known.told = false;
      found.fresh.push_back(file);
      break;
    }
    case change::appended:
      if (!std::exchange(known.told, true))
        found.left_out.push_back({file.name, "what was appended to it is not read; files must "
                                             "appear whole"});
      break;
    case change::unknown:
      if (!std::exchange(known.told, true))
        found.left_out.push_back({file.name,
                                  "it was there before the start and has been changed in "
                                  "its place; to have it read, rename a file to its "
                                  "name"});
      break;
    }
    known.state = file.state;
  }
  for (auto& name : listed.no_files)
    if (auto [at, is_new] = no_files_.insert_or_assign(name, listings_); is_new)
      found.left_out.push_back({std::move(name), "it is no plain file; symbolic links are not "
                                                 "followed"});
  forget(now);
  std::sort(found.fresh.begin(), found.fresh.end(), [](const found_file& a, const found_file& b) {
    return std::tie(a.state.modified, a.name) < std::tie(b.state.modified, b.name);
  });
  return found;
}

seen_files::change seen_files::change_of(const known_file& known, const found_file& file) const {
  const auto& now = file.state;
  if (now == known.state)
    return change::none;
  if (now.identity != known.state.identity || now.bytes < known.read_bytes)
    return change::fresh;
  if (known.fingerprint == 0) // nobody has looked into it
    return now.modified == known.state.modified && now.bytes == known.state.bytes ? change::none
                                                                                  : change::unknown;
  const auto print = from_->fingerprint(file.name, known.read_bytes);
  if (!print)
    return change::unreadable;
  if (*print != known.fingerprint)
    return change::fresh;
  return now.bytes > known.read_bytes ? change::appended : change::none;
}

void seen_files::forget(steady_time now) {
  boost::unordered::erase_if(known_, [&](const auto& entry) {
    return entry.second.listing != listings_ && now - entry.second.there >= keep_;
  });
  boost::unordered::erase_if(no_files_,
                             [&](const auto& entry) { return entry.second != listings_; });
}

} // namespace weir
