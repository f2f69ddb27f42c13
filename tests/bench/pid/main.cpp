// Judges the rate controller on the plant model: pid_bench [--json FILE] [--family N] [--seed N]
// [NAME...]
#include "cases.hpp"
#include "family.hpp"
#include "stalls.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

namespace {

constexpr std::uint64_t sample = 300; ///< Plants in which a bad controller must be found out.

pid::row family_row(const pid::family_size& size) {
  const auto verdict = pid::judge_family(size, &pid::make_weir);
  pid::row row{.name = "pid_family",
               .ratio = verdict.ratio(),
               .weir = verdict.ratio(),
               .baseline = 1,
               .unit = "of its bound (largest of all)",
               .runs = size.plants * size.seeds,
               .details = "\n    " + verdict.text()};
  for (const auto& bad : pid::bad_policies()) {
    const auto found =
        pid::judge_family({.family = size.family, .plants = sample, .seeds = 1}, bad.make);
    row.details += fmt::format("\n    {:12} is refused with {:.3f}: {}", bad.name, found.ratio(),
                               found.text());
    if (found.ratio() <= 1) {
      row.details += ": IT PASSES, so this judge is blind";
      row.ratio = std::max(row.ratio, 2.0);
    }
  }
  return row;
}

std::string json_of(const pid::row& row) {
  return fmt::format(
      R"j({{"name": "{}", "ratio": {:.6g}, "weir": {:.6g}, "baseline": {:.6g}, "unit": "{}", "runs": {}, "spread": {:.4g}}})j",
      row.name, row.ratio, row.weir, row.baseline, row.unit, row.runs, row.spread);
}

} // namespace

int main(int argc, char** argv) {
  std::string json_file;
  pid::family_size size;
  std::uint64_t first_seed = 1; // of the noise under stalls
  std::vector<std::string> names;
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    if (word == "--json" && i + 1 < argc)
      json_file = argv[++i];
    else if (word == "--family" && i + 1 < argc)
      size.family = std::stoull(argv[++i]);
    else if (word == "--seed" && i + 1 < argc)
      first_seed = std::stoull(argv[++i]);
    else
      names.emplace_back(word);
  }
  const auto wanted = [&](std::string_view name) {
    return names.empty() || std::ranges::any_of(names, [&](const std::string& chosen) {
             return name.find(chosen) != std::string_view::npos;
           });
  };
  fmt::print("seeds of the noise: from {}; plants of family {}\n", first_seed, size.family);
  fmt::print("{:26} {:>6}  {}\n", "measurement", "ratio",
             "what: weir (public law) against its bound, medians");
  auto rows = pid::judge_cases(wanted);
  if (wanted("pid_stall_under_load"))
    rows.push_back(pid::judge_stalls(&pid::make_weir, first_seed));
  if (wanted("pid_family"))
    rows.push_back(family_row(size));

  std::vector<std::string> json;
  bool kept = true;
  for (const auto& row : rows) {
    kept = kept && row.ratio <= 1;
    fmt::print("{:26} {:6.3f}{}\n", row.name, row.ratio, row.details);
    json.push_back(json_of(row));
  }
  if (!json_file.empty()) {
    std::ofstream out{json_file};
    out << fmt::format("[\n  {}\n]\n", fmt::join(json, ",\n  "));
    if (!out) {
      fmt::print(stderr, "cannot write {}\n", json_file);
      return 2;
    }
  }
  return kept ? 0 : 1;
}
