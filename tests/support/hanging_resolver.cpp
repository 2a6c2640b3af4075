// Preloaded into a program, it looks up no name but waits for ever, as where no name server answers.
#include <unistd.h>

struct addrinfo;

extern "C" int getaddrinfo(const char*, const char*, const addrinfo*, addrinfo**) {
  for (;;) pause();
}
