// Between RESTinio and the front actor: wraps requests, writes responses, starts and stops listening.
#include "http/server.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <asio/ip/tcp.hpp>
#include <asio/post.hpp>
#include <ctime>
#include <restinio/all.hpp>
#include <restinio/null_timer_manager.hpp>
#include <string>
#include <string_view>
#include <utility>

#include "actors/acceptor.hpp"
#include "db/keepalive.hpp"
#include "http/clients.hpp"
#include "http/errors.hpp"
#include "http/expectation.hpp"
#include "http/protocol.hpp"

namespace troupe::http {

namespace {

// A body that is over the limit by no more than this is read to its end, so that the connection can be
// used further; beyond, the connection is closed.
constexpr std::size_t body_slack = 64 * 1024;
// Headers as browsers and proxies send them are far below.
constexpr std::size_t max_header_name = 256;
constexpr std::size_t max_headers = 100;

// Room for a request line and headers as clients send them; a connection holds one such buffer.
constexpr std::size_t read_buffer = 4096;

// A body of so many bytes at most is copied behind its head: one buffer costs less to write than two.
constexpr std::size_t max_copied_body = 4096;

// Turns of the loop that a stop gives to clients who wait to be accepted: more than a backlog holds.
constexpr int max_last_accepts = 1000;

/// What the requests of one lane share.
struct lane_state {
  actors::lane& home;
  std::shared_ptr<clients> its_clients;
  bool draining = false;
  /// Whether a turn of the actors is under way, see request_taker.
  bool turn_posted = false;
  std::time_t date_second = 0;
  std::string date;

  /// The Date header's value, made once a second.
  const std::string& date_now() {
    const auto now = std::time(nullptr);
    if (now != date_second) {
      std::tm parts{};
      gmtime_r(&now, &parts);
      std::array<char, 64> text{};
      date.assign(text.data(), std::strftime(text.data(), text.size(), "%a, %d %b %Y %H:%M:%S GMT", &parts));
      date_second = now;
    }
    return date;
  }
};

class restinio_exchange final : public exchange {
 public:
  restinio_exchange(restinio::request_handle_t request, std::shared_ptr<lane_state> lane)
      : request_{std::move(request)}, lane_{std::move(lane)}, method_{request_->header().method().c_str()} {}

  /// Whoever had to answer has gone. Not where the loop has ended, and the connection with it.
  ~restinio_exchange() override {
    if (answered() || !lane_->home.is_current()) return;
    contain(*this, [this] { answer(plain_error(500, "Internal Server Error")); });
  }
  restinio_exchange(const restinio_exchange&) = delete;
  restinio_exchange& operator=(const restinio_exchange&) = delete;

  std::string_view method() const override { return method_; }
  // The views are empty once the request is answered and let go of.
  std::string_view target() const override {
    if (!request_) return {};
    const auto& target = request_->header().request_target();
    return {target.data(), target.size()};
  }
  std::string_view header(std::string_view name) const override {
    if (!request_) return {};
    const auto value = request_->header().opt_value_of(restinio::string_view_t{name.data(), name.size()});
    return value ? std::string_view{value->data(), value->size()} : std::string_view{};
  }
  std::string_view body() const override {
    return request_ ? std::string_view{request_->body()} : std::string_view{};
  }

  /// Whatever follows on this connection is not to be trusted.
  void close_afterwards() { close_ = true; }

 private:
  void write(response&& with) override {
    const auto& header = request_->header();
    // After an Upgrade header RESTinio would wait for another protocol.
    const bool keep = header.should_keep_alive() && !lane_->draining && !close_ &&
                      header.connection() != restinio::http_connection_header_t::upgrade;
    // A client of HTTP/1.0 has to ask, and to be told.
    const bool asked = !this->header("Connection").empty();
    const bool one_buffer = with.body.size() <= max_copied_body;
    auto bytes = head_of(with, {lane_->date_now(), keep, asked, one_buffer ? with.body.size() : 0});
    if (method_ == "HEAD") with.body.clear();
    if (one_buffer) bytes += with.body;
    // RESTinio's response builder cannot leave Content-Length out and allocates each header; the
    // connection takes the finished bytes as they are.
    restinio::writable_items_container_t items;
    items.reserve(one_buffer ? 1 : 2);
    items.emplace_back(std::move(bytes));
    if (!one_buffer && !with.body.empty()) items.emplace_back(std::move(with.body));
    const restinio::response_output_flags_t flags{restinio::response_parts_attr_t::final_parts,
                                                  restinio::response_connection_attr(keep)};
    restinio::impl::access_req_connection(*request_)->write_response_parts(
        request_->request_id(), flags, restinio::write_group_t{std::move(items)});
    request_ = nullptr;
  }

  restinio::request_handle_t request_;
  std::shared_ptr<lane_state> lane_;
  std::string_view method_;
  bool close_ = false;
};

/// RESTinio's log. Its errors are faults of clients (a reset, bad syntax): nothing for the operator.
/// For bytes that are no request RESTinio has no hook but this: it logs the fault and closes the socket.
struct restinio_log {
  // RESTinio makes it with parentheses, which clang 14 takes for a constructor alone.
  explicit restinio_log(std::shared_ptr<lane_state> its_lane) : lane{std::move(its_lane)} {}

  std::shared_ptr<lane_state> lane;

  template <class Message>
  void trace(Message&&) {}
  template <class Message>
  void info(Message&&) {}
  template <class Message>
  void warn(Message&& message) {
    if (spdlog::should_log(spdlog::level::debug)) spdlog::debug("HTTP: {}", message());
  }
  template <class Message>
  void error(Message&& message) {
    const std::string text = message();
    spdlog::debug("HTTP: {}", text);
    if (const auto answer = parser_fault(text))
      lane->its_clients->say_before_close(head_of(*answer, {lane->date_now()}) + answer->body);
  }
};

/// Called by RESTinio for each complete request.
struct request_taker {
  std::shared_ptr<lane_state> lane;
  front_actor front;

  // Requests that came together are read first, then actors handle them in one turn: that spares each of
  // them a turn of its own. And an answer from within RESTinio's handler would lose pipelined requests.
  void run_soon() const {
    if (lane->turn_posted) return;
    asio::post(lane->home.io(), [lane = lane] {
      lane->turn_posted = false;
      lane->home.run_ready();
    });
    lane->turn_posted = true;
  }

  // What can mean one thing to a proxy before us and another to RESTinio is refused (RFC 9112, 3.2, 5.1
  // and 6.1). A missing Host is for HTTP/1.0, which RESTinio does not tell from 1.1.
  static bool is_ambiguous(const restinio::http_request_header_t& header) {
    const auto is_blank = [](char c) { return c == ' ' || c == '\t'; };
    int hosts = 0;
    bool faulty = false;
    header.for_each_field([&](const auto& field) {
      if (field.field_id() == restinio::http_field::host) ++hosts;
      if (std::ranges::any_of(field.name(), is_blank)) faulty = true;
      if (field.field_id() == restinio::http_field::transfer_encoding &&
          !restinio::impl::is_equal_caseless(field.value(), "chunked"))
        faulty = true;
    });
    return faulty || hosts > 1;
  }

  restinio::request_handling_status_t operator()(restinio::request_handle_t request) const {
    const bool ambiguous = is_ambiguous(request->header());
    auto it = std::make_shared<restinio_exchange>(std::move(request), lane);
    if (ambiguous) {
      it->close_afterwards();
      // Not from within RESTinio's handler either: behind an answer, RESTinio asserts that this one does not
      // end the connection.
      asio::post(lane->home.io(), [it] {
        it->answer(plain_error(400, "The request is ambiguous: see its Host and Transfer-Encoding headers."));
      });
    } else {
      lane->home.send(front, exchange_ptr{std::move(it)});
      run_soon();
    }
    return restinio::request_accepted();
  }
};

// What RESTinio calls a strand is here the loop's own executor, see client_socket. Its timers, its acceptor
// and its count of connections are not used: see clients and actors::acceptor.
struct traits : restinio::traits_t<restinio::null_timer_manager_t, restinio_log, request_taker,
                                   client_socket::executor_type, client_socket> {};
using connection = restinio::impl::connection_t<traits>;
using connection_settings = restinio::impl::connection_settings_t<traits>;
using uncounted = restinio::connection_count_limit_types<traits>::lifetime_monitor_t;

// RESTinio refuses a value of as many bytes as its limit, too.
constexpr std::size_t shortest_refused(std::size_t limit) noexcept { return std::max(limit, limit + 1); }

std::shared_ptr<connection_settings> settings_for_restinio(const settings& from,
                                                           std::shared_ptr<lane_state> lane,
                                                           front_actor front) {
  restinio::server_settings_t<traits> out;
  out.request_handler(std::make_unique<request_taker>(request_taker{lane, std::move(front)}))
      // The rest waits in the kernel, and its sender with it.
      .max_pipelined_requests(1)
      .buffer_size(read_buffer)
      .logger(std::move(lane))
      .incoming_http_msg_limits(restinio::incoming_http_msg_limits_t{}
                                    .max_url_size(from.max_target)
                                    .max_field_name_size(max_header_name)
                                    .max_field_value_size(shortest_refused(from.max_header))
                                    .max_field_count(max_headers)
                                    .max_body_size(from.max_body + body_slack));
  return std::make_shared<connection_settings>(
      std::move(out),
      noticing_expectations(restinio::impl::create_parser_settings<traits::http_methods_mapper_t>()),
      std::make_shared<restinio::null_timer_manager_t>());
}

}  // namespace

class server::implementation {
 public:
  implementation(actors::lane& home, const settings& settings, sharing port_sharing,
                 const front_maker& make_front)
      : home_{home}, lane_{std::make_shared<lane_state>(lane_state{home, {}, false, false, 0, {}})} {
    // Without what it owns: the lane's state owns the clients.
    const auto timeout_answer = [lane = std::weak_ptr{lane_}] {
      const auto answer = plain_error(408, "The request did not arrive in time.");
      return head_of(answer, {lane.lock()->date_now()}) + answer.body;
    };
    lane_->its_clients = std::make_shared<clients>(
        home.io(), rules_for(settings.idle_timeout, settings.min_rate), timeout_answer);
    auto front = make_front([its_clients = lane_->its_clients] { return its_clients->count(); });
    const auto take = [this, keepalive = db::keepalive_within(settings.keepalive),
                       shared = settings_for_restinio(settings, lane_, std::move(front))](
                          asio::ip::tcp::socket socket, actors::acceptor::place place) {
      // A client that has gone already is noticed when it is read from.
      asio::error_code gone;
      socket.set_option(asio::ip::tcp::no_delay{true}, gone);
      // Slow readers are the business of clients.
      db::set_keepalive(socket.native_handle(), keepalive, db::given_up::silent);
      client_socket client{home_.io(), std::move(socket), std::move(place), lane_->its_clients};
      std::make_shared<connection>(++last_connection_, std::move(client), shared, restinio::endpoint_t{},
                                   uncounted{nullptr})
          ->init();
    };
    const auto address = asio::ip::make_address(settings.address);
    acceptor_ = std::make_shared<actors::acceptor>(
        home.io(),
        actors::acceptor::settings{{address, settings.port},
                                   port_sharing == sharing::with_other_lanes,
                                   settings.max_connections,
                                   "HTTP"},
        take);
    home.run_and_wait([this] { acceptor_->start(); });
  }

  ~implementation() {
    stop_accepting();
    // Those who wait for their answer let go of it without one.
    home_.run_and_wait([this] { lane_->its_clients->end_all(); });
  }

  implementation(const implementation&) = delete;
  implementation& operator=(const implementation&) = delete;

  std::uint16_t port() const noexcept { return acceptor_->port(); }

  // The kernel resets what waits to be accepted when its listener is closed: that is accepted before.
  void stop_accepting() {
    bool closed = false;
    for (int turn = 0; !closed; ++turn)
      home_.run_and_wait([&] {
        lane_->draining = true;
        if (turn < max_last_accepts && acceptor_->somebody_waits()) return;
        acceptor_->close();
        closed = true;
      });
  }

 private:
  actors::lane& home_;
  std::shared_ptr<lane_state> lane_;
  std::shared_ptr<actors::acceptor> acceptor_;
  restinio::connection_id_t last_connection_ = 0;
};

server::server(actors::lane& home, const settings& settings, sharing port_sharing,
               const front_maker& make_front)
    : implementation_{std::make_unique<implementation>(home, settings, port_sharing, make_front)} {}

server::~server() = default;

std::uint16_t server::port() const noexcept { return implementation_->port(); }

void server::stop_accepting() { implementation_->stop_accepting(); }

}  // namespace troupe::http
