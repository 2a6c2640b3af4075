// The program's memory: mimalloc, but with exceptions where there is none left. Not built with sanitizers.
#include "http/allocation.hpp"

#include <cstddef>
#include <new>

#ifdef TROUPE_MIMALLOC

#include <mimalloc.h>

namespace {

void* or_throw(void* memory) {
  if (memory == nullptr) throw std::bad_alloc{};
  return memory;
}

}  // namespace

// Those of mimalloc, a library of C, abort: it finds no new-handler, and cannot throw.
void* operator new(std::size_t size) { return or_throw(mi_malloc(size)); }
void* operator new[](std::size_t size) { return or_throw(mi_malloc(size)); }
void* operator new(std::size_t size, std::align_val_t align) {
  return or_throw(mi_malloc_aligned(size, static_cast<std::size_t>(align)));
}
void* operator new[](std::size_t size, std::align_val_t align) {
  return or_throw(mi_malloc_aligned(size, static_cast<std::size_t>(align)));
}
void operator delete(void* memory) noexcept { mi_free(memory); }
void operator delete[](void* memory) noexcept { mi_free(memory); }
void operator delete(void* memory, std::size_t) noexcept { mi_free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { mi_free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { mi_free(memory); }
void operator delete[](void* memory, std::align_val_t) noexcept { mi_free(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { mi_free(memory); }
void operator delete[](void* memory, std::size_t, std::align_val_t) noexcept { mi_free(memory); }

#endif

namespace troupe::http {

void set_up_allocation() {
#ifdef TROUPE_MIMALLOC
#if MI_MALLOC_VERSION < 210
  mi_option_set(mi_option_decommit_delay, 0);
#else
  mi_option_set(mi_option_purge_delay, 0);
#endif
#endif
}

}  // namespace troupe::http
