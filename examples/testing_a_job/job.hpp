// The job under test: a function from a stream to a stream, so that it does not care where its
// records come from.
#pragma once

#include <weir/weir.hpp>

#include <functional>
#include <string>

struct request {
  std::string service;
  int status = 200;
};

/// Every 2 s, the services with at least 3 server errors within the last 4 s, and how many.
inline auto failing_services(const weir::stream<request>& requests) {
  using namespace std::chrono_literals;
  return requests.filter([](const request& r) { return r.status >= 500; })
      .map([](const request& r) { return std::pair(r.service, 1); })
      .reduce_by_key_and_window(std::plus<>{}, std::minus<>{}, 4s, 2s)
      .filter([](const std::pair<std::string, int>& errors) { return errors.second >= 3; });
}
