// Looks at all connections of a server at once, which costs less than a timer for each.
#include "http/clients.hpp"

#include <algorithm>
#include <utility>
#include <vector>

namespace troupe::http {

namespace {

// How late a connection is found silent or slow, at most: a part of the time that it has.
constexpr int looks_in_a_silence = 8;
constexpr std::chrono::milliseconds shortest_interval{5};
constexpr std::chrono::milliseconds longest_interval{1000};

// The credit of time that a request or an answer begins with, see pace: two pauses that are allowed, and no
// less than this.
constexpr int silences_of_credit = 2;
constexpr std::chrono::milliseconds shortest_credit{10'000};
// A client's kernel says in steps of some 100 kB how much the client has read, be it within a second or two
// minutes: one that reads 1 kB/s is seen to move within this.
constexpr std::chrono::milliseconds longest_step{120'000};

}  // namespace

pace_rules rules_for(std::chrono::milliseconds idle_timeout, std::size_t min_rate) {
  const auto credit = std::max(silences_of_credit * idle_timeout, shortest_credit);
  const auto longest = std::max(credit, longest_step);
  return {.idle = {.max_silence = idle_timeout},
          .receiving = {idle_timeout, min_rate, credit, credit},
          .sending = {longest, min_rate, credit, longest}};
}

clients::clients(asio::io_context& loop, const pace_rules& rules, std::function<std::string()> timeout_answer)
    : rules_{rules}, timeout_answer_{std::move(timeout_answer)}, timer_{loop} {}

client_count clients::count() const {
  client_count out;
  for (auto* each : sockets_) {
    if (!each->is_open()) continue;
    ++out.connected;
    const auto stage = each->now();
    if (stage == client_socket::stage::receiving || stage == client_socket::stage::sending)
      ++out.transferring;
  }
  for (const auto& each : leaving_) {
    ++out.connected;
    if (each->delivers()) ++out.transferring;
  }
  return out;
}

void clients::end_all() {
  timer_.cancel();
  for (auto* each : sockets_) each->cut();
  for (const auto& each : std::exchange(leaving_, {})) each->end();
}

void clients::let_leave(asio::ip::tcp::socket socket, actors::acceptor::place place, std::string last_words,
                        bool has_finished) {
  const auto it = std::make_shared<leaving_connection>(std::move(socket), std::move(place),
                                                       shared_from_this(), has_finished);
  leaving_.insert(it);
  it->start(std::move(last_words));
  look_soon();
}

void clients::look_soon() {
  if (std::exchange(looks_, true)) return;
  timer_.expires_after(
      std::clamp(rules_.idle.max_silence / looks_in_a_silence, shortest_interval, longest_interval));
  timer_.async_wait([self = shared_from_this()](const asio::error_code& cancelled) {
    if (!cancelled) self->look_at_all();
  });
}

void clients::look_at_all() {
  looks_ = false;
  const auto now = std::chrono::steady_clock::now();
  // Who is ended here leaves the set in a later turn, when its handlers have run.
  for (auto* each : sockets_) each->look(now);
  // These leave their set at once.
  for (const auto& each : std::vector(leaving_.begin(), leaving_.end())) each->look(now);
  if (!sockets_.empty() || !leaving_.empty()) look_soon();
}

}  // namespace troupe::http
