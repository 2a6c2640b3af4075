// A directory for one test, removed with all its content afterwards.
#pragma once

#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <system_error>
#include <thread>

namespace troupe::test {

/// A new directory under /tmp that other accounts, such as PostgreSQL's, may enter.
/// The path is short, so that there is room for a Unix socket's name in it.
class temp_dir {
 public:
  temp_dir() {
    std::string name = "/tmp/troupe-test-XXXXXX";
    if (mkdtemp(name.data()) == nullptr) throw std::system_error(errno, std::generic_category(), "mkdtemp");
    path_ = name;
    std::filesystem::permissions(path_, std::filesystem::perms(0755));
  }
  temp_dir(const temp_dir&) = delete;
  temp_dir& operator=(const temp_dir&) = delete;

  ~temp_dir() {
    // A server that a killed process left behind writes on until it has shut down.
    const auto deadline = std::chrono::steady_clock::now() + removal_timeout;
    std::error_code failed;
    do {
      std::filesystem::remove_all(path_, failed);
      if (failed) std::this_thread::sleep_for(removal_interval);
    } while (failed && std::chrono::steady_clock::now() < deadline);
  }

  const std::filesystem::path& path() const noexcept { return path_; }

 private:
  /// A fast shutdown of an idle server takes well under a second.
  static constexpr std::chrono::seconds removal_timeout{5};
  static constexpr std::chrono::milliseconds removal_interval{20};

  std::filesystem::path path_;
};

}  // namespace troupe::test
