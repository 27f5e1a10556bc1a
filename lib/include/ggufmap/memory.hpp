// How much memory there is for a model: the host, every control group around us, swap, zRAM, pressure, and
// what a model will need. Reads /proc and /sys below given roots, so that fixtures can stand in for them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ggufmap/export.hpp"
#include "ggufmap/model.hpp"

namespace ggufmap {

/// Where the kernel's files are.
struct KernelRoots {
    std::string proc = "/proc";
    std::string sys = "/sys";
};

/// /proc/meminfo, in bytes. Fields that a kernel does not have are 0.
struct HostMemory {
    std::uint64_t total = 0;
    std::uint64_t available = 0;  ///< MemAvailable: free, plus cache and slab that can go without swapping
    std::uint64_t free = 0;
    std::uint64_t cached = 0;
    std::uint64_t shmem = 0;  ///< tmpfs and shared memory, counted in cached but not reclaimable
    std::uint64_t file_huge =
        0;  ///< FileHugePages: page cache of files on disks in folios of a huge page's size
    std::uint64_t mlocked = 0;
    std::uint64_t swap_total = 0;
    std::uint64_t swap_free = 0;
};
/// Throws Error (io) where meminfo cannot be read.
GGUFMAP_API HostMemory read_host_memory(const KernelRoots& roots = {});

/// One memory control group.
struct CgroupMemory {
    enum class Version { v1, v2 };
    Version version = Version::v2;
    std::string path;                              ///< as in /proc/PID/cgroup
    std::optional<std::uint64_t> limit = {};       ///< memory.max, memory.limit_in_bytes; nothing: no limit
    std::optional<std::uint64_t> high = {};        ///< memory.high (v2): above it the group is slowed down
    std::uint64_t usage = 0;                       ///< with the page cache that the group has brought in
    std::uint64_t reclaimable = 0;                 ///< clean file pages: inactive_file + active_file - dirty
    std::optional<std::uint64_t> swap_limit = {};  ///< memory.swap.max; nothing: no limit (or v1)
    std::uint64_t swap_usage = 0;                  ///< v2
    std::uint64_t limit_hits = 0;                  ///< memory.events max, memory.failcnt
    std::uint64_t oom_kills = 0;

    /// limit (or high, where lower) - usage + reclaimable, at least 0; nothing where there is no limit.
    GGUFMAP_API std::optional<std::uint64_t> available() const;
};

/// The groups that a process is in, innermost first, as far as they are visible (a container sees its own
/// and none outside). Empty where there is no memory controller. `process` is a PID or "self".
GGUFMAP_API std::vector<CgroupMemory> enclosing_cgroups(const KernelRoots& roots = {},
                                                        const std::string& process = "self");

/// /sys/block/zram*/mm_stat, in bytes, of those that /proc/swaps lists: others hold file systems.
struct Zram {
    std::string device;             ///< "zram0"
    std::uint64_t disk_size = 0;    ///< what fits before compression
    std::uint64_t stored = 0;       ///< before compression
    std::uint64_t compressed = 0;   ///< after
    std::uint64_t memory_used = 0;  ///< with the allocator's overhead

    /// stored / memory_used so far; nothing while nothing is stored.
    GGUFMAP_API std::optional<double> ratio() const;
};
GGUFMAP_API std::vector<Zram> read_zram(const KernelRoots& roots = {});

/// /proc/pressure/RESOURCE: the share of time (percent) in which some, or all, tasks waited for it.
struct Pressure {
    double some_avg10 = 0;
    double some_avg60 = 0;
    double full_avg10 = 0;
    double full_avg60 = 0;
    std::uint64_t some_total_us = 0;
    std::uint64_t full_total_us = 0;
};
/// `resource` is "memory", "io" or "cpu". Nothing where the kernel does not measure it.
GGUFMAP_API std::optional<Pressure> read_pressure(std::string_view resource, const KernelRoots& roots = {});

/// What can be taken without pushing others out: the least of the host's MemAvailable and what each
/// enclosing control group leaves.
struct AvailableMemory {
    std::uint64_t bytes = 0;
    HostMemory host;
    std::vector<CgroupMemory> cgroups;  ///< innermost first
    /// Index of the group that sets the bound; nothing where it is the host.
    std::optional<std::size_t> tightest_cgroup;

    /// Bytes that may still go to swap as far as the control groups are concerned: the least that one's limit
    /// leaves, 2^64 - 1 where none has one. (What there is to go to is host.swap_free.)
    GGUFMAP_API std::uint64_t swap_allowed() const;
};
GGUFMAP_API AvailableMemory available_memory(const KernelRoots& roots = {});

enum class KvType { f16, q8_0, q4_0 };
/// "f16", "q8_0", "q4_0"; nothing for another word.
GGUFMAP_API std::optional<KvType> parse_kv_type(std::string_view name);

/// The attention cache of a context, from the architecture's own numbers.
struct KvCache {
    std::uint64_t context = 0;      ///< tokens
    std::uint64_t layers = 0;       ///< that have K and V of their own
    std::uint64_t windowed = 0;     ///< of these: keep no more than a sliding window
    std::uint64_t bytes = 0;        ///< of K, V and recurrent states
    std::uint64_t state_bytes = 0;  ///< of these: states of recurrent layers, the same for any context
    bool at_most =
        false;  ///< the header has a window, but which layers keep to it is unknown: none counts so
};
/// What llama.cpp takes for `context` tokens (0: the model's own context_length) of one sequence: in each
/// layer that has attention, head_count_kv heads of key_length and value_length elements (embedding_length /
/// head_count where absent). Layers without attention are told by full_attention_interval, a head count of 0,
/// or no tensor for K; layers that use an earlier one's K and V by attention.shared_kv_layers; models without
/// a cache by attention.causal. With multi-head latent attention (attention.key_length_mla) K alone. Layers
/// with a sliding window, by attention.sliding_window_pattern or the architecture's own, keep the window and
/// a batch of 512 tokens, rounded up to 256. Recurrent layers keep a state in f32, counted where the header
/// has its numbers. Nothing where the header lacks the numbers or they do not fit.
GGUFMAP_API std::optional<KvCache> kv_cache(const Model& model, std::uint64_t context, KvType type);

/// Bytes of page tables that map `mapped` bytes with 4 KiB pages: 8 bytes a page. Fewer with huge pages.
GGUFMAP_API std::uint64_t page_table_bytes(std::uint64_t mapped);

}  // namespace ggufmap
