#include "common/transfer.hpp"

#include <sys/resource.h>

namespace ggufmap::cli {

void allow_many_open_files() {
    struct rlimit limit {};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);  // where it is refused, opening says so with a name
}

}  // namespace ggufmap::cli
