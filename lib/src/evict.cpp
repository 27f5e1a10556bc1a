#include "ggufmap/evict.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "ggufmap/checked.hpp"
#include "ggufmap/error.hpp"
#include "ggufmap/residency.hpp"

namespace ggufmap {
namespace {

// Whole pages inside `range`; the last page of the file counts as whole.
Range inner_pages(const File& file, Range range) {
    const std::uint64_t page = page_size();
    const std::uint64_t begin = *checked::align_up(range.offset, page);
    const std::uint64_t end =
        range.end() >= file.size() ? page_cover({0, file.size()}, page).end() : range.end() / page * page;
    return {begin, end - std::min(begin, end)};
}

void drop(const File& file, Range pages) {
    if (pages.empty()) return;
    const int failure = ::posix_fadvise(file.fd(), static_cast<off_t>(pages.offset),
                                        static_cast<off_t>(pages.size), POSIX_FADV_DONTNEED);
    if (failure != 0) throw io_error({file.name(), {}, pages.offset}, "cannot evict", failure);
}

// A large folio that reaches beyond the range survives drop(). Paging it out of a mapping that covers only
// part of it splits it first.
void drop_through_mapping(const File& file, Range pages) {
    void* const address =
        ::mmap(nullptr, pages.size, PROT_READ, MAP_SHARED, file.fd(), static_cast<off_t>(pages.offset));
    if (address == MAP_FAILED) return;
    // Only resident pages are here: nothing is read from the disk. What fails just stays, and is counted.
    ::madvise(address, pages.size, MADV_RANDOM);
    ::madvise(address, pages.size, MADV_POPULATE_READ);
    ::madvise(address, pages.size, MADV_PAGEOUT);
    ::munmap(address, pages.size);
}

void drop_remains(const PageCache& cache, const File& file, Range pages) {
    const auto map = cache.map(file, pages);
    if (!map) return;
    for (const Range stretch : map->stretches(true)) drop_through_mapping(file, stretch);
    drop(file, pages);
}

// The addresses under which `area` shows the ranges of its file.
std::vector<Range> addresses_of(const MappedArea& area, std::span<const ShardRange> ranges) {
    std::vector<Range> addresses;
    for (const ShardRange& one : ranges) {
        if (one.shard != area.file) continue;
        const Range shown = intersection(page_cover(one.range, page_size()), area.range);
        if (!shown.empty())
            addresses.push_back({area.address + shown.offset - area.range.offset, shown.size});
    }
    return addresses;
}

// False where we are not permitted. A process that has ended holds nothing.
bool page_out(int pid, std::vector<Range> addresses) {
    const Fd process(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
    if (!process) return errno == ESRCH;
    for (Range left : addresses) {
        while (!left.empty()) {
            // One call stops after 2 GiB - 4 KiB.
            iovec part{reinterpret_cast<void*>(left.offset), left.size};  // NOLINT(performance-no-int-to-ptr)
            const long done = ::syscall(SYS_process_madvise, process.get(), &part, 1, MADV_PAGEOUT, 0);
            if (done < 0 && errno == EINTR) continue;
            if (done < 0 && (errno == EPERM || errno == EACCES)) return false;
            if (done <= 0) break;  // locked, or gone meanwhile: what stays is counted
            left = {left.offset + static_cast<std::uint64_t>(done),
                    left.size - static_cast<std::uint64_t>(done)};
        }
    }
    return true;
}

std::vector<Range> addresses_of(const Mapper& mapper, std::span<const ShardRange> ranges) {
    std::vector<Range> all;
    for (const MappedArea& area : mapper.areas) {
        for (const Range range : addresses_of(area, ranges)) all.push_back(range);
    }
    return all;
}

std::optional<std::uint64_t> bytes_held(const ProcessTable& processes, const Mapper& mapper,
                                        std::span<const ShardRange> ranges) {
    std::uint64_t bytes = 0;
    for (const MappedArea& area : mapper.areas) {
        const auto pages = processes.present_pages(mapper.pid, area);
        if (!pages) return std::nullopt;
        for (const ShardRange& one : ranges) {
            const Range shown = intersection(one.range, pages->covered());
            if (one.shard == area.file && !shown.empty()) bytes += pages->present_bytes(shown);
        }
    }
    return bytes;
}

}  // namespace

EvictResult evict(const PageCache& cache, const ProcessTable& processes, const Model& model,
                  std::span<const ShardRange> ranges, bool from_processes) {
    EvictResult result;
    result.before = count_ranges(cache, model, ranges);
    const auto each = [&](auto&& way) {
        for (const ShardRange& one : ranges) {
            const File& file = model.shards()[one.shard].file;
            const Range pages = inner_pages(file, one.range);
            if (!pages.empty()) way(file, pages);
        }
    };
    // Dirty pages cannot go; nothing is dirty in a model that is only read.
    if (result.before.dirty.value_or(0) != 0) {
        for (const Shard& shard : model.shards()) ::fdatasync(shard.file.fd());
    }
    each(drop);
    result.after = count_ranges(cache, model, ranges);
    if (result.after.resident == std::uint64_t{0}) return result;

    std::vector<MapsIdentity> files;
    for (const Shard& shard : model.shards()) files.push_back(maps_identity(shard.file));
    const MapperScan scan = processes.mappers(files, ProcessTable::Detail::costs);
    result.all_seen = scan.all_seen;
    std::vector<int> refused;
    if (from_processes) {
        for (const Mapper& mapper : scan.mappers) {
            if (!page_out(mapper.pid, addresses_of(mapper, ranges))) refused.push_back(mapper.pid);
        }
    }
    each([&](const File& file, Range pages) { drop_remains(cache, file, pages); });
    result.after = count_ranges(cache, model, ranges);
    each([&](const File& file, Range pages) {
        result.stayed += count_bytes(cache, file, pages).resident.value_or(0);
    });
    if (result.after.resident == std::uint64_t{0}) return result;
    for (const Mapper& mapper : scan.mappers) {
        Holder holder{mapper.pid, mapper.command, bytes_held(processes, mapper, ranges), std::nullopt,
                      std::find(refused.begin(), refused.end(), mapper.pid) != refused.end()};
        if (mapper.cost) holder.locked = mapper.cost->locked;
        if (holder.bytes != std::uint64_t{0}) result.holders.push_back(std::move(holder));
    }
    return result;
}

}  // namespace ggufmap
