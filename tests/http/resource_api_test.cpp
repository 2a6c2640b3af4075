// Every route of a resource: from the HTTP request to the message, from the reply to the answer.
#include "http/resource_api.hpp"

#include <gtest/gtest.h>

#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <caf/typed_response_promise.hpp>
#include <functional>

#include "tests/actors/deterministic.hpp"
#include "tests/http/fake_exchange.hpp"

namespace troupe::http {
namespace {

using actors::item_actor;
using db::item_table;
using std::chrono::milliseconds;

std::string text_of(const db::item& row) {
  return row.get<"name">() + "|" + row.get<"description">().value_or("(null)") + "|" +
         std::to_string(row.key());
}

class item_api : public test::deterministic {
 protected:
  item_api() {
    const auto items =
        spawn([](item_actor::pointer self, item_api* test) { return test->behavior(self); }, this);
    const auto sources = std::vector<route_source>{resource_api<item_table>(items, with_)};
    front_ = spawn(front, with_, sources, client_counter{});
    run();
  }

  test::fake_ptr send(std::string method, std::string target, std::string body = {}) {
    auto what = std::make_shared<test::fake_exchange>(std::move(method), std::move(target), std::move(body));
    caf::anon_send(front_, exchange_ptr{what});
    run();
    return what;
  }

  test::fake_ptr send_with_key(std::string method, std::string target, std::string key) {
    auto what =
        std::make_shared<test::fake_exchange>(std::move(method), std::move(target), R"({"name":"lamp"})");
    what->headers["Idempotency-Key"] = std::move(key);
    caf::anon_send(front_, exchange_ptr{what});
    run();
    return what;
  }

  /// Status and body of the answer to a request.
  std::string answer_to(std::string method, std::string target, std::string body = {}) {
    const auto what = send(std::move(method), std::move(target), std::move(body));
    return std::to_string(what->status()) + " " + what->answer_body();
  }

  settings with_ = [] {
    settings out;
    out.request_timeout = milliseconds{1234};
    out.max_limit = 50;
    return out;
  }();
  /// What the item actor was asked, as text.
  std::vector<std::string> asked;
  std::vector<actors::time_budget> budgets;
  /// What it answers.
  db::item row{{"lamp", std::nullopt, 7}};
  actors::rows<item_table> rows{{{"a", "b", 1}}, {{"c", std::nullopt, 2}}};
  actors::once_reply<item_table> once_reply{row, false};
  std::optional<db::error> failure;
  bool silent = false;
  front_actor front_;

 private:
  item_actor::behavior_type behavior(item_actor::pointer self) {
    return {
        [this, self](const actors::find<item_table>& m) {
          return reply(self, "find " + std::to_string(m.key), m.within, row);
        },
        [this, self](const actors::list<item_table>& m) {
          return reply(self, "list " + std::to_string(m.skip) + " " + std::to_string(m.limit), m.within,
                       rows);
        },
        [this, self](const actors::create<item_table>& m) {
          return reply(self, "create " + text_of(m.row), m.within, row);
        },
        [this, self](const actors::replace<item_table>& m) {
          return reply(self, "replace " + text_of(m.row), m.within, row);
        },
        [this, self](const actors::update<item_table>& m) {
          return reply(self, "update " + text_of(m.row) + " " + std::to_string(m.given), m.within, row);
        },
        [this, self](const actors::remove<item_table>& m) {
          return reply(self, "remove " + std::to_string(m.key), m.within, m.key);
        },
        [this, self](const actors::once<item_table>& m) {
          const auto within = std::visit([](const auto& change) { return change.within; }, m.what);
          return reply(self, m.key + ": change " + std::to_string(m.what.index()), within, once_reply);
        },
    };
  }

  template <class Reply>
  caf::typed_response_promise<Reply> reply(item_actor::pointer self, std::string what,
                                           actors::time_budget within, const Reply& value) {
    asked.push_back(std::move(what));
    budgets.push_back(within);
    auto to = self->make_response_promise<Reply>();
    if (silent) return to;
    if (failure)
      to.deliver(actors::to_caf(*failure));
    else
      to.deliver(value);
    return to;
  }
};

constexpr auto lamp = R"({"name":"lamp","description":null,"id":7})";

TEST_F(item_api, post_creates) {
  EXPECT_EQ(answer_to("POST", "/items/", R"({"name":"lamp","id":99})"), std::string{"201 "} + lamp);
  EXPECT_EQ(asked, std::vector<std::string>{"create lamp|(null)|0"});
}

TEST_F(item_api, get_lists_the_first_ten) {
  EXPECT_EQ(answer_to("GET", "/items/"),
            R"(200 [{"name":"a","description":"b","id":1},{"name":"c","description":null,"id":2}])");
  EXPECT_EQ(asked, std::vector<std::string>{"list 0 10"});
}

TEST_F(item_api, get_lists_from_skip_up_to_limit) {
  answer_to("GET", "/items/?limit=50&skip=3");
  EXPECT_EQ(asked, std::vector<std::string>{"list 3 50"});
}

TEST_F(item_api, get_lists_nothing_as_an_empty_array) {
  rows.clear();
  EXPECT_EQ(answer_to("GET", "/items/"), "200 []");
}

TEST_F(item_api, all_that_is_wrong_with_a_query_is_told) {
  const auto answer = answer_to("GET", "/items/?skip=-1&limit=51");
  EXPECT_TRUE(answer.starts_with(R"(422 {"detail":[{"type":"greater_than_equal","loc":["query","skip"])"))
      << answer;
  EXPECT_NE(answer.find(R"({"type":"less_than_equal","loc":["query","limit"])"), std::string::npos) << answer;
  EXPECT_TRUE(asked.empty());
}

TEST_F(item_api, get_finds) {
  EXPECT_EQ(answer_to("GET", "/items/7"), std::string{"200 "} + lamp);
  EXPECT_EQ(asked, std::vector<std::string>{"find 7"});
}

TEST_F(item_api, put_replaces_the_row_of_the_path) {
  EXPECT_EQ(answer_to("PUT", "/items/7", R"({"name":"n","description":"d","id":99})"),
            std::string{"200 "} + lamp);
  EXPECT_EQ(asked, std::vector<std::string>{"replace n|d|7"});
}

TEST_F(item_api, patch_updates_only_what_is_given) {
  EXPECT_EQ(answer_to("PATCH", "/items/7", R"({"description":"d"})"), std::string{"200 "} + lamp);
  EXPECT_EQ(answer_to("PATCH", "/items/8", R"({"name":"n","description":null})"), std::string{"200 "} + lamp);
  EXPECT_EQ(answer_to("PATCH", "/items/9", "{}"), std::string{"200 "} + lamp);
  EXPECT_EQ(asked, (std::vector<std::string>{"update |d|7 2", "update n|(null)|8 3", "update |(null)|9 0"}));
}

TEST_F(item_api, delete_removes_and_answers_without_a_body) {
  const auto what = send("DELETE", "/items/-7");
  EXPECT_EQ(what->status(), 204);
  EXPECT_EQ(what->answer_body(), "");
  EXPECT_EQ(what->written->media_type, "");
  EXPECT_EQ(asked, std::vector<std::string>{"remove -7"});
}

TEST_F(item_api, answers_with_rows_are_json) {
  for (const auto& [method, target, body] :
       std::vector<std::tuple<std::string, std::string, std::string>>{{"POST", "/items/", R"({"name":"x"})"},
                                                                      {"GET", "/items/", ""},
                                                                      {"GET", "/items/7", ""},
                                                                      {"GET", "/items/x", ""}})
    EXPECT_EQ(send(method, target, body)->written->media_type, "application/json") << method << target;
}

TEST_F(item_api, every_message_carries_the_time_that_the_client_waits) {
  send("POST", "/items/", R"({"name":"x"})");
  send("GET", "/items/");
  send("GET", "/items/7");
  send("PUT", "/items/7", R"({"name":"x"})");
  send("PATCH", "/items/7", "{}");
  send("DELETE", "/items/7");
  EXPECT_EQ(budgets, std::vector<actors::time_budget>(6, milliseconds{1234}));
}

TEST_F(item_api, errors_of_the_item_actor_become_statuses_on_every_route) {
  const std::vector<std::pair<db::errc, int>> expected{
      {db::errc::not_found, 404},       {db::errc::overloaded, 503},      {db::errc::unavailable, 503},
      {db::errc::connection_lost, 503}, {db::errc::outcome_unknown, 503}, {db::errc::deadline_exceeded, 504},
      {db::errc::invalid_value, 422},   {db::errc::value_too_long, 422},  {db::errc::statement_failed, 500},
      {db::errc::schema_mismatch, 500}};
  for (const auto& [code, status] : expected) {
    failure = db::error{code, "Item not found"};
    for (const auto& what : {send("POST", "/items/", R"({"name":"x"})"), send("GET", "/items/"),
                             send("GET", "/items/7"), send("PUT", "/items/7", R"({"name":"x"})"),
                             send("PATCH", "/items/7", "{}"), send("DELETE", "/items/7")}) {
      EXPECT_EQ(what->status(), status) << what->method() << " " << to_string(code);
      EXPECT_EQ(what->answer_header("Retry-After"), status == 503 ? "1" : "(none)");
      EXPECT_TRUE(what->answer_body().starts_with(R"({"detail":)"));
    }
  }
}

TEST_F(item_api, a_missing_row_is_told_in_the_words_of_the_contract) {
  failure = actors::no_such_row<item_table>();
  EXPECT_EQ(answer_to("GET", "/items/7"), R"(404 {"detail":"Item not found"})");
}

TEST_F(item_api, no_answer_in_time_is_504_and_a_later_one_is_ignored) {
  silent = true;
  const auto what = send("GET", "/items/7");
  advance(milliseconds{1233});
  EXPECT_EQ(what->status(), 0);
  advance(milliseconds{60});
  EXPECT_EQ(what->status(), 504);
}

TEST_F(item_api, a_key_that_is_no_number_is_told_with_its_place) {
  constexpr auto expected =
      R"(422 {"detail":[{"type":"int_parsing","loc":["path","item_id"],"msg":"Input should be a valid integer, )"
      R"(unable to parse string as an integer","input":"x"}]})";
  EXPECT_EQ(answer_to("GET", "/items/x"), expected);
  EXPECT_EQ(answer_to("DELETE", "/items/x"), expected);
  EXPECT_EQ(answer_to("PATCH", "/items/x", "{}"), expected);
  EXPECT_EQ(answer_to("PUT", "/items/x", R"({"name":"n"})"), expected);
  EXPECT_TRUE(asked.empty());
}

TEST_F(item_api, a_key_beyond_64_bits_is_a_row_that_does_not_exist) {
  for (const auto* key : {"9223372036854775808", "-9223372036854775809", "99999999999999999999999999"}) {
    const auto target = std::string{"/items/"} + key;
    EXPECT_EQ(answer_to("GET", target), R"(404 {"detail":"Item not found"})");
    EXPECT_EQ(answer_to("DELETE", target), R"(404 {"detail":"Item not found"})");
    EXPECT_EQ(answer_to("PUT", target, R"({"name":"n"})"), R"(404 {"detail":"Item not found"})");
    EXPECT_EQ(answer_to("PATCH", target, "{}"), R"(404 {"detail":"Item not found"})");
  }
  EXPECT_TRUE(asked.empty());
  send("GET", "/items/9223372036854775807");
  EXPECT_EQ(asked, std::vector<std::string>{"find 9223372036854775807"});
}

TEST_F(item_api, a_bad_body_is_refused_before_anybody_is_asked) {
  EXPECT_EQ(
      answer_to("POST", "/items/", R"({"description":1})"),
      R"(422 {"detail":[{"type":"missing","loc":["body","name"],"msg":"Field required","input":{"description":1}},)"
      R"({"type":"string_type","loc":["body","description"],"msg":"Input should be a valid string","input":1}]})");
  EXPECT_EQ(answer_to("POST", "/items/", ""),
            R"(422 {"detail":[{"type":"missing","loc":["body"],"msg":"Field required","input":null}]})");
  EXPECT_TRUE(answer_to("PATCH", "/items/7", R"({"name":null})")
                  .starts_with(R"(422 {"detail":[{"type":"string_type")"));
  EXPECT_TRUE(asked.empty());
}

TEST_F(item_api, a_body_of_another_media_type_is_refused) {
  auto what = std::make_shared<test::fake_exchange>("POST", "/items/", R"({"name":"x"})");
  what->headers["Content-Type"] = "text/plain";
  caf::anon_send(front_, exchange_ptr{what});
  run();
  EXPECT_EQ(what->status(), 422);
  EXPECT_TRUE(asked.empty());
}

TEST_F(item_api, a_bad_key_and_a_bad_body_are_told_together_the_key_first) {
  for (const auto* method : {"PUT", "PATCH"}) {
    const auto answer = answer_to(method, "/items/x", R"({"name":1})");
    EXPECT_TRUE(answer.starts_with(R"(422 {"detail":[{"type":"int_parsing","loc":["path","item_id"])"))
        << answer;
    EXPECT_NE(answer.find(R"(},{"type":"string_type","loc":["body","name"])"), std::string::npos) << answer;
  }
}

TEST_F(item_api, a_body_that_is_no_json_stands_alone) {
  for (const auto* method : {"PUT", "PATCH"}) {
    const auto answer = answer_to(method, "/items/x", "{");
    EXPECT_TRUE(answer.starts_with(R"(422 {"detail":[{"type":"json_invalid","loc":["body",1])")) << answer;
    EXPECT_EQ(answer.find("path"), std::string::npos) << answer;
  }
  EXPECT_EQ(answer_to("PUT", "/items/x", "{\"name\":\"\xFF\"}"),
            R"(400 {"detail":"There was an error parsing the body"})");
}

TEST_F(item_api, a_bad_body_counts_before_a_key_beyond_64_bits) {
  EXPECT_TRUE(answer_to("PUT", "/items/9223372036854775808", "{}").starts_with("422 "));
}

TEST_F(item_api, other_methods_are_refused_with_those_that_work) {
  const auto collection = send("DELETE", "/items/");
  EXPECT_EQ(collection->status(), 405);
  EXPECT_EQ(collection->answer_header("Allow"), "GET, HEAD, POST, OPTIONS");
  const auto element = send("POST", "/items/7");
  EXPECT_EQ(element->status(), 405);
  EXPECT_EQ(element->answer_header("Allow"), "GET, HEAD, PUT, PATCH, DELETE, OPTIONS");
}

TEST_F(item_api, a_change_with_a_key_is_made_once) {
  EXPECT_EQ(send_with_key("POST", "/items/", "k")->status(), 201);
  EXPECT_EQ(send_with_key("PUT", "/items/7", "k")->status(), 200);
  EXPECT_EQ(send_with_key("PATCH", "/items/7", "k")->status(), 200);
  const auto removed = send_with_key("DELETE", "/items/7", "k");
  EXPECT_EQ(removed->status(), 204);
  EXPECT_EQ(removed->answer_body(), "");
  EXPECT_EQ(removed->answer_header("Idempotency-Replayed"), "(none)");
  EXPECT_EQ(asked, (std::vector<std::string>{"k: change 0", "k: change 1", "k: change 2", "k: change 3"}));
  EXPECT_EQ(budgets, std::vector<actors::time_budget>(4, milliseconds{1234}));
}

TEST_F(item_api, a_repeated_answer_says_so) {
  once_reply = {row, true};
  const auto again = send_with_key("POST", "/items/", "k");
  EXPECT_EQ(again->status(), 201);
  EXPECT_EQ(again->answer_body(), lamp);
  EXPECT_EQ(again->answer_header("Idempotency-Replayed"), "true");
}

TEST_F(item_api, a_change_with_a_key_of_no_row_is_not_found) {
  once_reply = {std::nullopt, true};
  const auto again = send_with_key("PUT", "/items/7", "k");
  EXPECT_EQ(again->status(), 404);
  EXPECT_EQ(again->answer_body(), R"({"detail":"Item not found"})");
  EXPECT_EQ(again->answer_header("Idempotency-Replayed"), "true");
}

TEST_F(item_api, a_key_of_another_request_is_refused) {
  failure = db::error{db::errc::key_reused, "whatever"};
  EXPECT_EQ(send_with_key("POST", "/items/", "k")->status(), 422);
}

TEST_F(item_api, a_key_that_cannot_be_kept_is_refused) {
  EXPECT_EQ(send_with_key("POST", "/items/", std::string(256, 'k'))->status(), 400);
  EXPECT_EQ(send_with_key("POST", "/items/", "\xc3\xa4")->status(), 400);
  EXPECT_TRUE(asked.empty());
  EXPECT_EQ(send_with_key("POST", "/items/", std::string(255, 'k'))->status(), 201);
}

TEST_F(item_api, a_read_needs_no_key) {
  EXPECT_EQ(send_with_key("GET", "/items/7", "k")->status(), 200);
  EXPECT_EQ(asked, std::vector<std::string>{"find 7"});
}

TEST_F(item_api, an_exception_while_a_reply_is_rendered_is_a_500_for_its_request_alone) {
  auto what = std::make_shared<test::fake_exchange>("GET", "/items/7");
  what->failing_writes = 1;
  caf::anon_send(front_, exchange_ptr{what});
  run();
  EXPECT_EQ(what->status(), 500);
  EXPECT_EQ(send("GET", "/items/7")->status(), 200);
}

}  // namespace
}  // namespace troupe::http
