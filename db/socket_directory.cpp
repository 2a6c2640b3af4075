// Chooses and prepares the directory of a private server's Unix socket.
#include "db/socket_directory.hpp"

#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <string>
#include <system_error>

namespace troupe::db {

namespace fs = std::filesystem;

namespace {

/// sockaddr_un::sun_path holds the directory, this name and a final NUL.
constexpr std::size_t longest_directory = sizeof(sockaddr_un::sun_path) - sizeof "/.s.PGSQL.5432";

bool fits_a_socket(const std::string& path) {
  // libpq takes a comma in host= for the start of a second host; the server's list has quotes around it.
  return path.size() <= longest_directory && path.find_first_of(",\"") == std::string::npos;
}

}  // namespace

tl::expected<socket_directory, error> socket_directory::make(fs::path wanted, std::optional<account> user) {
  socket_directory result;
  result.path_ = std::move(wanted);
  std::error_code failed;
  if (fits_a_socket(result.path_)) {
    fs::create_directory(result.path_, failed);
  } else {
    std::string name = "/tmp/troupe-XXXXXX";
    result.temporary_ = mkdtemp(name.data()) != nullptr;
    if (!result.temporary_) {
      return tl::unexpected(error{errc::unavailable, "the path " + result.path_.string() +
                                                         " is too long for a Unix socket or holds "
                                                         "a comma or quotes, and /tmp is not writable"});
    }
    result.path_ = name;
  }
  if (!failed && user && lchown(result.path_.c_str(), user->uid, user->gid) != 0) {
    failed.assign(errno, std::generic_category());
  }
  if (!failed) fs::permissions(result.path_, fs::perms::owner_all, failed);
  if (failed) {
    return tl::unexpected(error{errc::unavailable, "cannot prepare the directory " + result.path_.string() +
                                                       ": " + failed.message()});
  }
  return result;
}

socket_directory::~socket_directory() {
  std::error_code failed;
  if (temporary_) fs::remove_all(path_, failed);
}

}  // namespace troupe::db
