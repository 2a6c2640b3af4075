// Signals: a stop ends in time whatever hangs, a second one at once; SIGHUP is no death.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "tests/service/service.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/peer.hpp"
#include "tests/support/temp_dir.hpp"

namespace troupe::test {
namespace {

using namespace std::chrono_literals;

// A port where nothing answers: connections wait to be accepted.
class silent_port {
 public:
  silent_port() {
    EXPECT_EQ(::listen(socket_.get(), 16), 0);
    sockaddr_in where{};
    socklen_t size = sizeof where;
    EXPECT_EQ(::getsockname(socket_.get(), reinterpret_cast<sockaddr*>(&where), &size), 0);
    number_ = ntohs(where.sin_port);
  }

  std::uint16_t number() const { return number_; }
  std::string uri() const { return "--db.uri=postgresql://u@127.0.0.1:" + std::to_string(number_) + "/d"; }

 private:
  db::owned_fd socket_{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  std::uint16_t number_ = 0;
};

// Where a program and its test both have to know the number.
std::uint16_t free_port() { return silent_port{}.number(); }

std::vector<std::string> command(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), TROUPE_BINARY);
  return arguments;
}

const std::vector<std::string> no_database{"DATABASE_URL"};
const std::string without_names = R"(LD_PRELOAD=)" TROUPE_HANGING_RESOLVER R"( exec "$@")";

// Sends a part of a request, which a stop waits for until its grace is over.
void begin_request(peer& client) {
  client.send("POST /items/ HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{");
}

std::uint16_t node_port_of(const process& worker) {
  const auto line = worker.wait_for_line(std::regex{"node port 127.0.0.1:([0-9]+)"});
  if (!line) throw std::runtime_error{"the worker did not start: " + worker.output()};
  return static_cast<std::uint16_t>(std::stoi(line->at(1)));
}

// A stop that takes longer than the grace and a second ends with 1.
constexpr auto in_time = 0;

TEST(Stopping, ANodeThatStillWaitsForItsDatabaseStops) {
  const silent_port nobody;
  for (const auto* what : {"serve", "worker"}) {
    process it{command({what, "--http.port=0", "--node.address=127.0.0.1", nobody.uri()}), no_database};
    ASSERT_TRUE(it.wait_for_output("lanes with")) << it.output();
    it.signal(SIGTERM);
    EXPECT_EQ(it.wait_exit(), in_time) << it.output();
    // It would say so after 3 s, and only then see the signal.
    EXPECT_EQ(it.output().find("Troupe is ready"), std::string::npos) << it.output();
  }
}

TEST(Stopping, APrivateDatabaseThatIsJustMadeIsGivenUp) {
  const temp_dir directory;
  const auto data = directory.path() / "data";
  process it{command({"serve", "--http.port=0", "--db.data-dir=" + data.string()}), no_database};
  ASSERT_TRUE(eventually([&] { return std::filesystem::exists(data / "lock"); })) << it.output();
  it.signal(SIGTERM);
  EXPECT_EQ(it.wait_exit(), in_time) << it.output();
  EXPECT_EQ(it.output().find("Troupe is ready"), std::string::npos) << it.output();
  EXPECT_FALSE(std::filesystem::exists(data / "postgresql" / "postmaster.pid"));
}

TEST(Stopping, NamesThatAreStillLookedUpDoNotHoldUpAStop) {
  running_service service{{"--db.uri=postgresql://u@name.test/d", "--http.shutdown-grace=1s"}, without_names};
  service.program().signal(SIGTERM);
  EXPECT_EQ(service.program().wait_exit(), in_time) << service.program().output();
}

TEST(Stopping, AFrozenDatabaseDoesNotHoldUpAStop) {
  auto& server = postgres::instance();
  const auto database = server.create_database();
  running_service service{{"--db.uri=" + database.uri, "--http.shutdown-grace=1s"}};
  auto client = service.client();
  ASSERT_EQ(create_item(client, "a").status, 201);
  const auto backends = server.backend_pids(database.name);
  for (const auto each : backends) ASSERT_EQ(kill(each, SIGSTOP), 0);
  client.send_raw("GET /items/1 HTTP/1.1\r\nHost: x\r\n\r\n");
  service.program().signal(SIGTERM);
  EXPECT_EQ(client.read_response().status, 503);
  EXPECT_EQ(service.program().wait_exit(), in_time) << service.program().output();
  for (const auto each : backends) EXPECT_EQ(kill(each, SIGCONT), 0);
}

TEST(Stopping, ClientsThatConnectAllTheTimeOrNeverFinishDoNotHoldUpAStop) {
  const auto database = postgres::instance().create_database();
  running_service service{{"--db.uri=" + database.uri, "--http.shutdown-grace=1s"}};
  peer unfinished{service.port()};
  begin_request(unfinished);
  std::atomic<bool> stopped = false;
  std::thread others{[&] {
    while (!stopped) peer{service.port()}.send("GET / HTTP/1.1\r\n");
  }};
  service.program().signal(SIGTERM);
  EXPECT_EQ(service.program().wait_exit(), in_time) << service.program().output();
  stopped = true;
  others.join();
}

TEST(Stopping, AWorkerWaitsNeitherForFrozenGatewaysNorForItsHealthPort) {
  const auto database = postgres::instance().create_database();
  const auto health = free_port();
  process worker{
      command({"worker", "--db.uri=" + database.uri, "--http.shutdown-grace=1s", "--node.timeout=60s",
               "--node.port=" + std::to_string(free_port()), "--node.health-port=" + std::to_string(health)}),
      no_database};
  const auto port = node_port_of(worker);
  process gateway{command({"gateway", "--http.port=0", "--node.workers=127.0.0.1:" + std::to_string(port),
                           "--node.timeout=60s"}),
                  no_database};
  ASSERT_TRUE(gateway.wait_for_output("is connected")) << gateway.output();
  gateway.signal(SIGSTOP);
  std::atomic<bool> stopped = false;
  std::thread probes{[&] {
    while (!stopped) peer{health}.send("GET /readyz HTTP/1.1\r\n");
  }};
  worker.signal(SIGTERM);
  EXPECT_EQ(worker.wait_exit(), in_time) << worker.output();
  stopped = true;
  probes.join();
  gateway.signal(SIGCONT);
}

TEST(Stopping, ASecondSignalEndsTheProcessAndItsDatabaseAtOnce) {
  for (const int second : {SIGTERM, SIGINT}) {
    const temp_dir directory;
    const auto data = directory.path() / "data";
    running_service service{{"--db.data-dir=" + data.string(), "--http.shutdown-grace=1h"}};
    pid_t postmaster = 0;
    ASSERT_TRUE(std::ifstream{data / "postgresql" / "postmaster.pid"} >> postmaster);
    peer unfinished{service.port()};
    begin_request(unfinished);
    service.program().signal(SIGTERM);
    ASSERT_TRUE(service.program().wait_for_output("Stopping")) << service.program().output();
    service.program().signal(second);
    EXPECT_EQ(service.program().wait_exit(), 128 + second);
    EXPECT_TRUE(service.program().wait_for_output("while stopping: ending")) << service.program().output();
    EXPECT_TRUE(eventually([&] { return kill(postmaster, 0) != 0; }));
    std::ifstream log{data / "postgresql.log"};
    const std::string text{std::istreambuf_iterator<char>{log}, {}};
    EXPECT_NE(text.find("immediate shutdown"), std::string::npos) << text;
  }
}

TEST(Stopping, AMigrationStopsWhileItWaits) {
  auto& server = postgres::instance();
  const auto database = server.create_database();
  // For its turn.
  std::thread locker{[&] {
    EXPECT_THROW(
        server.exec(database.name, "SELECT pg_advisory_lock(x'74726f757065'::bigint), pg_sleep(3600)"),
        std::runtime_error);
  }};
  const auto locks = [&](const std::string& state) {
    return !server.query(database.name, "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND " + state)
                .empty();
  };
  EXPECT_TRUE(eventually([&] { return locks("granted"); }));
  {
    process it{command({"migrate", "--db.uri=" + database.uri}), no_database};
    EXPECT_TRUE(eventually([&] { return locks("NOT granted"); }));
    it.signal(SIGTERM);
    EXPECT_EQ(it.wait_exit(), 1);
    EXPECT_NE(it.output().find("stopped before it was done"), std::string::npos) << it.output();
  }
  server.exec("postgres", "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '" +
                              database.name + "'");
  locker.join();
}

TEST(Stopping, AMigrationStopsWhileItWaitsForItsDatabase) {
  const silent_port nobody;
  const std::vector<std::vector<std::string>> all{
      command({"migrate", nobody.uri(), "--db.connect-timeout=1h"}),
      by_shell(without_names,
               command({"migrate", "--db.uri=postgresql://u@name.test/d", "--db.connect-timeout=1h"}))};
  for (const auto& each : all) {
    process it{each, no_database};
    // More than the first one: then signals are waited for.
    const auto tasks = "/proc/" + std::to_string(it.pid()) + "/task";
    EXPECT_TRUE(
        eventually([&] { return std::distance(std::filesystem::directory_iterator{tasks}, {}) > 2; }));
    it.signal(SIGINT);
    EXPECT_EQ(it.wait_exit(), 1) << it.output();
    EXPECT_NE(it.output().find("stopped before it was done"), std::string::npos) << it.output();
  }
}

TEST(Stopping, HangupReadsTheLogLevelAgain) {
  const temp_dir directory;
  const auto file = directory.path() / "troupe.conf";
  const auto write = [&](const std::string& text) { std::ofstream{file} << text; };
  const auto database = postgres::instance().create_database();
  write("log { level = \"info\" }\n");
  running_service service{{"--db.uri=" + database.uri, "--config-file=" + file.string()}};
  auto client = service.client();
  write("log { level = \"nonsense\" }\n");
  service.program().signal(SIGHUP);
  EXPECT_TRUE(service.program().wait_for_output("log.level stays as it is: log.level=nonsense must be"));
  write("log { level = \"debug\" }\nhttp { port = 1 }\n");
  service.program().signal(SIGHUP);
  EXPECT_TRUE(service.program().wait_for_output("log.level is debug from now on"));
  peer{service.port()}.send("nonsense\r\n\r\n");
  EXPECT_TRUE(service.program().wait_for_output("debug HTTP:"));
  EXPECT_EQ(client.request("GET", "/items/").status, 200);
}

TEST(Stopping, HangupWithoutAFileIsOneLine) {
  const auto database = postgres::instance().create_database();
  running_service service{{"--db.uri=" + database.uri}};
  service.program().signal(SIGHUP);
  EXPECT_TRUE(service.program().wait_for_output("there is no configuration file (--config-file) to read"));
  EXPECT_EQ(service.client().request("GET", "/items/").status, 200);
}

}  // namespace
}  // namespace troupe::test
