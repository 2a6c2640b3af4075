// Between RESTinio and the front actor: wraps requests, writes responses, starts and stops listening.
#include "http/server.hpp"

#include <poll.h>
#include <spdlog/spdlog.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <asio/detail/socket_option.hpp>
#include <asio/post.hpp>
#include <ctime>
#include <future>
#include <optional>
#include <restinio/all.hpp>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>

#include "http/errors.hpp"
#include "http/protocol.hpp"
#include "http/tracked_socket.hpp"

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

// RESTinio looks for overdue connections so often. Each look wakes the lane, for each connection.
constexpr std::chrono::seconds timeout_check{5};

// Turns of the loop that a stop gives to clients who wait to be accepted: more than a backlog holds.
constexpr int max_last_accepts = 1000;

// How often the end of the last connections is looked for at a stop.
constexpr std::chrono::milliseconds close_check{2};

// RESTinio's own timeout closes without an answer; ours comes first.
constexpr std::chrono::seconds handler_slack{10};

using reuse_port = asio::detail::socket_option::boolean<SOL_SOCKET, SO_REUSEPORT>;

/// What the requests of one lane share.
struct lane_state {
  actors::lane& home;
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

  std::string_view method() const override { return method_; }
  std::string_view target() const override {
    const auto& target = request_->header().request_target();
    return {target.data(), target.size()};
  }
  std::string_view header(std::string_view name) const override {
    const auto value = request_->header().opt_value_of(restinio::string_view_t{name.data(), name.size()});
    return value ? std::string_view{value->data(), value->size()} : std::string_view{};
  }
  std::string_view body() const override { return request_->body(); }

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
    const auto request = std::exchange(request_, nullptr);
    restinio::impl::access_req_connection(*request)->write_response_parts(
        request->request_id(), flags, restinio::write_group_t{std::move(items)});
  }

  restinio::request_handle_t request_;
  std::shared_ptr<lane_state> lane_;
  std::string_view method_;
  bool close_ = false;
};

/// RESTinio's log. Its errors are faults of clients (a reset, bad syntax): nothing for the operator.
/// For bytes that are no request RESTinio has no hook but this: it logs the fault and closes the socket.
struct restinio_log {
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
      tracked_socket::say_before_close(head_of(*answer, {lane->date_now()}) + answer->body);
  }
};

/// Called by RESTinio for each complete request.
struct request_taker {
  std::shared_ptr<lane_state> lane;
  front_actor front;

  // Requests that came together are read first, then actors handle them in one turn: that spares each of
  // them a turn of its own. And an answer from within RESTinio's handler would lose pipelined requests.
  void run_soon() const {
    if (std::exchange(lane->turn_posted, true)) return;
    asio::post(lane->home.io(), [lane = lane] {
      lane->turn_posted = false;
      lane->home.run_ready();
    });
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
      it->answer(plain_error(400, "The request is ambiguous: see its Host and Transfer-Encoding headers."));
    } else {
      lane->home.send(front, exchange_ptr{std::move(it)});
      run_soon();
    }
    return restinio::request_accepted();
  }
};

struct single_thread_traits : restinio::traits_t<restinio::asio_timer_manager_t, restinio_log, request_taker,
                                                 restinio::noop_strand_t, tracked_socket> {
  // Without it one accept() that runs out of descriptors is the last one.
  static constexpr bool use_connection_count_limiter = true;
};

/// What RESTinio calls a strand is here the loop's own executor, see tracked_socket.
struct traits : single_thread_traits {
  using strand_t = tracked_socket::executor_type;
};

}  // namespace

}  // namespace troupe::http

// RESTinio chooses the limiter by the type of the strand, and knows only its own.
template <>
struct restinio::connection_count_limit_types<troupe::http::traits>
    : restinio::connection_count_limit_types<troupe::http::single_thread_traits> {};

namespace troupe::http {

namespace {

// Runs f on the lane's thread and waits for it; passes on what it throws.
template <class F>
void on_lane(actors::lane& home, F f) {
  std::packaged_task<void()> task{std::move(f)};
  auto done = task.get_future();
  asio::post(home.io(), [&task] { task(); });
  done.get();
}

}  // namespace

class server::implementation {
 public:
  implementation(actors::lane& home, const settings& settings, sharing port_sharing, front_actor front)
      : lane_{std::make_shared<lane_state>(lane_state{home, false, false, 0, {}})} {
    const auto address = asio::ip::make_address(settings.address);
    on_lane(home, [&] {
      server_.emplace(restinio::external_io_context(home.io()), [&](auto& options) {
        options.address(address)
            .port(settings.port)
            .protocol(address.is_v6() ? asio::ip::tcp::v6() : asio::ip::tcp::v4())
            .request_handler(std::make_unique<request_taker>(request_taker{lane_, std::move(front)}))
            .max_parallel_connections(settings.max_connections)
            .max_pipelined_requests(1)
            .buffer_size(read_buffer)
            .logger(lane_)
            .timer_manager(timeout_check)
            .read_next_http_message_timelimit(settings.idle_timeout)
            .write_http_response_timelimit(settings.idle_timeout)
            .handle_request_timeout(settings.request_timeout + handler_slack)
            .incoming_http_msg_limits(restinio::incoming_http_msg_limits_t{}
                                          .max_url_size(settings.max_target)
                                          .max_field_name_size(max_header_name)
                                          .max_field_value_size(settings.max_header)
                                          .max_field_count(max_headers)
                                          .max_body_size(settings.max_body + body_slack))
            .acceptor_options_setter([port_sharing](restinio::acceptor_options_t& socket) {
              socket.set_option(asio::ip::tcp::acceptor::reuse_address{true});
              if (port_sharing == sharing::with_other_lanes) socket.set_option(reuse_port{true});
            })
            .acceptor_post_bind_hook([this](asio::ip::tcp::acceptor& socket) {
              port_ = socket.local_endpoint().port();
              listening_ = socket.native_handle();
            })
            .socket_options_setter(
                [](restinio::socket_options_t& socket) { socket.set_option(asio::ip::tcp::no_delay{true}); });
      });
      server_->open_sync();
    });
  }

  ~implementation() {
    stop_accepting();
    on_lane(lane_->home, [this] { asio::use_service<socket_registry>(lane_->home.io()).shut_down_all(); });
    // The connections see the end of their sockets in the loop's next turns; the server outlives them.
    bool open = true;
    while (open) {
      on_lane(lane_->home, [&] { open = open_connections(lane_->home) > 0; });
      if (open) std::this_thread::sleep_for(close_check);
    }
    on_lane(lane_->home, [this] { server_.reset(); });
  }

  implementation(const implementation&) = delete;
  implementation& operator=(const implementation&) = delete;

  std::uint16_t port() const noexcept { return port_; }

  // The kernel resets what waits to be accepted when its listener is closed: that is accepted before.
  void stop_accepting() {
    bool closed = false;
    for (int turn = 0; !closed; ++turn)
      on_lane(lane_->home, [&] {
        lane_->draining = true;
        if (server_ && turn < max_last_accepts && somebody_waits()) return;
        if (server_) server_->close_sync();
        listening_ = -1;
        closed = true;
      });
  }

 private:
  bool somebody_waits() const {
    pollfd listener{listening_, POLLIN, 0};
    return listening_ >= 0 && ::poll(&listener, 1, 0) == 1;
  }

  std::shared_ptr<lane_state> lane_;
  std::optional<restinio::http_server_t<traits>> server_;
  std::uint16_t port_ = 0;
  // The listener's descriptor; -1 when it is closed.
  int listening_ = -1;
};

server::server(actors::lane& home, const settings& settings, sharing port_sharing, front_actor front)
    : implementation_{std::make_unique<implementation>(home, settings, port_sharing, std::move(front))} {}

server::~server() = default;

std::uint16_t server::port() const noexcept { return implementation_->port(); }

void server::stop_accepting() { implementation_->stop_accepting(); }

std::size_t open_connections(actors::lane& home) {
  return asio::use_service<socket_registry>(home.io()).open_count();
}

}  // namespace troupe::http
