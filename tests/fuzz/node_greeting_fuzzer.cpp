// Fuzzes what a node hears from another before it knows it. Input: "w" for a worker, which is greeted, or "g"
// for a gateway, whose greeting is answered; a byte that says how many come at once, 0 for all; the bytes.
#include <algorithm>
#include <caf/actor_cast.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/io/basp/header.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "actors/connector.hpp"
#include "actors/messages.hpp"
#include "actors/node_port.hpp"
#include "actors/nodes.hpp"
#include "tests/actors/node.hpp"
#include "tests/fuzz/check.hpp"
#include "tests/fuzz/fuzzed_lane.hpp"
#include "tests/fuzz/wire.hpp"

namespace troupe::test {
namespace {

namespace basp = caf::io::basp;
using db::item_table;

/// The header of a greeting, read without CAF: each number has its highest byte first.
struct header {
  explicit header(std::string_view bytes)
      : operation{static_cast<std::uint8_t>(bytes[0])},
        payload{static_cast<std::uint32_t>(number(bytes.substr(4, 4)))},
        source{number(bytes.substr(16, 8))},
        destination{number(bytes.substr(24, 8))} {}

  static std::uint64_t number(std::string_view bytes) {
    std::uint64_t out = 0;
    for (const char each : bytes) out = out << 8 | static_cast<std::uint8_t>(each);
    return out;
  }
  bool is(basp::message_type what) const { return operation == static_cast<std::uint8_t>(what); }

  std::uint8_t operation;
  std::uint32_t payload;
  std::uint64_t source;
  std::uint64_t destination;
};

actors::node_settings settings() {
  using std::chrono::hours;
  actors::node_settings out;
  // No clock decides here.
  out.heartbeat = hours{1};
  out.timeout = hours{2};
  out.connect_timeout = hours{1};
  out.max_message = 65536;
  return out;
}

/// A worker and a gateway in one.
class fixture {
 public:
  void check(std::string_view input);

 private:
  void check_worker(std::string_view bytes, std::size_t at_once);
  void check_gateway(std::string_view bytes, std::size_t at_once);
  // The greeting alone: what comes behind it is a node's that is known.
  static std::string_view greeting_in(std::string_view bytes) {
    if (bytes.size() < basp::header_size) return bytes;
    return bytes.substr(0, basp::header_size + header{bytes}.payload);
  }
  void send(const wire& to, std::string_view bytes, std::size_t at_once) {
    for (; !bytes.empty(); bytes.remove_prefix(std::min(at_once, bytes.size()))) {
      to.send(bytes.substr(0, at_once));
      lane_.settle();
    }
  }

  fuzzed_lane lane_{[](auto& config) { actors::enable_nodes(config, settings()); }};
  actors::worker_actor<item_table> published_ = lane_.home().spawn(answer_enlist, 0);
  actors::node_port port_{lane_.home(), settings(), nullptr,
                          caf::actor_cast<caf::strong_actor_ptr>(published_),
                          lane_.system().message_types<actors::worker_actor<item_table>>()};
  actors::connector_actor connector_ = actors::spawn_connector(lane_.home(), settings(), nullptr);
  listening_wire worker_;
};

void fixture::check_worker(std::string_view bytes, std::size_t at_once) {
  wire gateway{port_.port()};
  send(gateway, greeting_in(bytes), at_once);
  if (bytes.size() < basp::header_size) {
    require(gateway.heard().empty() && !gateway.has_ended(), "who has not said enough is waited for");
    return;
  }
  const bool decided = lane_.settle_until([&] { return !gateway.heard().empty() || gateway.has_ended(); });
  require(decided, "who greets is greeted, and others are turned away");
  if (gateway.heard().empty()) return;
  constexpr std::uint32_t max_payload = 1024;
  const header greeting{bytes};
  require(greeting.is(basp::message_type::client_handshake) && greeting.payload > 0 &&
              greeting.payload <= max_payload && greeting.source == 0 && greeting.destination == 0,
          "only who greets as a gateway is greeted");
  require(gateway.heard().size() > basp::header_size &&
              header{gateway.heard()}.is(basp::message_type::server_handshake),
          "a worker greets first");
}

/// Whether a gateway knows a worker that it has asked for; nothing as long as it waits.
using knowledge = std::shared_ptr<std::optional<bool>>;

void reach_worker(caf::event_based_actor* self, const actors::connector_actor& connector, std::uint16_t port,
                  const knowledge& knows) {
  self->request(connector, caf::infinite, actors::reach{{"127.0.0.1", port}})
      .then(
          [knows](const actors::reached& other) {
            require(other.published != nullptr, "a worker that is known has an actor");
            *knows = true;
            other.cut();
          },
          [knows](const caf::error&) { *knows = false; });
}

void fixture::check_gateway(std::string_view bytes, std::size_t at_once) {
  const auto knows = std::make_shared<std::optional<bool>>();
  lane_.home().spawn(reach_worker, connector_, worker_.port(), knows);
  lane_.home().run_ready();
  lane_.settle();
  {
    const auto gateway = worker_.accept();
    lane_.settle();
    send(gateway, greeting_in(bytes), at_once);
    if (bytes.size() < basp::header_size) require(!*knows, "who has not said enough is waited for");
  }
  require(lane_.settle_until([&] { return knows->has_value(); }), "a node that is gone is told");
  if (!**knows) return;
  const header greeting{bytes};
  require(greeting.is(basp::message_type::server_handshake) && greeting.payload > 0 &&
              greeting.payload <= settings().max_message,
          "only who greets as a worker is known");
}

void fixture::check(std::string_view input) {
  if (input.size() < 2) return;
  const auto size = static_cast<std::uint8_t>(input[1]);
  const auto at_once = size == 0 ? input.size() : size;
  const auto bytes = input.substr(2);
  lane_.run([&] {
    if (input[0] == 'w') check_worker(bytes, at_once);
    if (input[0] == 'g') check_gateway(bytes, at_once);
    lane_.settle();
  });
}

}  // namespace
}  // namespace troupe::test

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static auto& all = *new troupe::test::fixture;
  all.check({reinterpret_cast<const char*>(data), size});
  return 0;
}
