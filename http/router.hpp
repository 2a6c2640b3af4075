// The route table: which handler answers a method and a path, and what to say when none does.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "http/exchange.hpp"

namespace troupe::http {

/// Answers an exchange now or later. `parameter` is the decoded last segment of a path that ends in one.
using handler = std::function<void(const exchange_ptr& what, const std::string& parameter)>;

/// One way into the service.
struct route {
  /// GET, POST, PUT, PATCH or DELETE. A GET route answers HEAD too.
  std::string method;
  /// A fixed path such as /items/, or one that ends in a parameter: /items/{item_id}.
  std::string path;
  handler handle;
};

/// What a method and a path lead to.
struct found {
  const route* to;
  std::string parameter;
};
/// The path is right but for its trailing slash.
struct redirect {
  std::string path;
};
/// The path has routes, but none with this method: those that `allow` lists, as in the Allow header.
struct wrong_method {
  std::string allow;
};
struct nothing_found {};
using resolution = std::variant<found, redirect, wrong_method, nothing_found>;

class router {
 public:
  void add(route what) { routes_.push_back(std::move(what)); }
  const std::vector<route>& routes() const noexcept { return routes_; }

  /// Looks up a method and a decoded path. OPTIONS on a known path is a wrong_method: answer with what
  /// is allowed.
  resolution resolve(std::string_view method, std::string_view path) const;

 private:
  bool knows(std::string_view path) const;
  std::string allowed(std::string_view path) const;

  std::vector<route> routes_;
};

}  // namespace troupe::http
