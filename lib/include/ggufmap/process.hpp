// Which processes hold a file: who maps it, what each mapping costs, who has it open, and which of its pages
// a process has in its page tables. Processes end while they are looked at: that is never an error, they are
// just not in the answer.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "ggufmap/bytes.hpp"
#include "ggufmap/export.hpp"
#include "ggufmap/file.hpp"
#include "ggufmap/memory.hpp"
#include "ggufmap/pagecache.hpp"

namespace ggufmap {

/// A file as /proc/PID/maps names it. Not always what stat says: btrfs and overlayfs show another device.
struct MapsIdentity {
    std::uint64_t device = 0;
    std::uint64_t inode = 0;
    std::string path = {};  ///< finds mappings of a deleted file that once had this name; "": do not look
    /// Device and inode of the file that an overlay shows by this one, whose pages they are; nothing where it
    /// lies on no overlay, or the layers are out of sight.
    std::optional<std::pair<std::uint64_t, std::uint64_t>> below = {};

    bool same_file(const MapsIdentity& other) const { return device == other.device && inode == other.inode; }
};
/// Found by mapping one page (never touched) and looking it up in our own maps; what stat says where the file
/// system has no shared mappings (FUSE with direct_io). Throws Error (io).
GGUFMAP_API MapsIdentity maps_identity(const File& file);

/// Memory of a mapping, or of several, in bytes (/proc/PID/smaps).
struct MappingCost {
    std::uint64_t mapped = 0;
    std::uint64_t rss = 0;
    std::uint64_t pss = 0;        ///< shared pages divided by the number of mappers
    std::uint64_t anonymous = 0;  ///< private copies of pages that were written to
    /// The same divided by the number of processes that share them: forked children have those of their
    /// parent. At least that before Linux 6.0, which does not tell.
    std::uint64_t anonymous_pss = 0;
    std::uint64_t referenced = 0;  ///< touched since the referenced bits were last cleared
    std::uint64_t locked = 0;      ///< by mlock, or in hugetlbfs, whose pages cannot leave
    std::uint64_t swap = 0;
    std::uint64_t swap_pss = 0;  ///< divided, too
    std::uint64_t huge = 0;      ///< mapped by huge pages
    /// Of rss: pages of hugetlbfs that are mapped more than once. smaps does not divide them; scans of this
    /// table share them out among the mappers that they see.
    std::uint64_t shared_huge = 0;

    GGUFMAP_API MappingCost& operator+=(const MappingCost& other);
};

/// One stretch of a file in one address space.
struct MappedArea {
    std::size_t file = 0;       ///< index into the list that was asked for
    std::uint64_t address = 0;  ///< in that process
    Range range;                ///< of the file; may reach beyond its end
    bool shared = false;        ///< MAP_SHARED
    bool writable = false;
    bool deleted = false;                  ///< the name is gone, the memory is not
    std::string path;                      ///< as that process sees it
    std::optional<MappingCost> cost = {};  ///< nothing where it was not asked for or smaps may not be read
};

/// What /proc tells of a process as a whole.
struct Process {
    int pid = 0;
    std::uint32_t uid = 0;
    std::string command;              ///< the name of the program, unescaped
    std::string cgroup;               ///< path of its (memory) control group
    std::string container;            ///< what the path names: "docker 1a2b3c4d5e6f", "" for none
    std::uint64_t anonymous_rss = 0;  ///< private memory, in bytes (RssAnon)
    std::uint64_t shared_rss = 0;     ///< of tmpfs and shared anonymous memory, in bytes (RssShmem)
    std::uint64_t page_tables = 0;    ///< in bytes (VmPTE)
    std::uint64_t major_faults = 0;   ///< since its start
    std::uint64_t started = 0;        ///< in clock ticks since boot: tells two processes of one PID apart
};

/// A process that maps one of the files.
struct Mapper : Process {
    std::vector<MappedArea> areas;
    std::optional<MappingCost> cost;  ///< of all areas; nothing where smaps may not be read
    /// A mapper before this one in the same list whose very memory this is (clone with CLONE_VM): what it
    /// costs is there already. 0 for none, and where the kernel does not tell (kcmp).
    int memory_of = 0;
};

/// A process that has one of the files open.
struct Opener : Process {
    int fd = 0;
    std::size_t file = 0;  ///< index into the list that was asked for
    bool direct = false;   ///< O_DIRECT: its reads go past the page cache
};

/// How much of the processes a scan was shown. What lies outside our PID namespace is never shown.
struct Scan {
    std::uint64_t not_permitted = 0;  ///< in sight, but they may not be looked at
    /// None was kept from us that the host's root would see. Otherwise what was not found may be there all
    /// the same: not_permitted are some of which nothing is known, and hidepid hides others altogether.
    bool all_seen = true;
    int self = 0;  ///< our own PID there; that of getpid() is another where /proc is of another namespace
};

struct MapperScan : Scan {
    std::vector<Mapper> mappers;  ///< by PID
    std::vector<Mapper> stale;    ///< map a deleted file that had the name of one of the files: an older
                                  ///< version of the model, which still takes its memory
    std::uint64_t processes = 0;  ///< looked at
};
struct OpenerScan : Scan {
    std::vector<Opener> openers;
};

/// A GGUF file that processes map.
struct MappedModel {
    std::string path;             ///< as seen from here, without the mark of a deleted one
    bool deleted = false;         ///< the name is gone, the memory is not
    std::vector<Mapper> mappers;  ///< by PID, with what each mapping costs; MappedArea::file is 0
    bool memory_only = false;     ///< its PageHome is no disk
    std::uint64_t locked = 0;     ///< as locked_once() says

    /// Of all mappers together, each memory once: MappingCost::pss counts pages that they share once.
    GGUFMAP_API MappingCost cost() const;
};
struct ModelScan : Scan {
    std::vector<MappedModel> models;  ///< by path
};

/// The processes of a machine. Thread-safe.
class GGUFMAP_API ProcessTable {
public:
    enum class Detail {
        areas,  ///< who and where: enough to act on the mappings, 1,000 processes in about 20 ms
        costs   ///< also what each costs; the kernel walks the page tables for it
    };

    virtual ~ProcessTable() = default;
    /// A mapping through an overlay counts as one of the file below, and one of that as one of the overlay's,
    /// where the layers are in sight.
    virtual MapperScan mappers(std::span<const MapsIdentity> files, Detail detail) const = 0;
    /// GGUF files that other processes than this one map, but for `known` ones. A file is one by its name
    /// (.gguf) or, where it maps a MiB or more, by its first bytes, as far as they are in memory: nothing is
    /// read from the disk.
    virtual ModelScan mapped_models(std::span<const MapsIdentity> known) const = 0;
    /// Files by (device, inode) as fstat says.
    virtual OpenerScan openers(std::span<const FileIdentity> files) const = 0;
    /// Pages of `area` that `pid` has in its page tables, as a map of the file's pages from area.range.offset
    /// on. Nothing where the process has ended or may not be looked at.
    virtual std::optional<PageMap> present_pages(int pid, const MappedArea& area) const = 0;
};

class GGUFMAP_API KernelProcessTable final : public ProcessTable {
public:
    /// Tests take PAGEMAP_SCAN (Linux 6.7) and PROCMAP_QUERY (6.11) away to force reading pagemap and maps.
    enum class Allow { everything, no_ioctls };
    explicit KernelProcessTable(KernelRoots roots = {}, Allow allow = Allow::everything);

    MapperScan mappers(std::span<const MapsIdentity> files, Detail detail) const override;
    ModelScan mapped_models(std::span<const MapsIdentity> known) const override;
    OpenerScan openers(std::span<const FileIdentity> files) const override;
    std::optional<PageMap> present_pages(int pid, const MappedArea& area) const override;

private:
    KernelRoots roots_;
    Allow allow_;
};

/// Bytes of the files that some of `mappers` have locked, each page once however many processes lock it;
/// private copies are no pages of a file. Where page tables may not be looked at, what the process that
/// locks most has locked. The mappers must come with costs.
GGUFMAP_API std::uint64_t locked_once(const ProcessTable& table, std::span<const Mapper> mappers);

/// The PID of the process that this thread belongs to; the number itself where there is no such thread.
GGUFMAP_API int process_of(int thread, const KernelRoots& roots = {});

/// Clears the referenced bits of a whole process, so that MappingCost::referenced starts again from 0.
/// Changes what the kernel's reclaim knows about that process. Throws Error (io).
GGUFMAP_API void clear_referenced(int pid, const KernelRoots& roots = {});

/// "docker 1a2b3c4d5e6f", "podman ...", "kubernetes ...", "lxc NAME", "systemd UNIT", from the path of a
/// control group; "" where it names none of these.
GGUFMAP_API std::string container_of(std::string_view cgroup_path);

}  // namespace ggufmap
