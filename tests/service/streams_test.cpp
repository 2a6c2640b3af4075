// The program whose stdin, stdout or stderr is closed, full, or read by nobody.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <filesystem>
#include <string>

#include "tests/service/service.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/temp_dir.hpp"

namespace troupe::test {
namespace {

namespace fs = std::filesystem;

// A pipe with a name, and its reading end.
class named_pipe {
 public:
  named_pipe() {
    EXPECT_EQ(mkfifo(path().c_str(), 0600), 0);
    // Open before its writer comes, who would wait for it.
    reader_ = db::owned_fd{open(path().c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC)};
    EXPECT_TRUE(reader_);
    // Less than Linux gives, so that it is soon full; room for two writers, as each takes a page.
    capacity_ = fcntl(reader_.get(), F_SETPIPE_SZ, 2 * getpagesize());
    EXPECT_GT(capacity_, 0);
  }

  /// Bytes that it holds.
  int capacity() const { return capacity_; }
  std::string path() const { return (directory_.path() / "pipe").string(); }
  void close_reader() { reader_.reset(); }

  /// What is in it now.
  std::string read_all() const {
    std::string out;
    std::array<char, 4096> part{};
    for (ssize_t got = 0; (got = read(reader_.get(), part.data(), part.size())) > 0;)
      out.append(part.data(), static_cast<std::size_t>(got));
    return out;
  }

 private:
  temp_dir directory_;
  db::owned_fd reader_;
  int capacity_ = 0;
};

// Of one line, at least.
constexpr int line_size = 20;

class StreamsTest : public testing::Test {
 protected:
  // Each request is one line of the log.
  static void serves_and_stops(running_service& service, int requests = 100) {
    auto client = service.client();
    for (int i = 0; i < requests; ++i) ASSERT_EQ(client.request("GET", "/items/1").status, 404) << i;
    service.program().signal(SIGTERM);
    EXPECT_EQ(service.program().wait_exit(), 0);
  }

  std::string uri_ = "--db.uri=" + postgres::instance().create_database().uri;
};

TEST_F(StreamsTest, ClosedOnesDoNotBecomeTheNextFile) {
  const temp_dir directory;
  const auto data = directory.path() / "data";
  process program{by_shell(R"(exec "$@" <&- >&- 2>&-)",
                           {TROUPE_BINARY, "serve", "--http.port=0", "--db.data-dir=" + data.string()}),
                  {"DATABASE_URL"}};
  ASSERT_TRUE(eventually([&] { return fs::exists(data / "postgresql" / "PG_VERSION"); }));
  for (const auto* each : {"0", "1", "2"})
    EXPECT_EQ(fs::read_symlink(fs::path{"/proc"} / std::to_string(program.pid()) / "fd" / each), "/dev/null");
  program.signal(SIGTERM);
  EXPECT_EQ(program.wait_exit(std::chrono::seconds{60}), 0);
  EXPECT_EQ(fs::file_size(data / "lock"), 0U);
}

TEST_F(StreamsTest, ClosedOnesHinderNoCommand) {
  for (const std::string each : {"migrate", "--help"}) {
    process program{by_shell(R"(exec "$@" <&- >&- 2>&-)", {TROUPE_BINARY, each, uri_}), {"DATABASE_URL"}};
    EXPECT_EQ(program.wait_exit(), 0) << each;
  }
}

TEST_F(StreamsTest, AFullDiskForTheLogLosesNoRequest) {
  running_service service{{uri_, "--db.echo"}, R"(exec "$@" 2>/dev/full)"};
  serves_and_stops(service);
  EXPECT_EQ(service.program().output().find("ERROR"), std::string::npos) << service.program().output();
}

TEST_F(StreamsTest, AReaderOfTheLogThatEndedLosesNoRequest) {
  named_pipe log;
  running_service service{{uri_, "--db.echo"}, R"(exec "$@" 2>)" + log.path()};
  log.close_reader();
  serves_and_stops(service);
}

TEST_F(StreamsTest, AReaderOfTheLogThatStandsStillLosesNoRequest) {
  named_pipe log;
  running_service service{{uri_, "--db.echo"}, R"(exec "$@" 2>)" + log.path()};
  serves_and_stops(service, log.capacity() / line_size);
}

TEST_F(StreamsTest, LinesThatWereLostAreCounted) {
  named_pipe log;
  running_service service{{uri_, "--db.echo"}, R"(exec "$@" 2>)" + log.path()};
  auto client = service.client();
  for (int i = 0; i < log.capacity() / line_size; ++i) client.request("GET", "/items/1");
  const auto before = log.read_all();
  EXPECT_EQ(before.back(), '\n') << "a line is written as a whole";
  client.request("GET", "/items/1");
  const auto after = log.read_all();
  EXPECT_TRUE(std::regex_search(after, std::regex{"^[1-9][0-9]* lines of the log could not be written"}))
      << after;
  EXPECT_NE(after.find("SQL"), std::string::npos) << after;
}

TEST_F(StreamsTest, AFirstLineThatCannotBeWrittenStopsNothing) {
  process program{by_shell(R"(exec "$@" >/dev/full)", {TROUPE_BINARY, "serve", "--http.port=0", uri_}),
                  {"DATABASE_URL"}};
  ASSERT_TRUE(program.wait_for_output("connections of the pool are ready"));
  program.signal(SIGTERM);
  EXPECT_EQ(program.wait_exit(), 0) << program.output();
}

}  // namespace
}  // namespace troupe::test
