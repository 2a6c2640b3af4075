// Nodes that talk through TLS: who is trusted gets in, and nobody else.
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>

#include "actors/node_port.hpp"
#include "tests/actors/node.hpp"

namespace troupe::actors {
namespace {

using db::item_table;
using namespace std::chrono_literals;

/// What deploy/certificates makes, for one service and for another.
class certificates {
 public:
  certificates() {
    std::string name = std::filesystem::temp_directory_path() / "troupe-XXXXXX";
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error{"no temporary directory"};
    directory_ = name;
    make("ours", "worker-1 gateway-1");
    make("theirs", "gateway-1");
  }
  ~certificates() { std::filesystem::remove_all(directory_); }
  certificates(const certificates&) = delete;
  certificates& operator=(const certificates&) = delete;

  std::string file(const std::string& path) const { return directory_ / path; }

  tls_settings of(const std::string& node, std::vector<std::string> peers = {}) const {
    return {file(node + "/cert.pem"), file(node + "/key.pem"), file(node + "/ca.pem"), std::move(peers)};
  }

 private:
  void make(const std::string& service, const std::string& names) const {
    const auto command = TROUPE_CERTIFICATES " " + file(service) + " " + names + " >/dev/null";
    if (std::system(command.c_str()) != 0) throw std::runtime_error{command + " failed"};
  }

  std::filesystem::path directory_;
};

class node_tls_test : public testing::Test {
 protected:
  static void SetUpTestSuite() { made = std::make_unique<certificates>(); }
  static void TearDownTestSuite() { made.reset(); }

  /// Whether a gateway gets through to a worker.
  static bool meet(const tls_settings& worker, const tls_settings& gateway) {
    const auto of = [](const tls_settings& tls) {
      node_settings out;
      out.connect_timeout = 1000ms;
      out.tls = tls;
      return out;
    };
    const auto at_worker = of(worker);
    test::node node{at_worker};
    const worker_actor<item_table> published = node.home().spawn(test::answer_enlist, 0);
    bool met = false;
    {
      const node_port port{node.home(), at_worker, make_tls(worker),
                           caf::actor_cast<caf::strong_actor_ptr>(published),
                           node.system().message_types<worker_actor<item_table>>()};
      met = test::gets_answer(of(gateway), port.port());
    }
    caf::anon_send_exit(published, caf::exit_reason::user_shutdown);
    return met;
  }

  /// What make_tls() complains about.
  static std::string fault(const tls_settings& settings) {
    try {
      make_tls(settings);
    } catch (const std::runtime_error& failed) {
      return failed.what();
    }
    return "";
  }

  static std::unique_ptr<certificates> made;
};

std::unique_ptr<certificates> node_tls_test::made;

TEST_F(node_tls_test, nodes_of_one_authority_meet) {
  EXPECT_TRUE(meet(made->of("ours/worker-1"), made->of("ours/gateway-1")));
}

TEST_F(node_tls_test, a_certificate_of_another_authority_opens_nothing) {
  auto stranger = made->of("theirs/gateway-1");
  EXPECT_FALSE(meet(made->of("ours/worker-1"), stranger));
  // Even if it trusts the worker.
  stranger.authority = made->file("ours/ca.pem");
  EXPECT_FALSE(meet(made->of("ours/worker-1"), stranger));
}

TEST_F(node_tls_test, a_worker_of_another_authority_is_not_trusted) {
  auto stranger = made->of("theirs/gateway-1");
  stranger.authority = made->file("ours/ca.pem");
  EXPECT_FALSE(meet(stranger, made->of("ours/gateway-1")));
}

TEST_F(node_tls_test, peers_are_the_only_names_that_are_taken) {
  const auto worker = made->of("ours/worker-1");
  const auto gateway = made->of("ours/gateway-1");
  EXPECT_TRUE(meet(made->of("ours/worker-1", {"gateway-0", "gateway-1"}), gateway));
  EXPECT_FALSE(meet(made->of("ours/worker-1", {"gateway-2"}), gateway));
  EXPECT_TRUE(meet(worker, made->of("ours/gateway-1", {"worker-1"})));
  EXPECT_FALSE(meet(worker, made->of("ours/gateway-1", {"worker-2", "gateway-1"})));
}

TEST_F(node_tls_test, who_talks_in_clear_gets_no_answer) {
  EXPECT_FALSE(meet(made->of("ours/worker-1"), {}));
  EXPECT_FALSE(meet({}, made->of("ours/gateway-1")));
}

TEST_F(node_tls_test, a_file_at_fault_is_named) {
  const auto good = made->of("ours/worker-1");
  EXPECT_EQ(fault(good), "");
  EXPECT_EQ(fault({}), "");
  auto bad = good;
  bad.certificate = made->file("none.pem");
  EXPECT_EQ(fault(bad), "node.tls.certificate=" + bad.certificate + ": No such file or directory");
  bad = good;
  bad.key = made->file("ours/gateway-1/key.pem");
  EXPECT_EQ(fault(bad), "node.tls.key=" + bad.key + ": key values mismatch (x509 certificate routines)");
  bad.key = made->file("rsa.pem");
  const auto make_rsa = "openssl genrsa -out " + bad.key + " 2048 2>/dev/null";
  ASSERT_EQ(std::system(make_rsa.c_str()), 0);
  EXPECT_EQ(fault(bad), "node.tls.key=" + bad.key + ": not the key of node.tls.certificate");
  bad = good;
  bad.authority = good.key;
  EXPECT_EQ(fault(bad).find("node.tls.authority=" + bad.authority + ": "), 0u) << fault(bad);
}

}  // namespace
}  // namespace troupe::actors
