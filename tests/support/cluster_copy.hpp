// Copies a stopped PostgreSQL cluster, which is some ten times faster than creating one.
#pragma once

#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <stdexcept>

#include "db/child_process.hpp"

namespace troupe::test {

/// Copies the content of one directory into another, which is created, with owners and permissions.
/// Throws std::runtime_error.
inline void copy_cluster(const std::filesystem::path& from, const std::filesystem::path& to) {
  std::filesystem::create_directories(to);
  db::child_options cp;
  cp.argv = {"/bin/cp", "--archive", "--reflink=auto", (from / ".").string(), to.string()};
  cp.output_fd = STDERR_FILENO;
  constexpr std::chrono::seconds bound{60};
  const auto pid = db::start_child(cp);
  if (!pid) throw std::runtime_error{pid.error().message};
  const auto status = db::wait_child(*pid, std::chrono::steady_clock::now() + bound);
  if (!status || !WIFEXITED(*status) || WEXITSTATUS(*status) != 0)
    throw std::runtime_error{"cannot copy " + from.string() + " to " + to.string()};
}

}  // namespace troupe::test
