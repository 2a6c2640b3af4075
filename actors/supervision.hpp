// What becomes of an exception in an actor, and of a process that has lost an actor it cannot do without.
#pragma once

#include <caf/actor.hpp>
#include <caf/actor_cast.hpp>
#include <caf/behavior.hpp>
#include <caf/error.hpp>
#include <caf/event_based_actor.hpp>
#include <exception>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "actors/errors.hpp"
#include "db/error.hpp"

namespace troupe::actors {

/// Told, in one sentence without a full stop, why the process cannot go on. From any thread.
using failure_handler = std::function<void(const std::string& sentence)>;

/// The type of an exception. Not its text, which may repeat what a client sent, or a password.
std::string describe_exception(const std::exception_ptr& thrown);

/// The reason of the end of an actor that an exception has ended.
caf::error end_by(const std::exception_ptr& thrown);

/// To be called while an exception is handled: logs it, and returns the error for those who wait.
db::error fault_in(std::string_view actor);

/// Runs `what`. If it throws, who waits for `to` is answered with errc::internal, unless that was answered
/// before. So one request fails, and the actor goes on.
template <class Promise, class F>
void contain(std::string_view actor, Promise& to, F&& what) {
  try {
    what();
  } catch (...) {
    const auto fault = to_caf(fault_in(actor));
    if (to.pending()) to.deliver(fault);
  }
}

/// An actor that others wait for and that nothing replaces.
struct essential_actor {
  /// As it stands in a sentence: "the pool of lane 0".
  std::string name;
  caf::strong_actor_ptr actor;
};

/// The behavior of an actor that watches others. When the first of them ends, other than by
/// exit_reason::user_shutdown, `on_loss` is told; later ones are not told of.
caf::behavior watch(caf::event_based_actor* self, const std::vector<essential_actor>& all,
                    const failure_handler& on_loss);

}  // namespace troupe::actors
