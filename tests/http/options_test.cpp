// The options: defaults, each bad value, the configuration file, the environment.
#include "http/options.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <regex>

#include "tests/support/temp_dir.hpp"

namespace troupe::http {
namespace {

using std::chrono::milliseconds;
using arguments = std::vector<std::string>;

/// Sets an environment variable for one test; null removes it.
class environment {
 public:
  environment(const char* name, const char* value) : name_{name} {
    if (const char* old = std::getenv(name)) before_ = old;
    set(value);
  }
  ~environment() { set(before_ ? before_->c_str() : nullptr); }
  environment(const environment&) = delete;
  environment& operator=(const environment&) = delete;

 private:
  void set(const char* value) {
    if (value != nullptr)
      setenv(name_, value, 1);
    else
      unsetenv(name_);
  }

  const char* name_;
  std::optional<std::string> before_;
};

class options_test : public testing::Test {
 protected:
  static tl::expected<options, std::string> read(arguments what) {
    configuration it;
    return it.read(std::move(what));
  }

  /// The line for the user; empty if all is well.
  static std::string refusal(arguments what) {
    const auto it = read(std::move(what));
    return it ? "" : it.error();
  }

  /// The argument that names a configuration file with this text.
  std::string file(const std::string& text) {
    const auto path = directory_.path() / "troupe.conf";
    std::ofstream{path} << text;
    return "--config-file=" + path.string();
  }
  std::string file_name() const { return (directory_.path() / "troupe.conf").string(); }

 private:
  environment without_database_{"DATABASE_URL", nullptr};
  test::temp_dir directory_;
};

TEST_F(options_test, defaults_are_those_of_the_settings) {
  const auto it = read({});
  ASSERT_TRUE(it) << it.error();
  EXPECT_EQ(it->what, command::serve);
  EXPECT_EQ(it->http.address, "127.0.0.1");
  EXPECT_EQ(it->http.port, 8080);
  EXPECT_EQ(it->http.max_connections, settings{}.max_connections);
  EXPECT_EQ(it->http.request_timeout, milliseconds{5000});
  EXPECT_EQ(it->http.idle_timeout, settings{}.idle_timeout);
  EXPECT_EQ(it->http.max_body, settings{}.max_body);
  EXPECT_EQ(it->http.max_limit, settings{}.max_limit);
  EXPECT_EQ(it->http.shutdown_grace, settings{}.shutdown_grace);
  EXPECT_EQ(it->http.keepalive, std::chrono::seconds{20});
  EXPECT_GE(it->threads, 1u);
  EXPECT_FALSE(it->uri);
  EXPECT_TRUE(it->data_dir.is_absolute());
  EXPECT_TRUE(it->migrate);
  EXPECT_FALSE(it->connection.echo);
  EXPECT_EQ(it->connection.connect_timeout, actors::connection_settings{}.connect_timeout);
  EXPECT_EQ(it->pool.size, actors::pool_settings{}.size);
  EXPECT_EQ(it->pool.pipeline_depth, actors::pool_settings{}.pipeline_depth);
  EXPECT_EQ(it->pool.max_queue, actors::pool_settings{}.max_queue);
  EXPECT_EQ(it->pool.backoff_min, actors::pool_settings{}.backoff_min);
  EXPECT_EQ(it->pool.backoff_max, actors::pool_settings{}.backoff_max);
  EXPECT_EQ(it->log_level, "info");
}

/// What a user is told of an option, and whether a value given for it arrived.
struct known_option {
  std::string name;
  /// As --help says it; empty where it names none.
  std::string default_value;
  /// Another than the default.
  std::string value;
  bool (*has_arrived)(const options&);
  /// What has to be given with it.
  arguments along = {};
};

std::vector<known_option> every_option() {
  // These two depend on the machine and the user.
  const auto here = configuration{}.read({}).value();
  using o = const options&;
  return {
      {"http.address", "127.0.0.1", "::1", [](o it) { return it.http.address == "::1"; }},
      {"http.port", "8080", "0", [](o it) { return it.http.port == 0; }},
      {"http.threads", std::to_string(here.threads), "203", [](o it) { return it.threads == 203; }},
      {"http.max-connections", "10000", "777", [](o it) { return it.http.max_connections == 777; }},
      {"http.request-timeout", "5s", "1500ms",
       [](o it) {
         return it.http.request_timeout == milliseconds{1500} &&
                it.connection.statement_timeout == milliseconds{1500};
       }},
      {"http.idle-timeout", "75s", "2s", [](o it) { return it.http.idle_timeout == milliseconds{2000}; }},
      {"http.min-rate", "40", "7", [](o it) { return it.http.min_rate == 7; }},
      {"http.shutdown-grace", "10s", "3s", [](o it) { return it.http.shutdown_grace == milliseconds{3000}; }},
      {"http.max-body", "1048576", "12", [](o it) { return it.http.max_body == 12; }},
      {"http.max-target", "8192", "99", [](o it) { return it.http.max_target == 99; }},
      {"http.max-header", "16384", "555", [](o it) { return it.http.max_header == 555; }},
      {"http.max-limit", "1000", "34", [](o it) { return it.http.max_limit == 34; }},
      {"http.idempotency-ttl", "24h", "1min",
       [](o it) { return it.http.idempotency_ttl == milliseconds{60'000}; }},
      {"db.uri", "", "postgresql://h/d", [](o it) { return it.uri == "postgresql://h/d"; }},
      {"db.data-dir", here.data_dir.string(), "/d", [](o it) { return it.data_dir == "/d"; }},
      {"db.pool-size", "2", "5", [](o it) { return it.pool.size == 5; }},
      {"db.pipeline-depth", "64", "6", [](o it) { return it.pool.pipeline_depth == 6; }},
      {"db.echo", "off", "on", [](o it) { return it.connection.echo; }},
      {"db.migrate", "on", "off", [](o it) { return !it.migrate; }},
      {"db.connect-timeout", "5s", "4s",
       [](o it) { return it.connection.connect_timeout == milliseconds{4000}; }},
      {"db.backoff-min", "100ms", "20ms", [](o it) { return it.pool.backoff_min == milliseconds{20}; }},
      {"db.backoff-max", "1s", "1min", [](o it) { return it.pool.backoff_max == milliseconds{60'000}; }},
      {"actors.max-batch", "256", "9", [](o it) { return it.batch.max_rows == 9; }},
      {"actors.max-queue", "10000", "8",
       [](o it) {
         return it.pool.max_queue == 8 && it.batch.max_queue == 8 && it.node.max_outstanding == 8;
       }},
      {"node.port", "", "4712", [](o it) { return it.node.port == 4712; }},
      {"node.address", "127.0.0.1", "::1", [](o it) { return it.node.address == "::1"; }},
      {"node.workers",
       "",
       "a:1,b:2",
       [](o it) { return it.node.workers == std::vector<std::string>{"a:1", "b:2"}; },
       {"gateway"}},
      {"node.resolve-interval", "5s", "6s",
       [](o it) { return it.node.resolve_interval == milliseconds{6000}; }},
      {"node.heartbeat", "1s", "2s", [](o it) { return it.node.heartbeat == milliseconds{2000}; }},
      {"node.timeout", "3s", "8s", [](o it) { return it.node.timeout == milliseconds{8000}; }},
      {"node.health-port", "", "81", [](o it) { return it.node.health_port == 81; }},
      {"node.tls.certificate",
       "",
       "x",
       [](o it) { return it.node.tls.certificate == "x"; },
       {"--node.tls.key=f", "--node.tls.authority=f"}},
      {"node.tls.key",
       "",
       "x",
       [](o it) { return it.node.tls.key == "x"; },
       {"--node.tls.certificate=f", "--node.tls.authority=f"}},
      {"node.tls.authority",
       "",
       "x",
       [](o it) { return it.node.tls.authority == "x"; },
       {"--node.tls.certificate=f", "--node.tls.key=f"}},
      {"node.tls.peers",
       "any",
       "x,y",
       [](o it) { return it.node.tls.peers == std::vector<std::string>{"x", "y"}; },
       {"--node.tls.certificate=f", "--node.tls.key=f", "--node.tls.authority=f"}},
      {"tcp.keepalive", "20s", "9s",
       [](o it) {
         return it.http.keepalive == milliseconds{9000} && it.node.keepalive == milliseconds{9000};
       }},
      {"log.level", "info", "debug", [](o it) { return it.log_level == "debug"; }},
  };
}

/// The option as a configuration file has it: a { b = 1 }.
std::string in_braces(const std::string& name, const std::string& value) {
  if (const auto dot = name.find('.'); dot != std::string::npos)
    return name.substr(0, dot) + " { " + in_braces(name.substr(dot + 1), value) + " }";
  const bool is_text = !std::regex_match(value, std::regex{"[0-9]+(ms|s|min)?"});
  return name + " = " + (is_text ? '"' + value + '"' : value);
}

TEST_F(options_test, every_option_arrives_where_it_belongs) {
  for (const auto& each : every_option()) {
    SCOPED_TRACE(each.name);
    auto what = each.along;
    if (const auto without = read(what)) {
      EXPECT_FALSE(each.has_arrived(*without));
    }
    what.push_back("--" + each.name + "=" + each.value);
    const auto with = read(what);
    ASSERT_TRUE(with) << with.error();
    EXPECT_TRUE(each.has_arrived(*with));
    auto and_file = each.along;
    and_file.push_back(file(in_braces(each.name, each.value)));
    const auto from_file = read(and_file);
    ASSERT_TRUE(from_file) << from_file.error();
    EXPECT_TRUE(each.has_arrived(*from_file));
  }
}

TEST_F(options_test, a_statement_lasts_no_longer_than_its_request) {
  EXPECT_EQ(read({"--http.request-timeout=700ms"})->connection.statement_timeout, milliseconds{700});
}

TEST_F(options_test, the_jitter_differs_from_process_to_process) {
  EXPECT_NE(read({})->pool.seed, read({})->pool.seed);
}

TEST_F(options_test, the_command_comes_first) {
  EXPECT_EQ(read({"serve"})->what, command::serve);
  EXPECT_EQ(read({"migrate", "--http.port=1"})->what, command::migrate);
  EXPECT_EQ(read({"migrate", "--http.port=1"})->http.port, 1);
  EXPECT_EQ(refusal({"frobnicate"}), "argument 1 is not a command: serve, worker, gateway, migrate");
  EXPECT_EQ(refusal({"--http.port=1", "migrate"}), "argument 2 is not an option; see troupe --help");
}

TEST_F(options_test, help_wins_over_everything) {
  for (const arguments& each : {arguments{"--help"}, arguments{"-h"}, arguments{"help"},
                                arguments{"migrate", "--nonsense=1", "--help"}}) {
    const auto it = read(each);
    ASSERT_TRUE(it) << it.error();
    EXPECT_EQ(it->what, command::help);
  }
}

TEST_F(options_test, help_names_every_option_and_its_default) {
  const auto text = configuration{}.help();
  const std::regex line{R"(  --([a-z.-]+)=\.\.\. +(.*?)(?: \(default (.*)\))?\n)"};
  std::vector<std::string> named, known;
  for (std::sregex_iterator each{text.begin(), text.end(), line}, end; each != end; ++each)
    named.push_back((*each)[1].str() + " (" + (*each)[3].str() + ")");
  for (const auto& each : every_option()) known.push_back(each.name + " (" + each.default_value + ")");
  EXPECT_THAT(named, testing::UnorderedElementsAreArray(known));
}

TEST_F(options_test, localhost_is_the_loopback_address) {
  EXPECT_EQ(read({"--http.address=localhost"})->http.address, "127.0.0.1");
}

TEST_F(options_test, a_switch_alone_means_on) {
  EXPECT_TRUE(read({"--db.echo"})->connection.echo);
  EXPECT_TRUE(read({"--db.migrate"})->migrate);
  EXPECT_TRUE(read({"--db.echo=true"})->connection.echo);
  EXPECT_FALSE(read({"--db.migrate=false"})->migrate);
}

TEST_F(options_test, each_value_out_of_its_range_has_its_own_line) {
  const std::vector<std::pair<arguments, std::string>> expected{
      {{"--http.address=example.org"},
       "http.address=example.org is not a numeric address such as 127.0.0.1 or ::"},
      {{"--http.threads=0"}, "http.threads must be from 1 to 256"},
      {{"--http.threads=257"}, "http.threads must be from 1 to 256"},
      {{"--http.threads=4", "--http.max-connections=3"},
       "http.max-connections must be at least http.threads"},
      {{"--http.request-timeout=0s"}, "http.request-timeout must be at least 1ms"},
      {{"--http.request-timeout=999us"}, "http.request-timeout must be at least 1ms"},
      {{"gateway", "--node.workers=a:1", "--http.max-body=16777217"},
       "http.max-body must be at most 16777216 between nodes"},
      {{"--node.port=1", "--http.max-body=16777217"}, "http.max-body must be at most 16777216 between nodes"},
      {{"--http.idle-timeout=0s"}, "http.idle-timeout must be at least 1ms"},
      {{"--http.max-limit=0"}, "http.max-limit must be at least 1"},
      {{"--db.pool-size=0"}, "db.pool-size must be from 1 to 1000"},
      {{"--db.pool-size=1001"}, "db.pool-size must be from 1 to 1000"},
      {{"--db.pipeline-depth=0"}, "db.pipeline-depth must be at least 1"},
      {{"--db.connect-timeout=0s"}, "db.connect-timeout must be at least 1ms"},
      {{"--db.backoff-min=0s"}, "db.backoff-min must be at least 1ms and at most db.backoff-max"},
      {{"--db.backoff-min=2s", "--db.backoff-max=1s"},
       "db.backoff-min must be at least 1ms and at most db.backoff-max"},
      {{"--db.echo=loud"}, "db.echo=loud must be on or off"},
      {{"--db.migrate=1"}, "db.migrate=1 must be on or off"},
      {{"--tcp.keepalive=3s"}, "tcp.keepalive must be 0s, or from 4s to 1h"},
      {{"--tcp.keepalive=2h"}, "tcp.keepalive must be 0s, or from 4s to 1h"},
      {{"--log.level=trace"}, "log.level=trace must be error, warning, info or debug"}};
  for (const auto& [what, line] : expected) EXPECT_EQ(refusal(what), line) << what.front();
}

TEST_F(options_test, each_value_of_the_wrong_type_has_one_clear_line) {
  for (const auto* each :
       {"--http.port=http", "--http.port=65536", "--http.port=-1", "--http.threads=many",
        "--http.request-timeout=5", "--http.max-body=-1", "--db.pool-size=1.5", "--actors.max-queue=x"})
    EXPECT_EQ(refusal({each}), std::string{each} + " has a value of the wrong type");
}

TEST_F(options_test, an_option_without_its_value_is_told) {
  EXPECT_EQ(refusal({"--http.port="}), "--http.port= needs a value: --name=value");
}

TEST_F(options_test, an_unknown_option_is_told) {
  EXPECT_EQ(refusal({"--http.prot=1"}), "--http.prot is not an option; see troupe --help");
  EXPECT_EQ(refusal({"--port=1"}), "--port is not an option; see troupe --help");
  EXPECT_EQ(refusal({"-p"}), "argument 1 is not an option; see troupe --help");
  EXPECT_EQ(refusal({"migrate", "--http.port=1", "8080"}), "argument 3 is not an option; see troupe --help");
  // Of CAF's own, none can be set.
  EXPECT_EQ(refusal({"--scheduler.max-threads=1"}),
            "--scheduler.max-threads is not an option; see troupe --help");
}

// CAF would print all options with their values, db.uri too.
TEST_F(options_test, what_caf_would_print_is_not_asked_for) {
  testing::internal::CaptureStdout();
  for (const auto* each : {"--dump-config", "--long-help", "--dump-config=true"})
    EXPECT_EQ(
        refusal({"--db.uri=postgresql://ann:hunter2@h/d", each}),
        std::string{each}.substr(0, std::string{each}.find('=')) + " is not an option; see troupe --help");
  for (const std::string each : {"dump-config", "long-help", "help"})
    EXPECT_EQ(refusal({file(each + " = true\n[db]\nuri = \"postgresql://ann:hunter2@h/d\"\n")}),
              each + " is not an option; see troupe --help");
  EXPECT_EQ(testing::internal::GetCapturedStdout(), "");
}

TEST_F(options_test, nothing_is_passed_over) {
  EXPECT_EQ(refusal({"--", "--http.port=1"}), "-- is not an option; see troupe --help");
  EXPECT_EQ(refusal({"--config-file=", "--http.port=1"}), "--config-file= needs a value: --name=value");
  EXPECT_EQ(refusal({"--config-file", "--http.port=1"}), "--config-file needs a value: --name=value");
  EXPECT_EQ(refusal({"--config-file=/"}), "the configuration file / cannot be opened");
}

TEST_F(options_test, an_error_is_one_line_whatever_a_value_holds) {
  EXPECT_EQ(refusal({"--log.level=a\nb\x1b[31m\x7f"}),
            "log.level=a?b?[31m? must be error, warning, info or debug");
  EXPECT_EQ(refusal({file("http { address = \"a\\nb\" }\n")}),
            "http.address=a?b is not a numeric address such as 127.0.0.1 or ::");
  EXPECT_EQ(refusal({"--http.port=\r1"}), "--http.port=?1 has a value of the wrong type");
  EXPECT_EQ(refusal({"gateway", "--node.workers=a\tb"}), "node.workers: \"a?b\" is not host:port");
}

TEST_F(options_test, a_file_gives_options_and_the_command_line_wins) {
  const auto it = read(
      {file("http { port = 9000, max-limit = 7 }\ndb { uri = \"postgresql://h/f\" }\n"), "--http.port=1"});
  ASSERT_TRUE(it) << it.error();
  EXPECT_EQ(it->http.port, 1);
  EXPECT_EQ(it->http.max_limit, 7);
  EXPECT_EQ(it->uri, "postgresql://h/f");
}

TEST_F(options_test, a_file_may_have_sections_instead_of_braces) {
  const auto it =
      read({file("[http]\nport = 9000\nrequest-timeout = 2s\n[db]\necho = \"on\"\n"), "--http.port=1"});
  ASSERT_TRUE(it) << it.error();
  EXPECT_EQ(it->http.port, 1);
  EXPECT_EQ(it->http.request_timeout, milliseconds{2000});
  EXPECT_TRUE(it->connection.echo);
}

TEST_F(options_test, a_value_of_the_wrong_type_in_a_file_is_told) {
  for (const auto* each : {"http { port = \"a\" }\n", "http { port = 70000 }\n", "[http]\nport = 70000\n"})
    EXPECT_NE(refusal({file(each)}).find("http.port"), std::string::npos) << each;
}

TEST_F(options_test, an_unknown_name_in_a_file_is_told) {
  EXPECT_EQ(refusal({file("http { prot = 9000 }\n")}), "http.prot is not an option; see troupe --help");
  EXPECT_EQ(refusal({file("htpt { port = 9000 }\n")}), "htpt.port is not an option; see troupe --help");
}

TEST_F(options_test, a_value_out_of_range_in_a_file_is_told) {
  EXPECT_EQ(refusal({file("db { pool-size = 0 }\n")}), "db.pool-size must be from 1 to 1000");
}

TEST_F(options_test, a_file_that_cannot_be_read_is_told_in_one_line) {
  const auto broken = refusal({file("http {\n  port = = 1\n}\n")});
  EXPECT_TRUE(broken.starts_with("the configuration file " + file_name() + ", line 2, cannot be read"))
      << broken;
  EXPECT_EQ(broken.find('\n'), std::string::npos);
  EXPECT_EQ(refusal({"--config-file=/nonexistent/troupe.conf"}),
            "the configuration file /nonexistent/troupe.conf cannot be opened");
}

TEST_F(options_test, the_environment_names_the_database_where_the_option_does_not) {
  const environment database{"DATABASE_URL", "postgresql+asyncpg://h/env"};
  EXPECT_EQ(read({})->uri, "postgresql+asyncpg://h/env");
  EXPECT_EQ(read({"--db.uri=postgresql://h/option"})->uri, "postgresql://h/option");
  EXPECT_EQ(read({file("db { uri = \"postgresql://h/f\" }\n")})->uri, "postgresql://h/f");
}

TEST_F(options_test, what_is_set_but_empty_is_told) {
  for (const auto* each : {"http.address", "http.port", "db.uri", "db.data-dir", "db.echo", "db.migrate",
                           "node.address", "node.workers", "node.tls.certificate", "node.tls.key",
                           "node.tls.authority", "node.tls.peers", "log.level"})
    EXPECT_EQ(refusal({std::string{"--"} + each + "="}),
              std::string{"--"} + each + "= needs a value: --name=value");
  EXPECT_EQ(refusal({"--config-file="}), "--config-file= needs a value: --name=value");
  for (const std::string each :
       {"http.address", "db.uri", "db.data-dir", "db.echo", "db.migrate", "node.address", "node.workers",
        "node.tls.key", "node.tls.peers", "log.level"}) {
    const auto dot = each.rfind('.');
    const auto group = each.substr(0, dot), name = each.substr(dot + 1);
    const auto line = each + " is set but empty: give it a value, or leave it out";
    EXPECT_EQ(refusal({file("[" + group + "]\n" + name + " = \"\"\n")}), line);
    if (group != "node.tls") {
      EXPECT_EQ(refusal({file(group + " { " + name + " = \"\" }\n")}), line);
    }
  }
  EXPECT_EQ(refusal({file("node { tls { peers = \"\" } }\n")}),
            "node.tls.peers is set but empty: give it a value, or leave it out");
}

TEST_F(options_test, an_empty_name_in_the_environment_is_told) {
  const environment database{"DATABASE_URL", ""};
  for (const arguments& each :
       {arguments{}, arguments{"gateway", "--node.workers=a:1"}, arguments{"migrate"}})
    EXPECT_EQ(refusal(each), "DATABASE_URL is set but empty: name a database, or unset it");
}

TEST_F(options_test, an_empty_part_of_a_list_is_told) {
  for (const arguments& each :
       {arguments{"gateway", "--node.workers=a:1,"}, arguments{"gateway", "--node.workers=,"},
        arguments{"gateway", "--node.workers=a:1,,b:2"},
        arguments{"gateway", "--node.workers=a:1", "--node.workers="}})
    EXPECT_EQ(refusal(each), "node.workers: \"\" is not host:port");
}

TEST_F(options_test, no_line_holds_what_may_be_a_password) {
  const std::string uri = "postgresql://ann:hunter2@h/d";
  for (const arguments& each :
       {arguments{uri}, arguments{"migrate", uri}, arguments{"--db.uri", uri}, arguments{"--db.url=" + uri},
        arguments{"--db.uri:" + uri}, arguments{"--" + uri}, arguments{"-" + uri},
        arguments{"--db.uri=\"" + uri}, arguments{"--db.uri=\"" + uri + "\" x"},
        arguments{file("db { uri = " + uri + " }\n")}, arguments{file("db { uri = \"" + uri + " }\n")},
        arguments{file("db { " + uri + " = 1 }\n")}}) {
    const auto line = refusal(each);
    EXPECT_NE(line, "") << each.back();
    EXPECT_EQ(line.find("hunter2"), std::string::npos) << line;
  }
}

TEST_F(options_test, a_worker_has_a_port_for_gateways) {
  EXPECT_EQ(read({"serve"})->node.port, 0);
  EXPECT_EQ(read({"worker"})->node.port, 4711);
  EXPECT_EQ(read({"worker", "--node.port=5000"})->node.port, 5000);
  EXPECT_EQ(read({"serve", "--node.port=5000"})->node.port, 5000);
  EXPECT_EQ(read({"worker"})->node.address, "127.0.0.1");
}

TEST_F(options_test, a_gateway_is_told_its_workers) {
  const auto it = read({"gateway", "--node.workers=a:1,[::1]:2", "--node.workers=10.0.0.1:3"});
  ASSERT_TRUE(it) << it.error();
  EXPECT_EQ(it->what, command::gateway);
  EXPECT_EQ(it->node.workers, (std::vector<std::string>{"a:1", "[::1]:2", "10.0.0.1:3"}));
}

TEST_F(options_test, a_gateway_needs_workers_that_can_be_read) {
  EXPECT_NE(refusal({"gateway"}), "");
  EXPECT_NE(refusal({"serve", "--node.workers=a:1"}), "");
  EXPECT_NE(refusal({"gateway", "--node.workers=a:1", "--node.port=5000"}), "");
  for (const auto* bad : {"a", "a:", ":1", "a:0", "a:65536", "a:1x", "::1:2", "[a]:1", "[::1]"})
    EXPECT_EQ(refusal({"gateway", std::string{"--node.workers="} + bad}),
              std::string{"node.workers: \""} + bad + "\" is not host:port");
}

TEST_F(options_test, tls_needs_all_its_files) {
  const std::string certificate = "--node.tls.certificate=c", key = "--node.tls.key=k",
                    authority = "--node.tls.authority=a", peers = "--node.tls.peers=x,y";
  EXPECT_FALSE(read({"worker"})->node.tls.is_on());
  const auto all = read({"worker", certificate, key, authority, peers});
  ASSERT_TRUE(all);
  EXPECT_TRUE(all->node.tls.is_on());
  EXPECT_EQ(all->node.tls.key, "k");
  EXPECT_EQ(all->node.tls.authority, "a");
  EXPECT_EQ(all->node.tls.peers, (std::vector<std::string>{"x", "y"}));
  for (const auto& each : {certificate, key, authority})
    EXPECT_EQ(refusal({"worker", each}),
              "node.tls.certificate, node.tls.key and node.tls.authority go together");
  EXPECT_EQ(refusal({"worker", peers}), "node.tls.peers needs node.tls.certificate");
  for (const std::string each : {",", "a,", "a, b"})
    EXPECT_EQ(refusal({"worker", certificate, key, authority, "--node.tls.peers=" + each}),
              "node.tls.peers=" + each + " is not name,name without blanks");
  for (const auto* each : {"node { tls { certificate = \"c\", key = \"k\", authority = \"a\" } }\n",
                           "[node.tls]\ncertificate = \"c\"\nkey = \"k\"\nauthority = \"a\"\n"})
    EXPECT_EQ(read({"worker", file(each)})->node.tls.authority, "a") << each;
  EXPECT_EQ(refusal({file("node { tls { keyy = \"k\" } }\n")}),
            "node.tls.keyy is not an option; see troupe --help");
}

TEST_F(options_test, a_node_is_given_more_time_than_a_heartbeat) {
  EXPECT_NE(refusal({"worker", "--node.heartbeat=1s", "--node.timeout=1s"}), "");
  EXPECT_EQ(refusal({"worker", "--node.heartbeat=100ms", "--node.timeout=300ms"}), "");
}

}  // namespace
}  // namespace troupe::http
