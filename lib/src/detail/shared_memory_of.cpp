#include "detail/shared_memory_of.hpp"

#include <linux/kcmp.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>

#include "detail/sight.hpp"

namespace ggufmap::detail {
namespace {

// 0: the same memory, 1 and 2: an order of different ones, the same for all pairs; -1: not told.
long compare_memory(int one, int other) { return ::syscall(SYS_kcmp, one, other, KCMP_VM, 0, 0); }

}  // namespace

void mark_shared_memory(const std::string& proc, std::vector<Mapper>& mappers) {
    if (self_in(proc) != ::getpid()) return;
    std::vector<int> known;  // one PID of each memory, in the kernel's order
    for (Mapper& mapper : mappers) {
        const auto place = std::lower_bound(known.begin(), known.end(), mapper.pid, [](int one, int other) {
            return compare_memory(one, other) == 1;
        });
        if (place != known.end() && compare_memory(*place, mapper.pid) == 0)
            mapper.memory_of = *place;
        else
            known.insert(place, mapper.pid);
    }
}

}  // namespace ggufmap::detail
