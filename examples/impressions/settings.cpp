#include "settings.hpp"

#include <weir/main.hpp>
#include <weir/runtime/version.hpp>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdio>

namespace impressions {

namespace {

using namespace std::chrono_literals;

template <class Number>
std::optional<Number> to_number(std::string_view text) {
  Number value{};
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc() || end != text.data() + text.size())
    return std::nullopt;
  return value;
}

/// "500ms", "8s", "1m".
std::optional<std::chrono::milliseconds> to_duration(std::string_view text) {
  const auto digits = std::min(text.find_first_not_of("0123456789"), text.size());
  const auto value = to_number<std::int32_t>(text.substr(0, digits));
  const auto unit = text.substr(digits);
  if (!value)
    return std::nullopt;
  if (unit == "ms")
    return std::chrono::milliseconds(*value);
  if (unit == "s")
    return std::chrono::seconds(*value);
  if (unit == "m")
    return std::chrono::minutes(*value);
  return std::nullopt;
}

/// Options whose messages name the value and what would be right.
class option_list {
public:
  explicit option_list(CLI::App& app) : app_(app) {}

  template <class Number>
  CLI::Option* number(const char* name, Number& to, Number least, Number most, const char* help) {
    auto read = [=, &to](const std::string& text) {
      const auto value = to_number<Number>(text);
      if (!value || *value < least || *value > most)
        throw CLI::ValidationError(
            name, fmt::format("'{}' is not a whole number from {} to {}", text, least, most));
      to = *value;
    };
    return app_.add_option_function<std::string>(name, read, help)->type_name("N");
  }

  CLI::Option* time(const char* name, std::chrono::milliseconds& to,
                    std::chrono::milliseconds least, std::chrono::milliseconds most,
                    const char* help) {
    auto read = [=, &to](const std::string& text) {
      const auto value = to_duration(text);
      if (!value || *value < least || *value > most)
        throw CLI::ValidationError(
            name, fmt::format("'{}' is not a time from {} ms to {} s; write it like 500ms or 8s",
                              text, least.count(), most.count() / 1000));
      to = *value;
    };
    return app_.add_option_function<std::string>(name, read, help)->type_name("TIME");
  }

private:
  CLI::App& app_;
};

void need(bool holds, const char* option, const std::string& what) {
  if (!holds)
    throw CLI::ValidationError(option, what);
}

/// What single options cannot know.
void check_together(const settings& s) {
  need(!(s.no_load && s.embedded()), "--no-load",
       "an embedded cluster starts empty; add --brokers HOST:PORT");
  need(!(s.no_load && s.one_batch > 0), "--no-load",
       "excludes --one-batch, which loads its own records; leave one out");
  need(s.brokers.empty() || s.brokers.find(':') != std::string::npos, "--brokers",
       fmt::format("'{}' has no port; write HOST:PORT", s.brokers));
  need(!s.topic.empty(), "--topic", "'' is no name; leave the option out for impressions");
  // The embedded cluster forgets the oldest records of a partition beyond 5 MiB.
  need(!s.embedded() || s.one_batch <= 700'000, "--one-batch",
       fmt::format("'{}' is more than the embedded cluster keeps; use at most 700000, or --brokers "
                   "HOST:PORT",
                   s.one_batch));
  if (s.no_load || s.one_batch > 0)
    return;
  need(s.capacity > 0, "--capacity", "'0' leaves nothing to surge beyond; use 1 or more");
  need(s.steady < s.capacity, "--steady",
       fmt::format("'{}' is not below the capacity of {} records/s; lower it or raise --capacity",
                   s.steady, s.capacity));
  const auto unread = std::max<std::int64_t>(0, s.surge - s.capacity) * s.surge_for.count() / 1000;
  need(!s.embedded() || unread / settings::partitions < 40'000, "--surge",
       fmt::format("'{}' leaves {} records unread, and the embedded cluster keeps 40000 in each of "
                   "{} partitions; lower it or --surge-for",
                   s.surge, unread, settings::partitions));
}

} // namespace

std::variant<settings, no_run> read_settings(int argc, char** argv) {
  settings s;
  CLI::App app{"Counts ad impressions per offer in micro-batches, while the load surges to four "
               "times what\nthe job can do. Exit status: 0 held, 3 not held, 1 failed, 2 bad "
               "options, 4 stopped with\nplanned batches left, 130 ended by a second signal."};
  app.name("impressions");
  app.set_version_flag("--version", "impressions (weir) " WEIR_VERSION);
  option_list options(app);
  app.add_option("--brokers", s.brokers, "A Kafka cluster; default: one inside this process")
      ->type_name("HOST:PORT");
  app.add_option("--topic", s.topic, "Created with 18 partitions when missing [impressions]")
      ->type_name("NAME");
  app.add_option_function<std::vector<std::string>>(
         "--property",
         [&s](const std::vector<std::string>& all) {
           for (const auto& one : all) {
             const auto at = one.find('=');
             need(at != std::string::npos && at > 0, "--property",
                  fmt::format("'{}' is not NAME=VALUE", one));
             s.properties[one.substr(0, at)] = one.substr(at + 1);
           }
         },
         "A property of librdkafka, such as security.protocol=SASL_SSL; may be repeated")
      ->type_name("NAME=VALUE")
      ->allow_extra_args(false);
  app.add_flag("--no-load", s.no_load, "Make no load: count what is there until Ctrl-C");
  app.add_flag(
      "--calm", s.calm,
      "The costly operator takes the same time for every record and never stalls; else its "
      "time varies by 10 % and it stalls for 1.5 s in the surge and after it");
  app.add_flag("--no-rate-control", s.no_rate_control,
               "See what becomes of the surge when nothing limits the batches");
  options.number<std::int64_t>("--one-batch", s.one_batch, 1, 100'000'000,
                               "Load N records, then count them in one batch without the costly "
                               "operator");
  app.add_option("--report", s.report_file, "Write the report of every batch as a line of JSON")
      ->type_name("FILE");
  options.number<std::size_t>("--workers", s.workers, 0, 64, "Worker threads [0: one per core]");
  options.number<std::int64_t>("--capacity", s.capacity, 0, 10'000'000,
                               "Records/s of the costly operator; 0: no cost [10000]");
  options.number<std::int64_t>("--steady", s.steady, 1, 10'000'000,
                               "Records/s before and after the surge [2000]");
  options.number<std::int64_t>("--surge", s.surge, 1, 10'000'000,
                               "Records/s during the surge [40000]");
  options.time("--interval", s.interval, 10ms, 60s, "From batch to batch [1s]");
  options.time("--warm-up", s.warm_up, 0ms, 600s, "Steady load before the surge [10s]");
  options.time("--surge-for", s.surge_for, 100ms, 600s, "Length of the surge [8s]");
  options.time("--stop-within", s.stop_within, 0ms, 600s,
               "How long Ctrl-C waits for planned batches [10s]");
  app.add_option_function<std::string>(
         "--color",
         [&s](const std::string& when) {
           need(when == "auto" || when == "always" || when == "never", "--color",
                fmt::format("'{}' is not auto, always or never", when));
           s.colour = when == "always"  ? colour::always
                      : when == "never" ? colour::never
                                        : colour::automatic;
         },
         "auto, always or never [auto]")
      ->type_name("WHEN");
  try {
    app.parse(argc, argv);
    check_together(s);
    return s;
  } catch (const CLI::Success& asked) {
    return no_run{app.exit(asked)}; // --help, --version
  } catch (const CLI::ExtrasError&) {
    const auto extra = app.remaining();
    const auto option =
        std::ranges::find_if(extra, [](const auto& word) { return word.starts_with('-'); });
    fmt::print(stderr, "impressions: {}: not an option; see --help\n",
               option == extra.end() ? extra.front() : *option);
    return no_run{weir::exit_code::bad_usage};
  } catch (const CLI::ParseError& wrong) {
    std::string what = wrong.what();
    std::ranges::replace(what, '\n', ' ');
    fmt::print(stderr, "impressions: {}; see --help\n", what);
    return no_run{weir::exit_code::bad_usage};
  }
}

} // namespace impressions
