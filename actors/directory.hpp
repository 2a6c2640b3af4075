// The directory of a gateway: finds workers by name, keeps connections to them, tells the balancers.
#pragma once

#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "actors/backoff.hpp"
#include "actors/balancer.hpp"
#include "actors/connector.hpp"
#include "actors/messages.hpp"
#include "actors/settings.hpp"

namespace troupe::actors {

/// The directory's own timers: time to look the names up, time to connect to a worker anew.
struct look_around {};
struct reconnect_worker {
  endpoint where;
  std::uint64_t timer;
};

/// Asks for a directory_status.
struct directory_status_request {};

/// How a directory sees one worker.
struct worker_status {
  std::string where;
  bool connected = false;
  /// It says that it stops soon.
  bool leaving = false;
  /// Why the latest attempt failed or the connection was lost, in words of ours alone.
  std::string last_failure;
};

/// In the order of their addresses.
struct directory_status {
  std::vector<worker_status> workers;
};

/// The directory, as its own node sees it.
using directory_actor =
    gateway_actor::extend<caf::reacts_to<look_around>, caf::reacts_to<reconnect_worker>,
                          caf::replies_to<directory_status_request>::with<directory_status>>;

/// A host and a port, as a user gives them: worker-1.example:4711, 10.0.0.7:4711, [::1]:4711.
struct worker_name {
  std::string host;
  std::uint16_t port = 0;
};

/// Reads such a name; nothing if it is none.
std::optional<worker_name> parse_worker_name(const std::string& text);

/// What a directory knows.
template <class Table>
class directory_state {
 public:
  const char* name = "directory";

  void start(directory_actor::pointer self, const node_settings& settings, const connector_actor& connector,
             std::vector<balancer_actor<Table>> balancers);

  void on_look_around();
  void on_reconnect(const reconnect_worker& what);
  void on_leaving(const caf::actor_addr& who, caf::typed_response_promise<released> answer);
  void on_down(const caf::actor_addr& who, const caf::error& why);
  directory_status status() const;

 private:
  enum class phase { waiting, connecting, connected, leaving };

  struct known_worker {
    phase state = phase::waiting;
    worker_actor<Table> worker;
    unsigned failures = 0;
    db::error last_failure;
    /// Whether a name still stands for it.
    bool listed = true;
    /// The timer that counts; an address that was forgotten and came back may have older ones.
    std::uint64_t timer = 0;
  };

  void on_addresses(std::size_t which, const addresses& found);
  void connect(const endpoint& where);
  void greet(const endpoint& where, const reached& node);
  void wait(const endpoint& where, unsigned failures, const db::error& why);
  void on_failure(const endpoint& where, const db::error& why);

  directory_actor::pointer self_ = nullptr;
  node_settings settings_;
  connector_actor connector_;
  std::vector<balancer_actor<Table>> balancers_;
  backoff waits_{{}, {}, 0};
  std::vector<worker_name> names_;
  // What each name stands for, as far as known.
  std::vector<std::vector<endpoint>> endpoints_;
  std::map<endpoint, known_worker> peers_;
  std::uint64_t last_timer_ = 0;
};

/// The behavior of a directory. `settings.workers` must be valid names.
template <class Table>
directory_actor::behavior_type directory(directory_actor::stateful_pointer<directory_state<Table>> self,
                                         const node_settings& settings, const connector_actor& connector,
                                         const std::vector<balancer_actor<Table>>& balancers);

extern template directory_actor::behavior_type directory<db::item_table>(
    directory_actor::stateful_pointer<directory_state<db::item_table>>, const node_settings&,
    const connector_actor&, const std::vector<balancer_actor<db::item_table>>&);

}  // namespace troupe::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::actors::look_around)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::actors::reconnect_worker)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::actors::directory_status_request)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::actors::directory_status)
