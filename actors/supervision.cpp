// Names exceptions by their type, and watches by CAF's monitors.
#include "actors/supervision.hpp"

#include <cxxabi.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <caf/atom.hpp>
#include <caf/exit_reason.hpp>
#include <cstdlib>
#include <memory>
#include <typeinfo>

namespace troupe::actors {

std::string describe_exception(const std::exception_ptr& thrown) {
  try {
    std::rethrow_exception(thrown);
  } catch (const std::exception& known) {
    int failed = 0;
    const std::unique_ptr<char, decltype(&std::free)> readable{
        abi::__cxa_demangle(typeid(known).name(), nullptr, nullptr, &failed), std::free};
    return failed == 0 ? readable.get() : typeid(known).name();
  } catch (...) {
    return "something that is no exception";
  }
}

caf::error end_by(const std::exception_ptr& thrown) {
  return to_caf({db::errc::internal, "it threw " + describe_exception(thrown)});
}

db::error fault_in(std::string_view actor) {
  const auto what = describe_exception(std::current_exception());
  spdlog::error("An exception in the {} actor, which goes on: {}", actor, what);
  return {db::errc::internal, "The " + std::string{actor} + " actor threw " + what + "."};
}

caf::behavior watch(caf::event_based_actor* self, const std::vector<essential_actor>& all,
                    const failure_handler& on_loss) {
  for (const auto& each : all) self->monitor(each.actor);
  // The handles are kept: CAF forgets a monitor of an actor that nobody holds.
  self->set_down_handler([self, all, on_loss](const caf::down_msg& down) {
    if (down.reason == caf::exit_reason::user_shutdown) return;
    const auto lost = std::find_if(all.begin(), all.end(), [&](const essential_actor& each) {
      return each.actor->address() == down.source;
    });
    on_loss((lost == all.end() ? "An actor" : lost->name) + " has ended: " + from_caf(down.reason).message);
    self->quit();
  });
  // Without any CAF would end it.
  return {[](caf::ok_atom) {}};
}

}  // namespace troupe::actors
