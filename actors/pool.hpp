// The pool: chooses connections, bounds the queue, replaces the dead with backoff and jitter.
#pragma once

#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <caf/typed_response_promise.hpp>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "actors/backoff.hpp"
#include "actors/local_messages.hpp"
#include "actors/settings.hpp"
#include "db/error.hpp"

namespace troupe::actors {

/// Makes the connection actor for a slot of a pool.
using connection_factory = std::function<connection_actor(slot_index, const pool_actor&)>;

/// What a pool knows.
class pool_state {
 public:
  static constexpr const char* name = "pool";

  using answer = caf::typed_response_promise<db::result>;

  void start(pool_actor::pointer self, const pool_settings& settings, connection_factory factory);

  void connect_all();
  /// Whether it has begun to connect.
  bool has_begun() const noexcept { return begun_; }
  void connect(slot_index index);
  void accept(query_ptr what, answer to);
  void on_ready(slot_index index);
  void on_down(const caf::actor_addr& who, const caf::error& reason);
  void close_all();
  /// `schema` is that of a pool that waits for its schema; else empty.
  pool_status status(const schema_status& schema) const;

 private:
  /// How a query was sent before; it is sent twice at most.
  enum class tries { none, without_effect, of_unknown_effect };
  struct sent_query {
    std::uint64_t number;
    query_ptr what;
    answer to;
    tries before;
  };
  struct slot {
    connection_actor connection;
    bool ready = false;
    /// In order: a connection that ends without a word leaves them to the pool.
    std::deque<sent_query> in_flight;
    /// Attempts to connect since the connection was last ready.
    unsigned attempts = 0;
  };
  struct waiting_query {
    query_ptr what;
    answer to;
    tries before;
  };

  void on_loss(slot_index index, db::error why);
  std::size_t ready_count() const;
  slot* least_busy();
  db::error no_connection() const;
  void dispatch(slot& on, query_ptr what, answer to, tries before);
  void on_error(sent_query it, const db::error& reason);
  static void fail(answer& to, db::error reason, tries before);
  std::optional<sent_query> take(slot_index index, std::uint64_t number);
  void on_rows(slot_index index, std::uint64_t number, const db::result& rows);
  void on_failure(slot_index index, std::uint64_t number, const db::error& reason);
  void send_waiting();

  pool_actor::pointer self_ = nullptr;
  pool_settings settings_;
  connection_factory factory_;
  backoff waits_{{}, {}, 0};
  bool begun_ = false;
  std::vector<slot> slots_;
  std::deque<waiting_query> waiting_;
  std::uint64_t last_number_ = 0;
  db::error last_failure_;
};

/// The behavior of a pool. It connects once `schema` has brought the schema up to date; at once if that
/// is null.
pool_actor::behavior_type pool(pool_actor::stateful_pointer<pool_state> self, const pool_settings& settings,
                               const connection_factory& connect, const migrator_actor& schema);

}  // namespace troupe::actors
