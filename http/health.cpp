// Asks the pool and the directory how they are, and says so in JSON.
#include "http/health.hpp"

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "http/errors.hpp"

namespace troupe::http {

namespace {

/// Gathers the reasons against being ready from the parts that are asked, and answers after the last.
class readiness {
 public:
  explicit readiness(exchange_ptr what) : what_{std::move(what)} {}
  ~readiness() {
    contain(*what_, [this] { answer(); });
  }
  readiness(const readiness&) = delete;
  readiness& operator=(const readiness&) = delete;

  void add(std::string reason) { reasons_.push_back(std::move(reason)); }

 private:
  void answer() const {
    nlohmann::ordered_json body{{"ready", reasons_.empty()}};
    if (!reasons_.empty()) body["reasons"] = reasons_;
    constexpr auto replace = nlohmann::ordered_json::error_handler_t::replace;
    what_->answer({reasons_.empty() ? 200 : 503, json_media_type, body.dump(-1, ' ', false, replace), {}});
  }

  exchange_ptr what_;
  std::vector<std::string> reasons_;
};

void judge(readiness& out, const actors::pool_status& pool) {
  if (pool.ready > 0) return;
  out.add("PostgreSQL: " + (pool.last_failure.empty() ? "the schema or the connections are not ready yet"
                                                      : pool.last_failure));
}

void judge(readiness& out, const actors::directory_status& workers) {
  const bool any = std::any_of(workers.workers.begin(), workers.workers.end(),
                               [](const auto& each) { return each.connected && !each.leaving; });
  if (any) return;
  if (workers.workers.empty()) out.add("Workers: no name can be resolved");
  for (const auto& each : workers.workers)
    out.add("Worker " + each.where + ": " +
            (each.leaving ? "it is leaving"
                          : (each.last_failure.empty() ? "not connected yet" : each.last_failure)));
}

template <class Status, class Handle, class Request>
void ask(front_actor::pointer self, const char* name, const Handle& part, Request request,
         const std::shared_ptr<readiness>& out) {
  if (!part) return;
  self->request(part, caf::infinite, request)
      .then([out](const Status& status) { judge(*out, status); },
            [out, name](const caf::error&) {
              out->add(std::string{name} + ": this part of the process has ended");
            });
}

}  // namespace

route_source health(const actors::pool_actor& pool, const actors::directory_actor& workers) {
  return [pool, workers](router& routes, front_actor::pointer self) {
    routes.add({"GET", "/healthz", [](const exchange_ptr& what, const std::string&) {
                  what->answer({200, json_media_type, R"({"alive":true})", {}});
                }});
    routes.add({"GET", "/readyz", [pool, workers, self](const exchange_ptr& what, const std::string&) {
                  const auto out = std::make_shared<readiness>(what);
                  ask<actors::pool_status>(self, "PostgreSQL", pool, actors::status_request{}, out);
                  ask<actors::directory_status>(self, "Workers", workers, actors::directory_status_request{},
                                                out);
                }});
  };
}

}  // namespace troupe::http
