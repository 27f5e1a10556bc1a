#include "ggufmap/resident.hpp"

#include <fcntl.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <deque>
#include <memory>

#include "detail/direct_ring.hpp"
#include "detail/gang.hpp"
#include "detail/resident_pages.hpp"
#include "ggufmap/error.hpp"
#include "ggufmap/layout.hpp"

namespace ggufmap {
namespace {

using detail::ResidentPages;

constexpr std::size_t buffer_bytes = std::size_t{1} << 20;

// A digest of each kind; none where a page is not there.
std::vector<Digest> digests_of(const ResidentPages& pages, Range range, const std::vector<DigestKind>& kinds,
                               std::span<std::byte> buffer) {
    if (!pages.hold(range)) return {};
    std::vector<Digest> running;
    for (const DigestKind kind : kinds) running.emplace_back(kind);
    while (!range.empty()) {
        const std::span<std::byte> piece = buffer.first(std::min<std::uint64_t>(buffer.size(), range.size));
        if (!pages.copy(range.offset, piece)) return {};
        for (Digest& digest : running) digest.update(piece);
        range = {range.offset + piece.size(), range.size - piece.size()};
    }
    return running;
}

std::deque<ResidentPages> resident_pages(const Model& model, const PageCache& cache) {
    std::deque<ResidentPages> pages;
    for (const Shard& shard : model.shards()) pages.emplace_back(shard.file, cache);
    return pages;
}

std::vector<Range> resident_stretches(const PageCache& cache, const File& file) {
    const auto map = cache.map(file, {0, file.size()});
    if (!map) throw detail::residency_unknown(file);
    return map->stretches(true);
}

const ModelTensor* tensor_at(const Model& model, std::uint32_t shard, Range where) {
    const auto found =
        std::find_if(model.tensors().begin(), model.tensors().end(), [&](const ModelTensor& tensor) {
            return tensor.shard == shard && tensor.range && tensor.range->overlaps(where);
        });
    return found == model.tensors().end() ? nullptr : &*found;
}

// Adds the pages of `first` in which memory and disk differ to `faults`.
void compare_pages(const Model& model, std::uint32_t shard, std::uint64_t first, Bytes disk, Bytes memory,
                   std::vector<CacheFault>& faults) {
    const std::uint64_t page = page_size();
    for (std::uint64_t at = 0; at < disk.size(); at += page) {
        const std::uint64_t size = std::min<std::uint64_t>(page, disk.size() - at);
        if (std::memcmp(disk.data() + at, memory.data() + at, size) == 0) continue;
        const Range where{first + at, size};
        CacheFault* const last = faults.empty() ? nullptr : &faults.back();
        if (last != nullptr && last->where.shard == shard && last->where.range.end() == where.offset) {
            last->where.range.size += size;
        } else {
            faults.push_back({{shard, where}, tensor_at(model, shard, where)});
        }
    }
}

}  // namespace

ResidentDigests digest_resident(const Model& model, const std::vector<DigestKind>& kinds,
                                const Selection& selection, const ReadOptions& options) {
    model.require_complete();
    const KernelPageCache kernel;
    const PageCache& cache = options.page_cache != nullptr ? *options.page_cache : kernel;
    ResidentDigests result;
    result.tensors = selected_tensors(model, selection);
    const std::size_t count = result.tensors.size();
    result.digests = DigestTable(kinds, count);
    const std::deque<ResidentPages> pages = resident_pages(model, cache);
    std::vector<char> resident(count, 0);  // not vector<bool>: several threads write
    std::atomic<std::size_t> next = 0;
    std::atomic<bool> stopped = false;
    detail::Gang gang;
    gang.run(std::max(options.jobs, 1U), [&](unsigned) {
        const auto buffer = std::make_unique<std::byte[]>(buffer_bytes);
        for (std::size_t i = next++; i < count && !gang.failed(); i = next++) {
            if (options.stop.stop_requested()) {
                stopped = true;
                return;
            }
            const ShardRange& where = result.tensors[i].where;
            std::vector<Digest> digests =
                digests_of(pages[where.shard], where.range, kinds, {buffer.get(), buffer_bytes});
            resident[i] = !digests.empty();
            for (std::size_t k = 0; k < digests.size(); ++k) result.digests.set(i, k, digests[k].bytes());
            if (options.progress) options.progress(where.range.size);
        }
    });
    result.resident.assign(resident.begin(), resident.end());
    result.complete = !stopped;
    for (std::size_t i = 0; i < count; ++i) {
        result.bytes += result.tensors[i].where.range.size;
        if (result.resident[i]) result.digested += result.tensors[i].where.range.size;
    }
    model.check_unchanged();
    return result;
}

CacheComparison compare_with_disk(const Model& model, const ReadOptions& options) {
    const KernelPageCache kernel;
    const PageCache& cache = options.page_cache != nullptr ? *options.page_cache : kernel;
    const std::deque<ResidentPages> cached = resident_pages(model, cache);
    CacheComparison result;
    result.bytes = model.file_bytes();
    const auto buffer = std::make_unique<std::byte[]>(buffer_bytes);
    detail::DirectRing ring({8, buffer_bytes});
    if (!ring.usable())
        throw Error(ErrorKind::io, {model.name()}, "cannot read past the page cache: no io_uring here");
    for (std::uint32_t shard = 0; shard < model.shards().size(); ++shard) {
        const File& file = model.shards()[shard].file;
        const std::vector<Range> resident = resident_stretches(cache, file);
        if (page_home(file) != PageHome::disk)
            throw Error(ErrorKind::io, {file.name()},
                        "its file system is in memory: there is no disk to compare it with");
        const Fd direct = file.reopen(O_RDONLY | O_DIRECT);
        for (const Range range : resident) ring.read(direct.get(), range);
        while (const auto piece = ring.next()) {
            if (options.stop.stop_requested()) {
                result.complete = false;
                return result;
            }
            if (piece->error != 0)
                throw io_error({file.name(), {}, piece->range.offset}, "cannot read the disk", piece->error);
            const std::span<std::byte> memory(buffer.get(), piece->bytes.size());
            if (cached[shard].copy(piece->range.offset, memory)) {
                compare_pages(model, shard, piece->range.offset, piece->bytes, memory, result.faults);
                result.compared += piece->bytes.size();
            }
            if (options.progress) options.progress(piece->range.size);
            ring.release(*piece);
        }
    }
    model.check_unchanged();
    return result;
}

}  // namespace ggufmap
