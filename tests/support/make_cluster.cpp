// Creates a PostgreSQL cluster once for all tests of a run: each starts a server on a copy of it.
#include <cstdio>
#include <exception>
#include <filesystem>
#include <stdexcept>
#include <utility>

#include "db/private_server.hpp"
#include "tests/support/cluster_copy.hpp"
#include "tests/support/postgres.hpp"
#include "tests/support/temp_dir.hpp"

int main(int count, char** values) {
  using namespace troupe;
  if (count != 2) {
    std::fputs("usage: make_cluster <directory>\n", stderr);
    return 2;
  }
  try {
    // PostgreSQL's account may enter it, which it need not in `directory`.
    const test::temp_dir made_in;
    db::private_server_options options;
    options.data_dir = made_in.path();
    auto server = db::private_server::start(std::move(options));
    if (!server) throw std::runtime_error{server.error().message};
    // A test may kill the server, but not the machine: what the kernel has is safe.
    test::run_sql(server->conninfo(), "ALTER SYSTEM SET fsync = off");
    server->stop();
    std::filesystem::remove_all(values[1]);
    test::copy_cluster(made_in.path(), values[1]);
  } catch (const std::exception& failed) {
    std::fprintf(stderr, "make_cluster: %s\n", failed.what());
    return 1;
  }
}
