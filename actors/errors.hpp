// Carries db::error through CAF: every failed request is answered with one of these.
#pragma once

#include <caf/atom.hpp>
#include <caf/error.hpp>

#include "db/error.hpp"

namespace troupe::actors {

/// The category of our error codes among CAF's.
inline constexpr auto error_category = caf::atom("troupe");

/// The same error, as a reply.
caf::error to_caf(const db::error& what);

/// The same error, back. CAF's own errors (a receiver that is gone, an unexpected message) become the
/// code that fits, with CAF's name for them in the message.
db::error from_caf(const caf::error& what);

/// What an error means for a change of which an earlier attempt may have taken effect: that the last attempt
/// changed nothing says nothing about that.
db::error after_unknown_attempt(db::error what);

}  // namespace troupe::actors
