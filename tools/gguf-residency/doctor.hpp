// --why: what makes a model slow on this machine. Facts are gathered once; judging them is a pure function.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "gguf-residency/folios.hpp"
#include "gguf-residency/view.hpp"
#include "ggufmap/memory.hpp"

namespace ggufmap::residency {

/// Where files of a model lie.
struct Mount {
    std::string file_system = {};    ///< as in mountinfo: "ext4", "nfs4", "overlay", "fuse.sshfs", "tmpfs"
    std::string mount_options = {};  ///< of the mount and of its file system: "rw,noatime,rw,dax=always"
    std::string mount_point = {};
    std::string device = {};       ///< "254:0"
    std::string device_name = {};  ///< "/dev/vda"; "" where it is none of the disks
    std::optional<std::uint64_t> read_ahead_kib = {};
    std::optional<bool> rotational = {};
};

/// What was measured. Nothing: this machine does not tell.
struct Facts {
    std::string model;
    std::vector<std::string> files = {};  ///< of its shards
    std::uint64_t model_bytes = 0;
    std::uint64_t held_bytes = 0;  ///< of these: in memory for good, as Need::held; not counted as available
    std::optional<std::uint64_t> resident_bytes;
    std::optional<FolioSize> folios;
    std::optional<double> cachestat_ns;

    std::vector<Mount> mounts;  ///< of its shards, each once

    AvailableMemory memory;
    std::vector<Zram> zram;
    std::optional<Pressure> memory_pressure;
    std::optional<Pressure> io_pressure;
    std::optional<std::uint64_t> swappiness;
    std::optional<std::uint64_t> page_cluster;
    std::optional<std::uint64_t> cache_pressure;
    std::optional<std::uint64_t> overcommit;
    std::optional<std::uint64_t> locked_limit;  ///< RLIMIT_MEMLOCK of this process, bytes; nothing: no limit
    std::string huge_pages;  ///< /sys/kernel/mm/transparent_hugepage/enabled: "always", ...
    std::string shmem_huge_pages;
    std::uint64_t numa_nodes = 1;
    /// Bytes of the model that processes have mapped from each node; gathered where there are several.
    std::map<std::uint32_t, std::uint64_t> node_bytes;
    std::vector<Opener> direct_readers;
    std::uint64_t not_permitted = 0;  ///< processes that may not be looked at
};
Facts gather_facts(const View& view, const Model& model);

/// Adds up what /proc/PID/numa_maps (`text`) tells of the mappings that begin at one of `addresses`.
void add_node_bytes(std::string_view text, const std::set<std::uint64_t>& addresses,
                    std::map<std::uint32_t, std::uint64_t>& node_bytes);

struct Finding {
    int weight = 0;        ///< 0 to 100: how much it is worth to look at
    std::string measured;  ///< "file system nfs4"
    std::string costs;
    std::string command;  ///< what changes it; "" where nothing does
};
/// What could not be measured: "how much of it is in the page cache".
std::vector<std::string> unknown_of(const Facts& facts);
/// By falling weight; empty where nothing stands out.
std::vector<Finding> findings_of(const Facts& facts);

}  // namespace ggufmap::residency
