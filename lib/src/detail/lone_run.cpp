#include "detail/lone_run.hpp"

#include <sys/file.h>

#include <cerrno>

#include "ggufmap/error.hpp"

namespace ggufmap::detail {

void require_lone_run(int fd, const std::string& shown) {
    if (::flock(fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
        throw Error(ErrorKind::io, {shown}, "another run is at it", EBUSY);
}

}  // namespace ggufmap::detail
