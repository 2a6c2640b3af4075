// The clients of one server: finds those that are silent or too slow, and lets them go in good manners.
#pragma once

#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/steady_timer.hpp>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <unordered_set>
#include <utility>

#include "actors/acceptor.hpp"
#include "http/client_count.hpp"
#include "http/client_socket.hpp"
#include "http/leaving_connection.hpp"
#include "http/progress_watch.hpp"

namespace troupe::http {

/// What is asked of a connection in each stage.
struct pace_rules {
  pace idle;
  pace receiving;
  pace sending;
};

/// The rules that follow from two settings: see settings::idle_timeout and settings::min_rate.
pace_rules rules_for(std::chrono::milliseconds idle_timeout, std::size_t min_rate);

/// Used on its loop's thread only.
class clients final : public std::enable_shared_from_this<clients> {
 public:
  /// `timeout_answer` makes the bytes for a client whose request does not come to its end.
  clients(asio::io_context& loop, const pace_rules& rules, std::function<std::string()> timeout_answer);
  clients(const clients&) = delete;
  clients& operator=(const clients&) = delete;

  client_count count() const;

  /// Bytes for the client of the connection that RESTinio is about to close: it logs why, then closes it,
  /// without anything between.
  void say_before_close(std::string bytes) { last_words_ = std::move(bytes); }

  /// Ends all connections at once.
  void end_all();

 private:
  friend class client_socket;
  friend class leaving_connection;

  const pace_rules& rules() const noexcept { return rules_; }
  std::string timeout_answer() const { return timeout_answer_(); }
  std::string take_last_words() { return std::exchange(last_words_, {}); }
  void let_leave(asio::ip::tcp::socket socket, actors::acceptor::place place, std::string last_words,
                 bool has_finished);
  void forget(const std::shared_ptr<leaving_connection>& gone) noexcept { leaving_.erase(gone); }
  void look_soon();
  void look_at_all();

  pace_rules rules_;
  std::function<std::string()> timeout_answer_;
  asio::steady_timer timer_;
  bool looks_ = false;
  std::unordered_set<client_socket*> sockets_;
  std::unordered_set<std::shared_ptr<leaving_connection>> leaving_;
  std::string last_words_;
};

}  // namespace troupe::http
