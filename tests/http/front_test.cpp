// The front actor in virtual time: routing, deadlines, late answers, draining.
#include "http/front.hpp"

#include <gtest/gtest.h>

#include <stdexcept>

#include "tests/actors/deterministic.hpp"
#include "tests/http/fake_exchange.hpp"

namespace troupe::http {
namespace {

using std::chrono::milliseconds;

// How often a front looks for requests past their deadline.
constexpr milliseconds sweep_interval{50};
constexpr milliseconds linger{500};

class front_test : public test::deterministic {
 protected:
  void start(const settings& with) {
    const route_source source = [this](router& routes, front_actor::pointer) {
      routes.add({"GET", "/things/", [](const exchange_ptr& what, const std::string&) {
                    what->answer({200, json_media_type, "[]", {}});
                  }});
      routes.add({"POST", "/things/",
                  [this](const exchange_ptr& what, const std::string&) { held.push_back(what); }});
      routes.add({"PUT", "/things/",
                  [](const exchange_ptr&, const std::string&) { throw std::runtime_error{"secret"}; }});
      routes.add({"GET", "/things/{id}", [this](const exchange_ptr& what, const std::string& parameter) {
                    parameters.push_back(parameter);
                    held.push_back(what);
                  }});
    };
    it = spawn(front, with, std::vector<route_source>{source}, client_counter{[this] { return clients; }});
    run();
  }
  void start() { start(settings{}); }

  test::fake_ptr send(std::string method, std::string target, std::string body = {}) {
    auto what = std::make_shared<test::fake_exchange>(std::move(method), std::move(target), std::move(body));
    caf::anon_send(it, exchange_ptr{what});
    run();
    return what;
  }

  front_actor it;
  /// Requests whose handler has not answered.
  std::vector<exchange_ptr> held;
  std::vector<std::string> parameters;
  client_count clients;
};

TEST_F(front_test, hands_a_request_to_its_route) {
  start();
  const auto what = send("GET", "/things/?x=1");
  EXPECT_EQ(what->status(), 200);
  EXPECT_EQ(what->answer_body(), "[]");
  send("GET", "/things/a%20b");
  EXPECT_EQ(parameters, std::vector<std::string>{"a b"});
}

TEST_F(front_test, answers_head_like_get) {
  start();
  EXPECT_EQ(send("HEAD", "/things/")->status(), 200);
}

TEST_F(front_test, answers_404_where_no_path_fits) {
  start();
  const auto what = send("GET", "/nothing");
  EXPECT_EQ(what->status(), 404);
  EXPECT_EQ(what->answer_body(), R"({"detail":"Not Found"})");
}

TEST_F(front_test, answers_405_with_all_that_is_allowed) {
  start();
  const auto what = send("DELETE", "/things/");
  EXPECT_EQ(what->status(), 405);
  EXPECT_EQ(what->answer_body(), R"({"detail":"Method Not Allowed"})");
  EXPECT_EQ(what->answer_header("Allow"), "GET, HEAD, POST, PUT, OPTIONS");
}

TEST_F(front_test, answers_options_with_all_that_is_allowed_and_no_body) {
  start();
  const auto what = send("OPTIONS", "/things/7");
  EXPECT_EQ(what->status(), 204);
  EXPECT_EQ(what->answer_body(), "");
  EXPECT_EQ(what->written->media_type, "");
  EXPECT_EQ(what->answer_header("Allow"), "GET, HEAD, OPTIONS");
}

TEST_F(front_test, redirects_to_the_path_with_a_slash_and_keeps_the_query) {
  start();
  const auto what = send("POST", "/things?skip=1&x=%20");
  EXPECT_EQ(what->status(), 307);
  EXPECT_EQ(what->answer_header("Location"), "http://example.org:8080/things/?skip=1&x=%20");
  EXPECT_EQ(what->answer_body(), "");
  EXPECT_TRUE(held.empty());
}

TEST_F(front_test, redirects_to_the_path_without_a_slash) {
  start();
  EXPECT_EQ(send("GET", "/things/7/")->answer_header("Location"), "http://example.org:8080/things/7");
}

TEST_F(front_test, answers_413_for_a_body_beyond_the_limit_only) {
  settings small;
  small.max_body = 4;
  start(small);
  const auto refused = send("POST", "/things/", "12345");
  EXPECT_EQ(refused->status(), 413);
  EXPECT_EQ(refused->answer_body(), R"({"detail":"The body is larger than 4 bytes."})");
  EXPECT_TRUE(held.empty());
  EXPECT_EQ(send("POST", "/things/", "1234")->status(), 0);
  EXPECT_EQ(held.size(), 1u);
}

TEST_F(front_test, gives_up_at_the_deadline_and_not_before) {
  start();
  advance(milliseconds{12345});
  const auto what = send("POST", "/things/");
  EXPECT_EQ(what->deadline, now() + settings{}.request_timeout);
  advance(settings{}.request_timeout - milliseconds{1});
  EXPECT_EQ(what->status(), 0);
  advance(sweep_interval);
  EXPECT_EQ(what->status(), 504);
  EXPECT_EQ(
      what->answer_body(),
      R"({"detail":"outcome_unknown: no answer came in time; the change may or may not have been made."})");
}

TEST_F(front_test, says_that_a_late_change_with_a_key_is_safe_to_repeat_and_of_a_read_nothing) {
  start();
  const auto keyed = std::make_shared<test::fake_exchange>("POST", "/things/");
  keyed->headers["Idempotency-Key"] = "k";
  caf::anon_send(it, exchange_ptr{keyed});
  const auto read = send("GET", "/things/1");
  advance(settings{}.request_timeout + sweep_interval);
  EXPECT_EQ(keyed->status(), 504);
  EXPECT_EQ(
      keyed->answer_body(),
      R"({"detail":"outcome_unknown: no answer came in time; the change may or may not have been made. )"
      R"(It is safe to repeat it with the same Idempotency-Key."})");
  EXPECT_EQ(read->status(), 504);
  EXPECT_EQ(read->answer_body(), R"({"detail":"The database did not answer in time."})");
}

TEST_F(front_test, gives_each_request_its_own_time) {
  start();
  const auto first = send("POST", "/things/");
  advance(milliseconds{1000});
  const auto second = send("POST", "/things/");
  advance(settings{}.request_timeout - milliseconds{1000} + sweep_interval);
  EXPECT_EQ(first->status(), 504);
  EXPECT_EQ(second->status(), 0);
  advance(milliseconds{1000});
  EXPECT_EQ(second->status(), 504);
}

TEST_F(front_test, a_request_behind_an_answered_one_still_has_its_deadline) {
  start();
  const auto first = send("POST", "/things/");
  const auto second = send("POST", "/things/");
  const auto third = send("POST", "/things/");
  second->answer({200, {}, {}, {}});
  advance(settings{}.request_timeout + sweep_interval);
  EXPECT_EQ(first->status(), 504);
  EXPECT_EQ(second->status(), 200);
  EXPECT_EQ(third->status(), 504);
}

TEST_F(front_test, ignores_an_answer_that_comes_too_late) {
  start();
  const auto what = send("POST", "/things/");
  advance(settings{}.request_timeout + sweep_interval);
  held.front()->answer({201, {}, "late", {}});
  EXPECT_EQ(what->status(), 504);
  EXPECT_EQ(what->writes, 1);
}

TEST_F(front_test, leaves_an_answer_in_time_alone) {
  start();
  const auto what = send("POST", "/things/");
  advance(milliseconds{4000});
  held.front()->answer({201, {}, "in time", {}});
  advance(std::chrono::minutes{1});
  EXPECT_EQ(what->status(), 201);
  EXPECT_EQ(what->writes, 1);
}

TEST_F(front_test, lets_go_of_answered_requests) {
  start();
  std::weak_ptr<test::fake_exchange> watched = send("POST", "/things/");
  held.front()->answer({200, {}, {}, {}});
  held.clear();
  advance(sweep_interval);
  EXPECT_TRUE(watched.expired());
}

TEST_F(front_test, an_exception_is_a_500_for_its_request_alone) {
  start();
  const auto before = send("POST", "/things/");
  const auto what = send("PUT", "/things/?token=hidden", "hidden");
  EXPECT_EQ(what->status(), 500);
  EXPECT_EQ(what->answer_body(), R"({"detail":"Internal Server Error"})");
  EXPECT_EQ(send("GET", "/things/")->status(), 200);
  EXPECT_EQ(before->status(), 0);
  held.front()->answer({201, {}, {}, {}});
  EXPECT_EQ(before->status(), 201);
}

TEST_F(front_test, an_answer_that_cannot_be_written_is_a_500) {
  start();
  auto what = std::make_shared<test::fake_exchange>("GET", "/things/");
  what->failing_writes = 1;
  caf::anon_send(it, exchange_ptr{what});
  run();
  EXPECT_EQ(what->status(), 500);
  EXPECT_EQ(what->writes, 1);
}

TEST_F(front_test, gives_those_up_who_wait_when_it_is_told_to) {
  start();
  const auto change = send("POST", "/things/");
  const auto read = send("GET", "/things/7");
  caf::anon_send(it, give_up{});
  run();
  EXPECT_EQ(change->status(), 503);
  EXPECT_NE(change->answer_body().find("outcome_unknown"), std::string::npos);
  EXPECT_EQ(read->status(), 503);
  EXPECT_EQ(send("GET", "/things/")->status(), 200);
}

TEST_F(front_test, an_idle_front_drains_at_once) {
  start();
  const auto answer = ask<drained>(it, drain{});
  advance(sweep_interval);
  ASSERT_TRUE(answer->value);
  EXPECT_EQ(answer->value->left, 0u);
}

TEST_F(front_test, a_drain_waits_for_the_answers) {
  start();
  send("POST", "/things/");
  const auto answer = ask<drained>(it, drain{});
  advance(milliseconds{3000});
  EXPECT_TRUE(answer->pending());
  held.front()->answer({200, {}, {}, {}});
  advance(sweep_interval);
  ASSERT_TRUE(answer->value);
  EXPECT_EQ(answer->value->left, 0u);
}

TEST_F(front_test, a_drain_lets_clients_notice_for_a_moment) {
  start();
  clients.connected = 3;
  const auto answer = ask<drained>(it, drain{});
  advance(linger - milliseconds{1});
  EXPECT_TRUE(answer->pending());
  advance(sweep_interval);
  EXPECT_FALSE(answer->pending());
}

TEST_F(front_test, a_drain_ends_early_when_the_clients_are_gone) {
  start();
  clients.connected = 3;
  const auto answer = ask<drained>(it, drain{});
  advance(milliseconds{200});
  clients.connected = 0;
  advance(sweep_interval);
  EXPECT_FALSE(answer->pending());
}

TEST_F(front_test, a_drain_waits_for_what_is_on_its_way_within_the_grace) {
  settings patient;
  patient.shutdown_grace = milliseconds{2000};
  start(patient);
  clients = {2, 1};
  const auto first = ask<drained>(it, drain{});
  advance(3 * linger);
  EXPECT_TRUE(first->pending());
  clients.transferring = 0;
  advance(sweep_interval);
  EXPECT_FALSE(first->pending());
  clients.transferring = 1;
  const auto second = ask<drained>(it, drain{});
  advance(patient.shutdown_grace - milliseconds{1});
  EXPECT_TRUE(second->pending());
  advance(sweep_interval);
  EXPECT_FALSE(second->pending());
}

TEST_F(front_test, a_drain_gives_up_after_the_grace_and_counts_what_is_left) {
  settings impatient;
  impatient.shutdown_grace = milliseconds{1000};
  start(impatient);
  const auto first = send("POST", "/things/");
  const auto second = send("POST", "/things/");
  send("POST", "/things/");
  const auto answer = ask<drained>(it, drain{});
  // Behind one that still waits, but no longer left.
  second->answer({200, {}, {}, {}});
  advance(milliseconds{999});
  EXPECT_TRUE(answer->pending());
  advance(sweep_interval);
  ASSERT_TRUE(answer->value);
  EXPECT_EQ(answer->value->left, 2u);
  // Told to come back rather than cut off.
  EXPECT_EQ(first->status(), 503);
}

TEST_F(front_test, answers_everybody_who_asked_for_the_drain) {
  start();
  send("POST", "/things/");
  const auto first = ask<drained>(it, drain{});
  advance(milliseconds{200});
  const auto second = ask<drained>(it, drain{});
  held.front()->answer({200, {}, {}, {}});
  advance(sweep_interval);
  EXPECT_EQ(first->count, 1);
  EXPECT_EQ(second->count, 1);
}

}  // namespace
}  // namespace troupe::http
