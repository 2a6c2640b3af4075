// Fuzzes the server from its socket on. Input: what a client sends over one connection. The byte 1E ends a
// piece, which is sent and handled before the next one; at the end it closes the client's direction.
#include <sys/resource.h>

#include <algorithm>
#include <asio/post.hpp>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "http/front.hpp"
#include "http/server.hpp"
#include "tests/fuzz/check.hpp"
#include "tests/fuzz/fuzzed_lane.hpp"
#include "tests/fuzz/http_answers.hpp"
#include "tests/fuzz/http_model.hpp"
#include "tests/fuzz/wire.hpp"

namespace troupe::test {
namespace {

constexpr char end_of_piece = '\x1E';
// More than the server sends in one buffer with the head.
constexpr std::size_t large = 5000;

// What a request says, so that its answer can be told from those of others.
std::string label(std::string_view method, std::string_view target, std::string_view body,
                  std::string_view content_type) {
  std::string all;
  for (const auto each : {method, target, body, content_type}) (all += each) += '\n';
  return std::to_string(std::hash<std::string>{}(all));
}

http::response answer_to(const http::exchange& what) {
  http::response out{200, http::json_media_type, "{}", {}};
  if (what.method() == "DELETE") out = {204, {}, {}, {}};
  if (what.target().starts_with("/large")) out.body = '"' + std::string(large, 'x') + '"';
  out.headers.emplace_back("X-Request",
                           label(what.method(), what.target(), what.body(), what.header("content-type")));
  return out;
}

// Answers at once, in a later turn (/late), or never (/drop): then the server has to.
http::front_actor::behavior_type answering_front(http::front_actor::pointer, actors::lane* home) {
  return {
      [home](const http::exchange_ptr& what) {
        if (what->target().starts_with("/late"))
          asio::post(home->io(), [what] { what->answer(answer_to(*what)); });
        else if (!what->target().starts_with("/drop"))
          what->answer(answer_to(*what));
      },
      [](const http::sweep&) {},
      [](const http::give_up&) {},
      [](const http::drain&) { return http::drained{}; },
  };
}

/// A server, and a client beside the one that is fuzzed.
class fixture {
 public:
  fixture()
      : server_{lane_.home(), settings(), http::server::sharing::alone,
                [this](const auto&) { return lane_.home().spawn(answering_front, &lane_.home()); }} {
    // Connections may linger for a second.
    rlimit descriptors{};
    getrlimit(RLIMIT_NOFILE, &descriptors);
    descriptors.rlim_cur = descriptors.rlim_max;
    setrlimit(RLIMIT_NOFILE, &descriptors);
  }

  static http::settings settings() {
    http::settings out;
    out.port = 0;
    out.max_connections = 1'000'000;
    // No clock decides here.
    out.idle_timeout = std::chrono::hours{1};
    // Within reach.
    out.max_target = 200;
    out.max_header = 300;
    return out;
  }

  void check(std::string_view input);

 private:
  void send(const wire& client, std::string_view input);
  bool is_settled(wire& client, const sent_requests& sent, bool has_finished);
  void require_neighbour_well();

  fuzzed_lane lane_;
  http::server server_;
  std::unique_ptr<wire> neighbour_;
};

void fixture::send(const wire& client, std::string_view input) {
  while (!input.empty()) {
    const auto end = std::min(input.find(end_of_piece), input.size());
    client.send(input.substr(0, end));
    lane_.settle();
    input.remove_prefix(std::min(end + 1, input.size()));
  }
}

/// How many answers there have to be, and whether the server then closes the connection.
struct outcome {
  std::size_t answers = 0;
  bool waits = false;
  bool ends = false;
};

outcome expected(const sent_requests& sent) {
  outcome out;
  for (const auto& each : sent.all) {
    const bool is_answered = each.is_complete || sent.is_faulty;
    if (is_answered) ++out.answers;
    out.ends = sent.is_faulty || (each.is_complete && (each.ends_connection || each.is_ambiguous()));
    out.waits = !is_answered && each.waits;
  }
  // Only the last request can be faulty.
  return out;
}

void require_answer(const received_answer& answer, const sent_request& to) {
  const auto is_one_of = [&](std::initializer_list<int> all) {
    return std::find(all.begin(), all.end(), answer.status) != all.end();
  };
  if (!answer.body.empty()) require_json(answer.body);
  if (!to.is_complete) {
    require(is_one_of({400, 405, 413, 414, 431}), "bytes that are no request are refused");
    require(answer.ends_connection(), "what follows a fault is not read");
  } else if (to.is_ambiguous()) {
    require(answer.status == 400 && answer.ends_connection(), "an ambiguous request ends the connection");
  } else {
    require(answer.ends_connection() == to.ends_connection, "a connection is kept as the client wants it");
    if (to.target.starts_with("/drop"))
      require(answer.status == 500, "a request that nobody answers is answered");
    else
      require(answer.header("X-Request") == label(to.method, to.target, to.body, to.header("Content-Type")),
              "each answer is that to its own request");
  }
}

// Whether all has come that has to, which then is as it should be.
bool is_complete(std::string_view heard, const sent_requests& sent) {
  const auto due = expected(sent);
  std::size_t answers = 0;
  bool was_told_to_go_on = false;
  while (!heard.empty()) {
    require(answers < sent.all.size(), "there are no more answers than requests");
    const auto& request = sent.all[answers];
    const auto answer = take_answer(heard, request.method == "HEAD");
    if (!answer) return false;
    if (answer->status == 100) {
      require(request.waits && !was_told_to_go_on, "only who waits is told to go on, once");
      was_told_to_go_on = true;
    } else {
      require(answers < due.answers, "half a request is not answered");
      require_answer(*answer, request);
      ++answers;
      was_told_to_go_on = false;
    }
  }
  return answers == due.answers && was_told_to_go_on >= due.waits;
}

// State that one client leaves behind would be another's.
void fixture::require_neighbour_well() {
  const auto target = "/neighbour";
  if (!neighbour_) neighbour_ = std::make_unique<wire>(server_.port());
  neighbour_->forget();
  neighbour_->send("GET /neighbour HTTP/1.1\r\nHost: a\r\n\r\n");
  const bool answered = lane_.settle_until([&] {
    std::string_view heard = neighbour_->heard();
    const auto answer = take_answer(heard, false);
    if (!answer) return false;
    require(heard.empty(), "a neighbour gets one answer");
    require(answer->header("X-Request") == label("GET", target, {}, {}) && !answer->ends_connection(),
            "a neighbour gets its own answer");
    return true;
  });
  require(answered, "a neighbour is answered");
}

void fixture::check(std::string_view input) {
  std::string bytes{input};
  std::erase(bytes, end_of_piece);
  const auto sent = read_requests(bytes, settings());
  const bool has_finished = input.ends_with(end_of_piece);
  lane_.run([&] {
    wire client{server_.port()};
    send(client, input);
    if (has_finished) client.finish();
    const bool ends = has_finished || expected(sent).ends;
    require(lane_.settle_until([&] {
      const bool complete = is_complete(client.heard(), sent);
      return complete && (!ends || client.has_ended());
    }),
            "each request is answered");
    require_neighbour_well();
    require(is_complete(client.heard(), sent), "nothing comes after the last answer");
    require(client.has_ended() == ends, "a connection ends when it should, and not before");
  });
  lane_.run([&] { lane_.settle(); });
}

}  // namespace
}  // namespace troupe::test

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static auto& all = *new troupe::test::fixture;
  all.check({reinterpret_cast<const char*>(data), size});
  return 0;
}
