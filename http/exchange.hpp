// One HTTP request and its answer, free of the server library: what routes and the front actor work with.
#pragma once

#include <caf/actor_clock.hpp>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace troupe::http {

/// An answer. Content-Length, Date and Server are added when it is written.
struct response {
  int status = 200;
  /// Content-Type of the body; empty for an answer without one.
  std::string_view media_type;
  std::string body;
  /// Further headers: Location, Allow, Retry-After.
  std::vector<std::pair<std::string_view, std::string>> headers;
};

inline constexpr std::string_view json_media_type = "application/json";

/// A request that waits for its answer. The views are valid until it is answered.
class exchange {
 public:
  virtual ~exchange() = default;

  /// GET, POST, ...
  virtual std::string_view method() const = 0;
  /// The request target as it came: path and query.
  virtual std::string_view target() const = 0;
  /// The value of a header, of a repeated one the first; empty if absent. `name` in any case.
  virtual std::string_view header(std::string_view name) const = 0;
  virtual std::string_view body() const = 0;

  /// Answers the request. Only the first answer counts: the one after a deadline may come too late. One that
  /// throws does not count.
  void answer(response&& with) {
    if (answered_) return;
    answered_ = true;
    try {
      write(std::move(with));
    } catch (...) {
      answered_ = false;
      throw;
    }
  }
  bool answered() const noexcept { return answered_; }

  /// When the front actor gives up waiting; set by it.
  caf::actor_clock::time_point deadline;

 private:
  /// Sends the answer to the client and lets go of the request.
  virtual void write(response&& with) = 0;

  bool answered_ = false;
};

/// Whether a request changes nothing, whatever its path.
inline bool reads(const exchange& what) { return what.method() == "GET" || what.method() == "HEAD"; }

using exchange_ptr = std::shared_ptr<exchange>;

}  // namespace troupe::http
