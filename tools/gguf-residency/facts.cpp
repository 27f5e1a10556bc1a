// Gathers what --why judges. Reads only.
#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "common/numbers.hpp"
#include "gguf-residency/budget.hpp"
#include "gguf-residency/doctor.hpp"
#include "gguf-residency/lens.hpp"

namespace ggufmap::residency {
namespace {

std::optional<std::uint64_t> number_in(const std::string& path) {
    std::ifstream file(path);
    std::uint64_t number = 0;
    if (!(file >> number)) return std::nullopt;
    return number;
}

// Files of choices show all of them, the one in force in brackets: "always [madvise] never".
std::string chosen_in(const std::string& path) {
    std::ifstream file(path);
    for (std::string word; file >> word;) {
        if (word.starts_with('[') && word.ends_with(']')) return word.substr(1, word.size() - 2);
    }
    return "";
}

// Blanks of a path are written as \040 and the like (fs/proc_namespace.c).
std::string unescaped(const std::string& text) {
    std::string result;
    for (std::size_t at = 0; at < text.size(); ++at) {
        unsigned byte = 0;
        const char* const digits = text.data() + at + 1;
        if (text[at] == '\\' && text.size() - at > 3 &&
            std::from_chars(digits, digits + 3, byte, 8).ptr == digits + 3) {
            result += static_cast<char>(byte);
            at += 3;
        } else {
            result += text[at];
        }
    }
    return result;
}

// Lines of mountinfo: ID PARENT MAJOR:MINOR ROOT POINT OPTIONS ... - TYPE SOURCE SUPER_OPTIONS. The last
// mount of a device whose point is a prefix of the path is the one in sight.
void find_mount(const KernelRoots& roots, const std::string& path, Mount& mount) {
    std::ifstream mounts(roots.proc + "/self/mountinfo");
    for (std::string line; std::getline(mounts, line);) {
        std::istringstream words(line);
        std::string id, parent, number, root, point, options, word, type;
        words >> id >> parent >> number >> root >> point >> options;
        while (words >> word && word != "-") {
        }
        std::string source, super_options;
        words >> type >> source >> super_options;
        point = unescaped(point);
        const std::string prefix = point == "/" ? "/" : point + "/";
        if (number != mount.device || !path.starts_with(prefix)) continue;
        mount.file_system = type;
        mount.mount_options = options + "," + super_options;
        mount.mount_point = point;
    }
}

// "/dev/vda" of a line "DEVNAME=vda".
std::string device_name(const std::string& uevent) {
    std::ifstream file(uevent);
    constexpr std::string_view key = "DEVNAME=";
    for (std::string line; std::getline(file, line);) {
        if (line.starts_with(key)) return "/dev/" + line.substr(key.size());
    }
    return "";
}

// A partition has no queue of its own: its disk, one level up, has. File systems without a disk of their own
// (NFS, FUSE, btrfs) have readahead all the same.
void find_disk(const KernelRoots& roots, Mount& mount) {
    const std::string block = fmt::format("{}/dev/block/{}", roots.sys, mount.device);
    mount.device_name = device_name(block + "/uevent");
    mount.read_ahead_kib = number_in(fmt::format("{}/class/bdi/{}/read_ahead_kb", roots.sys, mount.device));
    for (const std::string& level : {std::string("queue"), std::string("../queue")}) {
        const std::string queue = block + "/" + level;
        const auto read_ahead = number_in(queue + "/read_ahead_kb");
        if (!read_ahead) continue;
        mount.read_ahead_kib = read_ahead;
        if (const auto rotational = number_in(queue + "/rotational")) mount.rotational = *rotational != 0;
        return;
    }
}

std::uint64_t count_nodes(const KernelRoots& roots) {
    std::uint64_t nodes = 0;
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(roots.sys + "/devices/system/node", error)) {
        const std::string name = entry.path().filename();
        if (name.starts_with("node") && name.find_first_not_of("0123456789", 4) == std::string::npos) ++nodes;
    }
    return std::max<std::uint64_t>(nodes, 1);
}

// Where the pages that processes have mapped lie.
void find_nodes(const View& view, const std::vector<MapsIdentity>& files, Facts& facts) {
    for (const Mapper& mapper : view.processes.mappers(files, ProcessTable::Detail::areas).mappers) {
        std::set<std::uint64_t> addresses;
        for (const MappedArea& area : mapper.areas) addresses.insert(area.address);
        std::ifstream maps(fmt::format("{}/{}/numa_maps", view.roots.proc, mapper.pid));
        std::stringstream text;
        text << maps.rdbuf();
        add_node_bytes(text.str(), addresses, facts.node_bytes);
    }
}

// Each file system that holds shards of the model, once.
std::vector<Mount> mounts_of(const KernelRoots& roots, const std::vector<MapsIdentity>& files) {
    std::vector<Mount> mounts;
    for (const MapsIdentity& file : files) {
        Mount mount;
        mount.device = fmt::format("{}:{}", major(file.device), minor(file.device));
        find_mount(roots, file.path, mount);
        const bool known = std::any_of(mounts.begin(), mounts.end(), [&](const Mount& other) {
            return other.device == mount.device && other.mount_point == mount.mount_point;
        });
        if (known) continue;
        find_disk(roots, mount);
        mounts.push_back(mount);
    }
    return mounts;
}

void look_at_cache(const View& view, const Model& model, Facts& facts) {
    LayerTally tally;
    LongestWhole longest;
    measure_each(view.cache, model, {}, [&](const Portion& portion) {
        tally.add(portion);
        longest.add(portion);
    });
    facts.resident_bytes = tally.total().resident;
    facts.cachestat_ns = time_a_page(view.cache, model, longest);
    if (facts.cachestat_ns) facts.folios = folio_size(*facts.cachestat_ns);
}

}  // namespace

// Lines: ADDRESS POLICY file=PATH mapped=PAGES N0=PAGES N1=PAGES kernelpagesize_kB=SIZE, in hexadecimal and
// decimal (Documentation/filesystems/proc.rst).
void add_node_bytes(std::string_view text, const std::set<std::uint64_t>& addresses,
                    std::map<std::uint32_t, std::uint64_t>& node_bytes) {
    std::istringstream lines{std::string(text)};
    for (std::string line; std::getline(lines, line);) {
        std::istringstream words(line);
        std::uint64_t address = 0;
        if (!(words >> std::hex >> address) || !addresses.contains(address)) continue;
        std::map<std::uint32_t, std::uint64_t> pages;
        std::uint64_t page_kib = 4;
        for (std::string word; words >> word;) {
            const auto equals = word.find('=');
            if (equals == std::string::npos) continue;
            const auto value = cli::parse_number(word.substr(equals + 1));
            const auto node =
                word.starts_with('N') ? cli::parse_number(word.substr(1, equals - 1)) : std::nullopt;
            if (node && value) pages[static_cast<std::uint32_t>(*node)] += *value;
            if (word.starts_with("kernelpagesize_kB=")) page_kib = value.value_or(page_kib);
        }
        for (const auto& [node, count] : pages) node_bytes[node] += count * page_kib * 1024;
    }
}

Facts gather_facts(const View& view, const Model& model) {
    const KernelRoots& roots = view.roots;
    const std::vector<MapsIdentity> files = maps_identities(Models(&model, 1));
    Facts facts;
    facts.model = model.name();
    for (const Shard& shard : model.shards()) facts.files.push_back(shard.file.name());
    facts.model_bytes = model.file_bytes();
    facts.held_bytes = held_bytes(model, view.cache, view.processes);
    look_at_cache(view, model, facts);
    facts.mounts = mounts_of(roots, files);
    facts.memory = available_memory(roots);
    facts.zram = read_zram(roots);
    facts.memory_pressure = read_pressure("memory", roots);
    facts.io_pressure = read_pressure("io", roots);
    const std::string vm = roots.proc + "/sys/vm/";
    facts.swappiness = number_in(vm + "swappiness");
    facts.page_cluster = number_in(vm + "page-cluster");
    facts.cache_pressure = number_in(vm + "vfs_cache_pressure");
    facts.overcommit = number_in(vm + "overcommit_memory");
    rlimit limit{};
    if (::getrlimit(RLIMIT_MEMLOCK, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY)
        facts.locked_limit = limit.rlim_cur;
    const std::string thp = roots.sys + "/kernel/mm/transparent_hugepage/";
    facts.huge_pages = chosen_in(thp + "enabled");
    facts.shmem_huge_pages = chosen_in(thp + "shmem_enabled");
    facts.numa_nodes = count_nodes(roots);
    if (facts.numa_nodes > 1) find_nodes(view, files, facts);
    std::vector<FileIdentity> identities;
    for (const Shard& shard : model.shards()) identities.push_back(shard.file.identity());
    const OpenerScan scan = view.processes.openers(identities);
    facts.not_permitted = scan.not_permitted;
    for (const Opener& opener : scan.openers) {
        if (opener.direct) facts.direct_readers.push_back(opener);
    }
    return facts;
}

}  // namespace ggufmap::residency
