// How many descriptors a process of given options needs, and what is left for clients.
#include "http/descriptors.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>

#include "db/child_process.hpp"

namespace troupe::http {
namespace {

options process_of(command what, std::size_t lanes) {
  options out;
  out.what = what;
  out.threads = lanes;
  out.pool.size = 2;
  out.uri = "postgresql:///shop";
  return out;
}

TEST(descriptors, each_part_of_a_process_has_its_own) {
  auto it = process_of(command::serve, 1);
  // The loop, its listening socket, the pool, what comes and goes; the migrator.
  EXPECT_EQ(descriptors_needed(it), 3 + 1 + 2 + 4 + 1u);
  it.threads = 3;
  EXPECT_EQ(descriptors_needed(it), 3 * 10 + 1u);
  it.pool.size = 7;
  EXPECT_EQ(descriptors_needed(it), 3 * 15 + 1u);
  it.migrate = false;
  EXPECT_EQ(descriptors_needed(it), 3 * 15u);
  it.uri.reset();
  EXPECT_EQ(descriptors_needed(it), 3 * 15 + 5u);
  it.node.port = 4711;
  EXPECT_EQ(descriptors_needed(it), 3 * 15 + 5 + 2 + 64 + 64u);
  it.node.health_port = 8081;
  EXPECT_EQ(descriptors_needed(it), 3 * 15 + 5 + 2 + 64 + 64 + 1 + 64u);
}

TEST(descriptors, a_worker_has_no_clients_and_a_gateway_no_database) {
  auto worker = process_of(command::worker, 2);
  worker.node.port = 4711;
  EXPECT_EQ(descriptors_needed(worker), 2 * (3 + 2 + 4) + 1 + 2 + 64 + 64u);
  auto gateway = process_of(command::gateway, 2);
  gateway.uri.reset();
  gateway.node.workers = {"a:1", "b:1"};
  EXPECT_EQ(descriptors_needed(gateway), 2 * (3 + 1 + 4) + 2 * 16u);
}

TEST(descriptors, clients_get_what_is_left) {
  auto it = process_of(command::serve, 2);
  it.http.max_connections = 500;
  const auto own = descriptors_needed(it);
  EXPECT_EQ(connections_that_fit(it, 1000, 10), 500u);
  EXPECT_EQ(connections_that_fit(it, own + 10 + 500, 10), 500u);
  EXPECT_EQ(connections_that_fit(it, own + 10 + 499, 10), 499u);
  EXPECT_EQ(connections_that_fit(it, own + 10 + 2, 10), 2u);
}

TEST(descriptors, too_few_are_told_in_one_line) {
  auto it = process_of(command::serve, 2);
  const auto own = descriptors_needed(it);
  const auto none = connections_that_fit(it, own + 10 + 1, 10);
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error(),
            "no more than 32 file descriptors are allowed (ulimit -n), but 33 are needed: allow "
            "more, or lower http.threads or db.pool-size");
  // No clients, no descriptors for them.
  it.what = command::worker;
  EXPECT_TRUE(connections_that_fit(it, descriptors_needed(it) + 10, 10));
  EXPECT_FALSE(connections_that_fit(it, descriptors_needed(it) + 9, 10));
}

TEST(descriptors, those_that_are_open_are_counted) {
  const auto before = descriptors_open();
  const db::owned_fd one{open("/dev/null", O_RDONLY)}, other{open("/dev/null", O_RDONLY)};
  EXPECT_EQ(descriptors_open(), before + 2);
}

}  // namespace
}  // namespace troupe::http
