// To be preloaded: the machine has as many cores as TROUPE_TEST_CORES says, for whoever asks glibc.
#include <cstdlib>

namespace {

int reported() {
  const char* const cores = std::getenv("TROUPE_TEST_CORES");
  return cores == nullptr ? 1 : std::atoi(cores);
}

}  // namespace

// glibc's names; std::thread::hardware_concurrency() asks the first.
// NOLINTBEGIN(readability-identifier-naming)
extern "C" int get_nprocs() { return reported(); }
extern "C" int get_nprocs_conf() { return reported(); }
// NOLINTEND(readability-identifier-naming)
