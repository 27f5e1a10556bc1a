// The rules of --why. Costs that are figures were measured (Zen 4, virtio disk, Linux 6.18).
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <sstream>
#include <utility>

#include "common/numbers.hpp"
#include "gguf-residency/doctor.hpp"
#include "gguf-residency/shell_word.hpp"
#include "ggufmap/model.hpp"

namespace ggufmap::residency {
namespace {

using cli::human_size;
using Findings = std::vector<Finding>;

// What of the model must still find room.
std::uint64_t wanted(const Facts& facts) {
    return facts.model_bytes - std::min(facts.model_bytes, facts.held_bytes);
}

// The limit by which the group would have room for what is wanted; where the arithmetic finds enough room and
// the group still hit its limit, a quarter more.
std::uint64_t raised_limit(const Facts& facts, const CgroupMemory& group, std::uint64_t limit) {
    const std::uint64_t missing = wanted(facts) - std::min(wanted(facts), group.available().value_or(0));
    const std::uint64_t more = missing != 0 ? missing : limit / 4;
    constexpr std::uint64_t mib = 1 << 20;
    return more > UINT64_MAX - mib - limit ? UINT64_MAX : (limit + more + mib - 1) / mib * mib;
}

std::string raising_limit(const Facts& facts, const CgroupMemory& group) {
    const std::string path = group.path == "/" ? "" : group.path;
    if (group.version == CgroupMemory::Version::v1)
        return fmt::format("echo {} > {}", raised_limit(facts, group, group.limit.value_or(0)),
                           shell_word("/sys/fs/cgroup/memory" + path + "/memory.limit_in_bytes"));
    const bool slowed = group.high && group.high < group.limit.value_or(UINT64_MAX);
    return fmt::format("echo {} > {}",
                       raised_limit(facts, group, (slowed ? group.high : group.limit).value_or(0)),
                       shell_word("/sys/fs/cgroup" + path + (slowed ? "/memory.high" : "/memory.max")));
}

// All files of the model, as words: of a shard set by a pattern.
std::string files_of(const Facts& facts) {
    if (facts.files.empty()) return shell_word(facts.model);
    const auto shard = parse_shard_name(facts.files.front());
    if (shard && facts.files.size() > 1 && shard->count == facts.files.size()) {
        const std::string last = shard_path("", shard->count, shard->count);
        return shell_word(shard->prefix) + "-*" + last.substr(last.find("-of-"));
    }
    std::vector<std::string> words;
    for (const std::string& file : facts.files) words.push_back(shell_word(file));
    return fmt::format("{}", fmt::join(words, " "));
}

void about_memory(const Facts& facts, Findings& found) {
    if (facts.memory.bytes < wanted(facts)) {
        const auto group = facts.memory.tightest_cgroup;
        const std::string held = facts.held_bytes == 0
                                     ? ""
                                     : fmt::format(", {} of it there for good", human_size(facts.held_bytes));
        found.push_back({100,
                         fmt::format("{} of memory available for a model of {}{}",
                                     human_size(facts.memory.bytes), human_size(facts.model_bytes), held),
                         "weights are evicted before they are used again, and each token reads from the disk",
                         group ? raising_limit(facts, facts.memory.cgroups[*group])
                               : "a smaller quantisation; gguf-residency --budget shows the arithmetic"});
    }
    for (const CgroupMemory& group : facts.memory.cgroups) {
        if (group.limit_hits == 0) continue;
        found.push_back(
            {group.oom_kills != 0 ? 95 : 80,
             fmt::format("control group {} hit its memory limit {} times, {} processes were killed",
                         group.path, group.limit_hits, group.oom_kills),
             "page cache counts as its memory: reading the model evicts the model",
             raising_limit(facts, group)});
    }
    if (facts.memory_pressure && facts.memory_pressure->some_avg10 >= 1)
        found.push_back({90,
                         fmt::format("tasks waited for memory {:.1f} % of the last 10 s",
                                     facts.memory_pressure->some_avg10),
                         "the kernel is reclaiming while the model runs",
                         fmt::format("gguf-prefault --lock {}", shell_word(facts.model))});
    if (facts.io_pressure && facts.io_pressure->some_avg10 >= 10)
        found.push_back(
            {70, fmt::format("tasks waited for I/O {:.1f} % of the last 10 s", facts.io_pressure->some_avg10),
             "cold pages queue behind other reads",
             fmt::format("gguf-prefault {}", shell_word(facts.model))});
}

bool is_cold(const Facts& facts) {
    return facts.resident_bytes && *facts.resident_bytes < facts.model_bytes / 10 * 9;
}

void about_cache(const Facts& facts, Findings& found) {
    if (is_cold(facts))
        found.push_back({60,
                         fmt::format("{} of {} in the page cache", human_size(*facts.resident_bytes),
                                     human_size(facts.model_bytes)),
                         "the rest is read fault by fault at the first use",
                         fmt::format("gguf-prefault {}", shell_word(facts.model))});
    if (facts.folios == FolioSize::single)
        found.push_back(
            {65,
             fmt::format("page cache in single pages (cachestat takes {:.0f} ns a page; of all files "
                         "{} are in huge pages)",
                         *facts.cachestat_ns, human_size(facts.memory.host.file_huge)),
             "faults cost 8-10 times as much as on large folios, a loader's start 1.4-2.7 times; "
             "readahead, WILLNEED and fadvise leave it so",
             fmt::format("gguf-prefault --evict {0} && gguf-prefault {0}", shell_word(facts.model))});
}

void about_readers(const Facts& facts, Findings& found) {
    if (!facts.direct_readers.empty())
        found.push_back({35,
                         fmt::format("process {} ({}) reads the model with O_DIRECT",
                                     facts.direct_readers.front().pid, facts.direct_readers.front().command),
                         "its reads never warm the cache: memory for it is taken twice",
                         "start it again without direct I/O (llama.cpp: --direct-io, --load-mode)"});
}

const std::string& name_of(const Mount& mount) {
    return mount.device_name.empty() ? mount.device : mount.device_name;
}

void about_file_system(const Facts& facts, const Mount& mount, Findings& found) {
    const std::string& type = mount.file_system;
    const auto is_one_of = [&](std::initializer_list<std::string_view> types) {
        return std::find(types.begin(), types.end(), type) != types.end();
    };
    const std::string measured = fmt::format("{} at {}", type, mount.mount_point);
    const std::string copy = fmt::format("cp {} /LOCAL/DISK/", files_of(facts));
    if (is_one_of({"nfs", "nfs4", "cifs", "smb3", "ceph", "9p", "afs", "lustre", "glusterfs"})) {
        found.push_back({85, measured,
                         "each cold page crosses the network; the cache may go when the server says so",
                         copy});
    } else if (type.starts_with("fuse") || type == "virtiofs") {
        found.push_back(
            {75, measured, "each cold page takes a round trip through another process or machine", copy});
    } else if (type == "overlay") {
        found.push_back({30, measured,
                         "cachestat sees nothing here (mincore is used); pages are shared with other "
                         "containers only where they use the same image layer",
                         "keep models in a volume, not in the image"});
    } else if (type == "hugetlbfs") {
        found.push_back({40, measured, "the model takes its huge pages for good: nothing gives them back",
                         "keep it on a disk: page cache gives way when it must"});
    } else if (is_one_of({"tmpfs", "ramfs"})) {
        found.push_back(
            {50, measured,
             "the model is in memory or swap, never evicted to its file: it takes its size for good",
             "keep it on a disk: page cache gives way when it must"});
    } else if (type == "zfs") {
        found.push_back({50, measured, "mapped pages are cached twice: in the page cache and in the ARC",
                         "zfs set primarycache=metadata DATASET"});
    } else if (type == "btrfs") {
        found.push_back({25, measured,
                         "single pages in the cache, and compressed extents cannot be read directly",
                         "keep models on ext4 or xfs: " + copy});
    }
    if (mount.rotational.value_or(false) && is_cold(facts))
        found.push_back(
            {12, fmt::format("disk {} calls itself rotating (virtual disks often do)", name_of(mount)),
             "faults in random order take 5-10 ms each",
             fmt::format("gguf-prefault {}", shell_word(facts.model))});
    if (mount.read_ahead_kib && *mount.read_ahead_kib < 128)
        found.push_back({40, fmt::format("readahead of {} KiB on {}", *mount.read_ahead_kib, name_of(mount)),
                         "cold faults bring in little at a time",
                         mount.device_name.empty()
                             ? fmt::format("echo 2048 > /sys/class/bdi/{}/read_ahead_kb", mount.device)
                             : "blockdev --setra 4096 " + shell_word(mount.device_name)});
}

// "rw,noatime,rsize=4096": the value of `option`, "" where it has none, nothing where it is not there.
std::optional<std::string> mount_option(const std::string& options, std::string_view option) {
    std::istringstream words(options);
    for (std::string word; std::getline(words, word, ',');) {
        const auto equals = word.find('=');
        if (word.substr(0, equals) != option) continue;
        return equals == std::string::npos ? "" : word.substr(equals + 1);
    }
    return std::nullopt;
}

void about_mount(const Mount& mount, Findings& found) {
    const auto has = [&](std::string_view option) { return mount_option(mount.mount_options, option); };
    const auto tell = [&](int weight, const std::string& option, std::string costs, std::string command) {
        found.push_back({weight, fmt::format("{} is mounted with {}", mount.mount_point, option),
                         std::move(costs), std::move(command)});
    };
    if (const auto dax = has("dax"); dax && *dax != "never" && *dax != "inode")
        tell(50, "dax", "mappings go to the device itself: nothing is cached, residency says nothing",
             "mount it again with dax=never");
    if (const auto cache = has("cache"); cache == "none")
        tell(80, "cache=none", "nothing that is read is kept for the next reader",
             "mount it again with cache=loose or cache=strict");
    if (has("strictatime"))
        tell(15, "strictatime", "each read writes the inode",
             "mount -o remount,relatime " + shell_word(mount.mount_point));
    const auto size = cli::parse_number(has("rsize").value_or(""));
    if (size && *size < 128 << 10)
        tell(45, fmt::format("rsize={}", *size), "each request brings in little at a time",
             "mount it again with rsize=1048576");
}

// A mounted tmpfs goes by its own option, /dev/shm too. shmem_enabled governs the kernel's internal mount
// (memfd, shared anonymous memory), but for two words that override all mounts
// (admin-guide/mm/transhuge.rst).
void about_huge_pages_of(const Facts& facts, const Mount& mount, Findings& found) {
    if (mount.file_system != "tmpfs" || facts.shmem_huge_pages.empty() || facts.shmem_huge_pages == "force")
        return;
    const std::string huge = mount_option(mount.mount_options, "huge").value_or("never");
    if (facts.shmem_huge_pages == "deny")
        found.push_back({35, "huge pages for shared memory: deny, whatever a mount says",
                         "512 times the page-table entries and faults",
                         "echo never > /sys/kernel/mm/transparent_hugepage/shmem_enabled"});
    else if (huge == "never" || huge == "advise")
        found.push_back(
            {35, fmt::format("{} is mounted with huge={}", mount.mount_point, huge),
             "512 times the page-table entries and faults; another option takes effect in what is "
             "written later: copy the model again",
             "mount -o remount,huge=within_size " + shell_word(mount.mount_point)});
}

// ": of the model 7.9 GiB on node 0, 1.0 MiB on node 1"
std::string node_text(const Facts& facts) {
    std::vector<std::string> nodes;
    for (const auto& [node, bytes] : facts.node_bytes)
        nodes.push_back(fmt::format("{} on node {}", human_size(bytes), node));
    return nodes.empty() ? "" : fmt::format(": of the model {}", fmt::join(nodes, ", "));
}

void about_swap(const Facts& facts, Findings& found) {
    const bool swaps = facts.memory.host.swap_total != 0 &&
                       std::none_of(facts.memory.cgroups.begin(), facts.memory.cgroups.end(),
                                    [](const CgroupMemory& group) { return group.swap_limit == 0U; });
    if (!swaps) return;
    if (facts.swappiness && *facts.swappiness > 100 && facts.zram.empty())
        found.push_back({25, fmt::format("vm.swappiness {}", *facts.swappiness),
                         "private memory goes to swap before page cache goes: contexts get slow",
                         "sysctl vm.swappiness=60"});
    if (facts.swappiness && *facts.swappiness < 100 && !facts.zram.empty())
        found.push_back({30, fmt::format("vm.swappiness {} with zRAM", *facts.swappiness),
                         "weights are evicted before idle memory is compressed", "sysctl vm.swappiness=150"});
    if (facts.page_cluster && *facts.page_cluster > 0 && !facts.zram.empty())
        found.push_back({15, fmt::format("vm.page-cluster {} with zRAM", *facts.page_cluster),
                         "each swap-in decompresses neighbours that nobody asked for",
                         "sysctl vm.page-cluster=0"});
}

void about_settings(const Facts& facts, Findings& found) {
    if (facts.locked_limit && *facts.locked_limit < wanted(facts))
        found.push_back({20, fmt::format("RLIMIT_MEMLOCK of {}", human_size(*facts.locked_limit)),
                         "--mlock cannot hold the weights without privilege",
                         "ulimit -l unlimited, or LimitMEMLOCK=infinity in the unit"});
    if (facts.cache_pressure && *facts.cache_pressure > 200)
        found.push_back({10, fmt::format("vm.vfs_cache_pressure {}", *facts.cache_pressure),
                         "inodes go early, and their page cache with them",
                         "sysctl vm.vfs_cache_pressure=100"});
    if (facts.overcommit == 2)
        found.push_back({15, "vm.overcommit_memory 2", "private writable mappings of the model count in full",
                         "sysctl vm.overcommit_memory=0"});
    if (facts.huge_pages == "never")
        found.push_back({15, "transparent huge pages: never", "repacked weights and contexts use 4 KiB pages",
                         "echo madvise > /sys/kernel/mm/transparent_hugepage/enabled"});
    if (facts.numa_nodes > 1)
        found.push_back(
            {45, fmt::format("{} NUMA nodes{}", facts.numa_nodes, node_text(facts)),
             "page cache lies where the first reader ran: threads elsewhere read across the link",
             fmt::format("gguf-prefault --evict {0} && numactl --interleave=all gguf-prefault {0}",
                         shell_word(facts.model))});
}

}  // namespace

std::vector<std::string> unknown_of(const Facts& facts) {
    std::vector<std::string> unknown;
    if (!facts.resident_bytes) unknown.emplace_back("how much of it is in the page cache");
    if (!facts.folios) unknown.emplace_back("whether that is in large folios");
    if (facts.not_permitted != 0)
        unknown.push_back(fmt::format(
            "whether any of {} processes that may not be looked at reads or locks it", facts.not_permitted));
    return unknown;
}

std::vector<Finding> findings_of(const Facts& facts) {
    Findings found;
    about_memory(facts, found);
    about_cache(facts, found);
    about_readers(facts, found);
    for (const Mount& mount : facts.mounts) {
        about_file_system(facts, mount, found);
        about_mount(mount, found);
        about_huge_pages_of(facts, mount, found);
    }
    about_swap(facts, found);
    about_settings(facts, found);
    std::stable_sort(found.begin(), found.end(),
                     [](const Finding& a, const Finding& b) { return a.weight > b.weight; });
    return found;
}

}  // namespace ggufmap::residency
