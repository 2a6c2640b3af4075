// Error codes to HTTP.
#include "http/errors.hpp"

#include <spdlog/spdlog.h>

#include <string>
#include <string_view>
#include <utility>

#include "actors/supervision.hpp"
#include "http/idempotency.hpp"
#include "http/location.hpp"

namespace troupe::http {

namespace {

// Seconds; the pool tries to connect again at least that often at first.
constexpr auto retry_after = "1";

response unavailable(std::string detail) {
  auto out = plain_error(503, std::move(detail));
  out.headers.emplace_back("Retry-After", retry_after);
  return out;
}

response refused_value(std::string type, const std::string& message,
                       decltype(problem::loc) where = {"body"}) {
  return response_for(rejection{422, {}, {problem{std::move(type), std::move(where), message, "null", {}}}});
}

// Programs know it by its first word.
response unknown_outcome(db::errc code, const std::string& advice) {
  const auto sentence = [&](const std::string& why) {
    return "outcome_unknown: " + why + "; the change may or may not have been made." + advice;
  };
  if (code == db::errc::deadline_unknown) return plain_error(504, sentence("no answer came in time"));
  return unavailable(sentence("the answer was lost on its way"));
}

response internal(const db::error& what) {
  spdlog::error("Request failed: {}: {}", db::to_string(what.code), what.message);
  return plain_error(500, "Internal Server Error");
}

}  // namespace

response response_for(const db::error& what) {
  using db::errc;
  switch (what.code) {
    case errc::not_found: return plain_error(404, what.message);
    case errc::overloaded: return unavailable("The service is overloaded. Try again later.");
    case errc::unavailable:
    case errc::name_not_resolved:
    case errc::connection_refused:
    case errc::no_answer:
    case errc::login_refused:
    case errc::no_database:
    case errc::not_accepting:
    case errc::tls_failed: return unavailable("The database is not available. Try again later.");
    case errc::connection_lost:
      return unavailable("The connection to the database was lost; nothing was changed. Try again later.");
    case errc::outcome_unknown:
    case errc::deadline_unknown: return unknown_outcome(what.code, "");
    case errc::deadline_exceeded: return plain_error(504, "The database did not answer in time.");
    case errc::invalid_value: return refused_value("value_error", "Value error, " + what.message);
    case errc::value_too_long: return refused_value("string_too_long", "Value too long, " + what.message);
    case errc::answer_too_large:
      return refused_value("value_error", "Value error, the answer is too large: ask for fewer rows",
                           {"query", "limit"});
    case errc::key_reused: return plain_error(422, "The Idempotency-Key belongs to another request.");
    case errc::no_worker: return unavailable("No worker can be reached. Try again later.");
    case errc::not_supported: return plain_error(501, what.message);
    case errc::none:
    case errc::internal:
    case errc::statement_failed:
    case errc::schema_mismatch: break;
  }
  return internal(what);
}

response response_for(const db::error& what, const exchange& asked) {
  using db::errc;
  if (reads(asked)) return response_for(what);
  if (what.code == errc::deadline_exceeded)
    return plain_error(504, "The database did not answer in time; nothing was changed.");
  if ((what.code == errc::outcome_unknown || what.code == errc::deadline_unknown) &&
      !asked.header(idempotency_header).empty())
    return unknown_outcome(what.code, " It is safe to repeat it with the same Idempotency-Key.");
  return response_for(what);
}

response response_for(const rejection& what) { return {what.status, json_media_type, body_of(what), {}}; }

response plain_error(int status, std::string detail) {
  return response_for(rejection{status, std::move(detail), {}});
}

// Neither query nor body nor the exception's own text, which may repeat them.
void answer_fault(exchange& what) noexcept {
  try {
    // An answered exchange has let go of its request.
    const auto path = what.answered() ? std::string_view{} : path_of(what.target());
    spdlog::error("{} {} failed by an exception: {}", what.method(), path,
                  actors::describe_exception(std::current_exception()));
    what.answer(plain_error(500, "Internal Server Error"));
  } catch (...) {
    // No memory for the answer: what has none when it is let go of is closed, and the front has a deadline.
  }
}

}  // namespace troupe::http
