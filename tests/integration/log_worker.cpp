// A process that receives the numbers 1 to LAST with a write-ahead log, until it is killed or has
// them all.
//
//   log_worker FOLDER LAST
//
// In FOLDER: `sent` gets a line per acknowledged group with its last number, `out` a line per
// number that leaves the job. What is not acknowledged is sent again by the next process, and some
// of what is.
#include <weir/connectors/push/receiver.hpp>
#include <weir/main.hpp>
#include <weir/weir.hpp>

#include <fmt/format.h>

#include <fstream>

#include <fcntl.h>
#include <unistd.h>

namespace {

/// Lines that outlive the process once they are written.
class line_file {
public:
  explicit line_file(const std::string& path)
      : fd_(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644)) {}
  void add(const std::string& lines) const {
    if (::write(fd_, lines.data(), lines.size()) != static_cast<ssize_t>(lines.size()))
      std::abort();
  }

private:
  int fd_;
};

std::int64_t last_of(const std::string& path) {
  std::int64_t last = 0;
  for (std::ifstream in(path); in >> last;) {
  }
  return last;
}

/// An origin that sends numbers in groups of seven and waits for their acknowledgements.
class sender final : public weir::push_receiver<std::int64_t> {
public:
  sender(const std::string& folder, std::int64_t last)
      : sent_(folder + "/sent"), next_(std::max<std::int64_t>(0, last_of(folder + "/sent") - 70)),
        last_(last) {}

  weir::expected<void> on_start(weir::receiver_handle<std::int64_t> to) override {
    to.run([this, to](const std::stop_token& stop) mutable {
      while (!stop.stop_requested() && next_ < last_) {
        std::vector<std::int64_t> group;
        while (group.size() < 7 && next_ < last_)
          group.push_back(++next_);
        const auto end = group.back();
        if (!to.store_reliably(group, [this, end] { sent_.add(fmt::format("{}\n", end)); },
                               {"numbers", end}))
          return;
        std::this_thread::sleep_for(std::chrono::microseconds(200));
      }
      to.stop("all is sent");
    });
    return {};
  }

private:
  line_file sent_;
  std::int64_t next_;
  std::int64_t last_;
};

} // namespace

int main(int argc, char** argv) {
  if (argc != 3)
    return weir::exit_code::bad_usage;
  const std::string folder = argv[1];
  auto ctx = weir::context::make({.name = "log",
                                  .batch_interval = std::chrono::milliseconds(20),
                                  .rate_control = {.enabled = false},
                                  .worker_threads = 1});
  if (!ctx)
    return weir::report(ctx.error());
  const line_file out(folder + "/out");
  weir::receiver_stream<std::int64_t>(
      *ctx, [&](std::uint32_t) { return std::make_unique<sender>(folder, std::atoll(argv[2])); },
      {.push = {.name = "numbers",
                .block_interval = std::chrono::milliseconds(5),
                .write_ahead_log = weir::write_ahead<std::int64_t>(folder + "/log")}})
      .for_each_batch([&](const weir::batch_view<std::int64_t>& batch) {
        std::string lines;
        batch.for_each([&](std::int64_t n) { lines += fmt::format("{}\n", n); });
        out.add(lines);
      });
  const auto done = weir::run_until_signal(*ctx);
  return done ? weir::exit_code::ok : weir::report(done.error());
}
