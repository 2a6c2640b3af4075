// What the program asks of its allocator.
#pragma once

namespace troupe::http {

/// Has freed memory given back to the system at once. Otherwise mimalloc does so when more is asked for:
/// after a peak of large answers an idle service would keep it. Costs nothing that can be measured: one
/// madvise() in thousands of requests. To be called before there are threads.
void set_up_allocation();

}  // namespace troupe::http
