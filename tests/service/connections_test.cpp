// Clients as connections: those that reset, crowd, stay silent, are slow, or send more than is read.
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <optional>
#include <regex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "tests/service/service.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/peer.hpp"

namespace troupe::test {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool with_sanitizer = true;
#else
constexpr bool with_sanitizer = false;
#endif

std::string post_of(std::size_t size) {
  return "POST /items/ HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: " +
         std::to_string(size) + "\r\n\r\n";
}

std::string item_of(std::size_t size) {
  const std::string begin = "{\"name\":\"n\",\"description\":\"", end = "\"}";
  return begin + std::string(size - begin.size() - end.size(), 'd') + end;
}

class ConnectionsTest : public testing::Test {
 protected:
  void start(std::vector<std::string> options) {
    options.push_back("--db.uri=" + database_.uri);
    // The kernel spreads clients over lanes, and each lane has its part of the limits.
    options.emplace_back("--http.threads=1");
    service_.emplace(std::move(options));
  }
  http_client client() const { return service_->client(); }
  bool serves() const { return client().request("GET", "/items/?limit=1").status == 200; }

  std::size_t descriptors() const {
    const auto all = "/proc/" + std::to_string(service_->program().pid()) + "/fd";
    return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator{all}, {}));
  }
  // kB, resident.
  std::size_t memory() const {
    std::ifstream status{"/proc/" + std::to_string(service_->program().pid()) + "/status"};
    for (std::string word; status >> word;)
      if (std::size_t size = 0; word == "VmRSS:" && status >> size) return size;
    return 0;
  }

  /// A handler is given many clients of a kind, after which the service must be as at the beginning.
  template <class Client>
  void costs_nothing(int count, const Client& be_client) {
    for (int i = 0; i < 100; ++i) be_client();
    ASSERT_TRUE(serves());
    // Postgres connections come and go by themselves; wait for those of clients only.
    const auto before = descriptors();
    const auto memory_before = memory();
    for (int i = 0; i < count; ++i) be_client();
    EXPECT_TRUE(serves());
    EXPECT_TRUE(eventually([&] { return descriptors() <= before; })) << descriptors() << " of " << before;
    // The address sanitizer keeps what was freed for a while.
    if (!with_sanitizer) {
      EXPECT_LE(memory(), memory_before + 4096) << "kB";
    }
  }

  test_database database_ = postgres::instance().create_database();
  std::optional<running_service> service_;
};

TEST_F(ConnectionsTest, ResetBeforeTheyAreAcceptedTheyTakeNoPlace) {
  start({"--http.max-connections=20"});
  costs_nothing(3000, [this] { peer{service_->port()}.reset_at_end(); });
}

TEST_F(ConnectionsTest, ThatVanishWithinARequestCostNothing) {
  start({"--http.max-connections=20"});
  costs_nothing(500, [this] {
    auto one = client();
    one.send_raw(post_of(100) + "{\"na");
    one.disconnect();
  });
}

TEST_F(ConnectionsTest, ThatEndWithAnErrorCostNothing) {
  start({"--http.max-connections=20"});
  costs_nothing(500, [this] {
    auto one = client();
    one.send_raw("GET / FTP/1.0\r\n\r\n");
    EXPECT_EQ(one.read_response().status, 400);
  });
}

TEST_F(ConnectionsTest, MoreThanAllowedWaitTheirTurn) {
  start({"--http.max-connections=2"});
  auto first = client(), second = client(), third = client();
  EXPECT_EQ(first.request("GET", "/items/").status, 200);
  EXPECT_EQ(second.request("GET", "/items/").status, 200);
  third.send_raw("GET /items/ HTTP/1.1\r\nHost: x\r\n\r\n");
  // Said when it happens; before that nothing could come.
  EXPECT_TRUE(service_->program().wait_for_line(std::regex{"2 connections allowed are open"}, 10s));
  EXPECT_FALSE(third.has_data(300ms));
  first.disconnect();
  EXPECT_EQ(third.read_response().status, 200);
}

TEST_F(ConnectionsTest, AreAcceptedAgainAfterDescriptorsRanOut) {
  start({});
  const auto pid = service_->program().pid();
  rlimit before{};
  ASSERT_EQ(prlimit(pid, RLIMIT_NOFILE, nullptr, &before), 0);
  const rlimit lowered{descriptors(), before.rlim_max};
  ASSERT_EQ(prlimit(pid, RLIMIT_NOFILE, &lowered, nullptr), 0);
  auto waiting = client();
  waiting.send_raw("GET /items/ HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_TRUE(service_->program().wait_for_line(std::regex{"no connection can be accepted: "}, 10s));
  ASSERT_EQ(prlimit(pid, RLIMIT_NOFILE, &before, nullptr), 0);
  EXPECT_EQ(waiting.read_response().status, 200);
}

TEST_F(ConnectionsTest, WaitForNobodyElseAfterOneThatWasAborted) {
  // Clients who wait before the service accepts at all: it is frozen.
  service_.emplace(std::vector<std::string>{"--db.uri=" + database_.uri, "--http.threads=1"},
                   "LD_PRELOAD=" TROUPE_FAILING_ACCEPT R"( exec "$@")");
  service_->program().signal(SIGSTOP);
  auto aborted = client(), next = client();
  aborted.send_raw("");
  next.send_raw("GET /items/ HTTP/1.1\r\nHost: x\r\n\r\n");
  service_->program().signal(SIGCONT);
  EXPECT_EQ(next.read_response().status, 200);
}

TEST_F(ConnectionsTest, OneRequestThatIsTooLargeForTheMemoryFailsAlone) {
  if (with_sanitizer) GTEST_SKIP() << "sanitizers need all addresses";
  start({});
  auto writer = client();
  for (int i = 0; i < 16; ++i)
    ASSERT_EQ(writer.request("POST", "/items/", json_content, item_of(1'000'000)).status, 201);
  ASSERT_EQ(writer.request("GET", "/items/1").status, 200);
  const auto pid = service_->program().pid();
  std::ifstream statm{"/proc/" + std::to_string(pid) + "/statm"};
  std::size_t pages = 0;
  statm >> pages;
  rlimit before{};
  ASSERT_EQ(prlimit(pid, RLIMIT_AS, nullptr, &before), 0);
  // Room for the rows, not for their JSON as well.
  const auto room = static_cast<rlim_t>(24) * 1024 * 1024;
  const rlimit lowered{pages * static_cast<rlim_t>(sysconf(_SC_PAGESIZE)) + room, before.rlim_max};
  ASSERT_EQ(prlimit(pid, RLIMIT_AS, &lowered, nullptr), 0);
  service_->expect_errors();
  const auto refused = client().request("GET", "/items/?limit=16").status;
  EXPECT_TRUE(refused == 500 || refused == 503) << refused;
  EXPECT_TRUE(eventually([this] { return serves(); }));
  ASSERT_EQ(prlimit(pid, RLIMIT_AS, &before, nullptr), 0);
}

TEST_F(ConnectionsTest, SilentOnesAreLetGoInTime) {
  start({"--http.idle-timeout=1s"});
  const auto since = steady_clock::now();
  auto nothing_said = client(), within_a_request = client(), between_requests = client();
  nothing_said.send_raw("");
  within_a_request.send_raw("GET /items/ HT");
  EXPECT_EQ(between_requests.request("GET", "/items/").status, 200);
  EXPECT_EQ(within_a_request.read_response().status, 408);
  EXPECT_TRUE(nothing_said.wait_for_close());
  EXPECT_TRUE(between_requests.wait_for_close());
  const auto took = steady_clock::now() - since;
  EXPECT_GE(took, 1s);
  EXPECT_LT(took, 8s);
}

TEST_F(ConnectionsTest, ASlowButSteadyUploadIsTaken) {
  start({"--http.idle-timeout=1s"});
  auto slow = client();
  const auto body = item_of(400);
  slow.send_raw(post_of(body.size()));
  // 100 bytes a second, for four times as long as silence may last.
  for (std::size_t at = 0; at < body.size(); at += 40) {
    std::this_thread::sleep_for(400ms);
    slow.send_raw(std::string_view{body}.substr(at, 40));
  }
  EXPECT_EQ(slow.read_response().status, 201);
}

TEST_F(ConnectionsTest, ASlowButSteadyDownloadIsFinished) {
  start({"--http.idle-timeout=1s"});
  auto writer = client();
  constexpr std::size_t size = 500'000;
  ASSERT_EQ(writer.request("POST", "/items/", json_content, item_of(size)).status, 201);
  peer slow{service_->port(), 16 * 1024};
  slow.send("GET /items/ HTTP/1.1\r\nHost: x\r\n\r\n");
  std::size_t read = 0;
  const auto since = steady_clock::now();
  // 100 kB a second; in the end the kernel has all, and the service waits for the next request.
  while (read < size) {
    std::this_thread::sleep_for(100ms);
    const auto got = slow.read_some(10'000);
    ASSERT_GT(got, 0U) << "the service closed after " << read << " bytes";
    read += got;
  }
  EXPECT_GT(steady_clock::now() - since, 3s);
}

TEST_F(ConnectionsTest, OnesThatSendTooLittleAreAnswered408) {
  start({"--http.idle-timeout=2s", "--http.min-rate=40"});
  auto slow = client();
  slow.send_raw("GET /items/ HTTP/1.1\r\nX: ");
  const auto since = steady_clock::now();
  while (!slow.has_data(500ms) && steady_clock::now() - since < 30s) slow.send_raw("a");
  EXPECT_EQ(slow.read_response().status, 408);
}

TEST_F(ConnectionsTest, OnesThatTakeNothingOfAnAnswerAreReset) {
  // What the kernels take is worth no pause at that rate.
  start({"--http.idle-timeout=1s", "--http.min-rate=100000000"});
  auto writer = client();
  for (int i = 0; i < 8; ++i)
    ASSERT_EQ(writer.request("POST", "/items/", json_content, item_of(1'000'000)).status, 201);
  writer.disconnect();
  const auto before = descriptors();
  peer stalled{service_->port(), 4096};
  stalled.send("GET /items/ HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_TRUE(stalled.is_reset(30s));
  EXPECT_TRUE(eventually([&] { return descriptors() <= before; }));
}

TEST_F(ConnectionsTest, TheMemoryOfLargeAnswersIsGivenBack) {
  if (with_sanitizer) GTEST_SKIP() << "sanitizers keep what was freed";
  start({"--http.idle-timeout=1s"});
  auto writer = client();
  for (int i = 0; i < 8; ++i)
    ASSERT_EQ(writer.request("POST", "/items/", json_content, item_of(1'000'000)).status, 201);
  const auto before = memory();
  {
    std::vector<std::unique_ptr<peer>> crowd;
    for (int i = 0; i < 20; ++i) {
      crowd.push_back(std::make_unique<peer>(service_->port(), 4096));
      crowd.back()->send("GET /items/ HTTP/1.1\r\nHost: x\r\n\r\n");
    }
    EXPECT_TRUE(eventually([&] { return memory() > before + 50'000; }));
  }
  EXPECT_TRUE(eventually([&] { return memory() < before + 25'000; }))
      << memory() << " of " << before << " kB";
}

TEST_F(ConnectionsTest, ALaneThatWasBusyBlamesNoClient) {
  start({"--http.idle-timeout=1s"});
  auto one = client();
  const auto body = item_of(400);
  one.send_raw(post_of(body.size()) + body.substr(0, 200));
  // Nothing is read meanwhile, for longer than silence may last.
  service_->program().signal(SIGSTOP);
  one.send_raw(std::string_view{body}.substr(200));
  std::this_thread::sleep_for(2s);
  service_->program().signal(SIGCONT);
  EXPECT_EQ(one.read_response().status, 201);
}

TEST_F(ConnectionsTest, AnEarlyAnswerReachesAClientThatStillSends) {
  start({});
  const std::string much(8 * 1024 * 1024, 'a');
  const auto answer = [this](const std::string& bytes) {
    auto one = client();
    one.send_raw(bytes);
    const auto status = one.read_response().status;
    EXPECT_TRUE(one.wait_for_close());
    return status;
  };
  EXPECT_EQ(answer(post_of(much.size()) + much), 413);
  EXPECT_EQ(answer("POST /items/ HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n800000\r\n" + much),
            413);
  EXPECT_EQ(answer("GET /" + much), 414);
  EXPECT_EQ(answer("GET / HTTP/1.1\r\nX: " + much), 431);
  EXPECT_EQ(answer("GET / FTP/1.0\r\n\r\n" + much), 400);
  EXPECT_EQ(answer("QUERY / HTTP/1.1\r\nHost: x\r\n\r\n" + much), 405);
  // Read as a whole request, and closed after it.
  EXPECT_EQ(answer("GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n" + much), 400);
  EXPECT_TRUE(serves());
}

TEST_F(ConnectionsTest, AClientThatSendsOnAfterAnEarlyAnswerIsClosedInTime) {
  start({});
  const auto before = descriptors();
  auto endless = client();
  endless.send_raw(post_of(1'000'000'000));
  EXPECT_EQ(endless.read_response().status, 413);
  // It stays silent now, and does not close.
  EXPECT_TRUE(eventually([&] { return descriptors() <= before; }, 20s));
}

TEST_F(ConnectionsTest, AClientThatHasClosedItsDirectionGetsItsAnswer) {
  start({});
  auto one = client();
  one.send_raw("GET /items/ HTTP/1.1\r\nHost: x\r\n\r\n");
  one.half_close();
  EXPECT_EQ(one.read_response().status, 200);
  EXPECT_TRUE(one.wait_for_close());
}

}  // namespace
}  // namespace troupe::test
