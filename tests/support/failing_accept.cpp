// Preloaded into a program, its first accept() fails as that of a connection that was aborted, and takes
// none.
#include <dlfcn.h>
#include <sys/socket.h>

#include <atomic>
#include <cerrno>

extern "C" int accept(int socket, sockaddr* address, socklen_t* size) {
  using function = int (*)(int, sockaddr*, socklen_t*);
  static const auto next = reinterpret_cast<function>(dlsym(RTLD_NEXT, "accept"));
  static std::atomic<bool> fails{true};
  // One that finds nobody is no accept yet.
  const int accepted = next(socket, address, size);
  if (accepted < 0 || !fails.exchange(false)) return accepted;
  // The client that was accepted is let go of as the one that was aborted.
  shutdown(accepted, SHUT_RDWR);
  errno = ECONNABORTED;
  return -1;
}
