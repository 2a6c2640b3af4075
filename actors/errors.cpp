// Translates between our error values and CAF's.
#include "actors/errors.hpp"

#include <caf/make_message.hpp>
#include <caf/sec.hpp>

namespace troupe::actors {

namespace {

db::errc code_for(caf::sec code) {
  switch (code) {
    // The request was still in the mailbox: nobody acted on it.
    case caf::sec::request_receiver_down:
    case caf::sec::remote_linking_failed: return db::errc::connection_lost;
    case caf::sec::request_timeout: return db::errc::deadline_exceeded;
    default: return db::errc::internal;
  }
}

}  // namespace

caf::error to_caf(const db::error& what) {
  return {static_cast<std::uint8_t>(what.code), error_category, caf::make_message(what.message)};
}

db::error from_caf(const caf::error& what) {
  // An actor that ended without a reason; CAF's accessors want one.
  if (!what) return {db::errc::internal, "The actor asked has ended."};
  if (what.category() == error_category) {
    const auto& context = what.context();
    return {static_cast<db::errc>(what.code()),
            context.match_elements<std::string>() ? context.get_as<std::string>(0) : ""};
  }
  if (what.category() == caf::atom("system")) {
    const auto code = static_cast<caf::sec>(what.code());
    return {code_for(code), "The actor asked did not answer: " + to_string(code) + "."};
  }
  return {db::errc::internal, "The actor asked did not answer: " + to_string(what) + "."};
}

db::error after_unknown_attempt(db::error what) {
  switch (what.code) {
    case db::errc::overloaded:
    case db::errc::unavailable:
    case db::errc::connection_lost:
    case db::errc::no_worker:
      return {db::errc::outcome_unknown,
              "The answer to an earlier attempt was lost; the change may or may not have been made."};
    case db::errc::deadline_exceeded: what.code = db::errc::deadline_unknown; return what;
    default: return what;
  }
}

}  // namespace troupe::actors
