#include "detail/sight.hpp"

#include <linux/capability.h>
#include <sys/stat.h>

#include <filesystem>
#include <system_error>

#include "detail/kernel_files.hpp"
#include "detail/mountinfo.hpp"

namespace ggufmap::detail {
namespace {

// Source: include/linux/proc_ns.h, PROC_USER_INIT_INO; part of the interface since Linux 6.18 (nsfs.h).
constexpr ino_t initial_user_namespace = 0xEFFFFFFD;

// CAP_SYS_PTRACE over every process. Root of a user namespace has it over those in there alone.
bool may_look_at_all(const std::string& proc) {
    struct stat status {};
    if (::stat((proc + "/self/ns/user").c_str(), &status) != 0 || status.st_ino != initial_user_namespace)
        return false;
    const std::string text = read_kernel_file(proc + "/self/status").value_or("");
    for (std::string_view rest = text; !rest.empty();) {
        std::string_view line = next_line(rest);
        if (next_word(line) != "CapEff:") continue;
        return (hexadecimal(next_word(line)).value_or(0) >> CAP_SYS_PTRACE & 1) != 0;
    }
    return false;
}

// proc mounted with hidepid=2 ("invisible") or 4 ("ptraceable") lacks the folders of others' processes; with
// 1 ("noaccess") they are there, and refused.
bool hides_processes(const std::string& proc) {
    const std::string mounts = read_kernel_file(proc + "/self/mountinfo").value_or("");
    bool hides = false;
    for (std::string_view rest = mounts; const auto mount = next_mount(rest);) {  // the last one counts
        if (mount->point != proc) continue;
        hides = false;
        for (const char* way : {"hidepid=2", "hidepid=invisible", "hidepid=4", "hidepid=ptraceable"})
            hides = hides || mount->options.find(way) != std::string_view::npos;
    }
    return hides;
}

}  // namespace

int self_in(const std::string& proc) {
    std::error_code none;
    const std::string target = std::filesystem::read_symlink(proc + "/self", none);
    return static_cast<int>(decimal(target).value_or(0));
}

void judge_sight(const std::string& proc, Scan& scan) {
    scan.self = self_in(proc);
    scan.all_seen = (scan.not_permitted == 0 && !hides_processes(proc)) || may_look_at_all(proc);
}

}  // namespace ggufmap::detail
