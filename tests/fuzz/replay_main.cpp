// Stands for libFuzzer where the compiler has none: feeds a fuzz target the files named on the
// command line (or below folders named there), then a fixed run of random bytes.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

constexpr int random_inputs = 20'000;
constexpr std::size_t max_random_bytes = 512;

using bytes = std::vector<std::uint8_t>;

bytes read_file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

/// Gives the target one input, in a buffer of its own so that a sanitizer sees the first byte past
/// it.
void feed(const bytes& input) {
  const bytes exact(input.begin(), input.end());
  (void)LLVMFuzzerTestOneInput(exact.data(), exact.size());
}

/// Changes a few bytes of an input, or cuts it short.
bytes damaged(bytes input, std::mt19937_64& random) {
  for (auto changes = random() % 4; changes-- > 0 && !input.empty();)
    input[random() % input.size()] = static_cast<std::uint8_t>(random());
  if (!input.empty() && random() % 4 == 0)
    input.resize(random() % input.size());
  return input;
}

} // namespace

int main(int argc, char** argv) {
  std::vector<bytes> corpus;
  for (int i = 1; i < argc; ++i) {
    if (!std::filesystem::is_directory(argv[i])) {
      corpus.push_back(read_file(argv[i]));
      continue;
    }
    for (const auto& entry : std::filesystem::recursive_directory_iterator(argv[i]))
      if (entry.is_regular_file())
        corpus.push_back(read_file(entry.path()));
  }
  for (const auto& input : corpus)
    feed(input);

  std::mt19937_64 random(1); // NOLINT: the run is to be the same each time
  for (int i = 0; i < random_inputs; ++i) {
    if (!corpus.empty() && i % 2 == 0) {
      feed(damaged(corpus[random() % corpus.size()], random));
      continue;
    }
    bytes input(random() % max_random_bytes);
    for (auto& byte : input)
      byte = static_cast<std::uint8_t>(random());
    feed(input);
  }
  std::printf("%zu files, %d random inputs\n", corpus.size(), random_inputs);
}
