#include "detail/device.hpp"

#include <fmt/format.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <array>
#include <string>

#include "detail/kernel_files.hpp"

namespace ggufmap::detail {

bool rotates(std::uint64_t device, const KernelRoots& roots) {
    const std::string link =
        fmt::format("{}/dev/block/{}:{}", roots.sys, gnu_dev_major(device), gnu_dev_minor(device));
    std::array<char, PATH_MAX> path{};
    if (::realpath(link.c_str(), path.data()) == nullptr) return false;
    const std::string folder = path.data();
    if (folder.find("/virtio") != std::string::npos) return false;
    for (const char* queue : {"/queue/rotational", "/../queue/rotational"}) {  // a disk, a partition
        if (const auto answer = read_kernel_number(folder + queue)) return *answer == 1;
    }
    return false;
}

void use_idle_io() {
    // Source: include/uapi/linux/ioprio.h; glibc has no wrapper.
    constexpr int who_process = 1;
    constexpr int class_idle = 3;
    constexpr int class_shift = 13;
    ::syscall(SYS_ioprio_set, who_process, 0, class_idle << class_shift);
}

}  // namespace ggufmap::detail
