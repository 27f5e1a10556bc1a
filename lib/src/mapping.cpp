#include "ggufmap/mapping.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <linux/magic.h>
#include <sys/mman.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "detail/huge_page.hpp"
#include "detail/kernel_files.hpp"
#include "detail/maps.hpp"
#include "detail/populate.hpp"
#include "detail/self_memory.hpp"
#include "ggufmap/checked.hpp"
#include "ggufmap/error.hpp"
#include "ggufmap/pagecache.hpp"

namespace ggufmap {
namespace {

std::uint64_t system_page() { return static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE)); }

// Mappings of hugetlbfs files begin and end on huge pages.
std::uint64_t page_of(const File& file) {
    struct statfs status {};
    const bool huge = ::fstatfs(file.fd(), &status) == 0 && status.f_type == HUGETLBFS_MAGIC;
    return huge ? static_cast<std::uint64_t>(status.f_bsize) : system_page();
}

int madvise_code(Advice advice) {
    switch (advice) {
        case Advice::normal:
            return MADV_NORMAL;
        case Advice::random:
            return MADV_RANDOM;
        case Advice::sequential:
            return MADV_SEQUENTIAL;
        case Advice::cold:
            return MADV_COLD;
        case Advice::page_out:
            return MADV_PAGEOUT;
        case Advice::forget:
            return MADV_DONTNEED;
        case Advice::huge_pages:
            break;
    }
    return MADV_HUGEPAGE;
}

// The pages under `bytes`.
std::span<std::byte> pages_of(Bytes bytes) {
    const auto address = reinterpret_cast<std::uintptr_t>(bytes.data());
    const Range cover = page_cover({address, bytes.size()}, system_page());
    return {reinterpret_cast<std::byte*>(cover.offset), cover.size};  // NOLINT(performance-no-int-to-ptr)
}

}  // namespace

Mapping Mapping::open(const std::string& name, const Places& places, Layout layout) {
    return of(Model::open(name, places), layout);
}

Mapping Mapping::open_first(const std::vector<std::string>& names, const Places& places) {
    for (const std::string& name : names) {
        try {
            return open(name, places);
        } catch (const Error& error) {
            if (error.kind() != ErrorKind::io || error.error_number() != ENOENT) throw;
        }
    }
    throw Error(ErrorKind::io, {}, fmt::format("none of these models exists: {}", fmt::join(names, ", ")),
                ENOENT);
}

Mapping Mapping::of(Model model, Layout layout) {
    model.require_complete();
    return Mapping(std::move(model), layout);
}

Mapping::Mapping(Model model, Layout layout) : model_(std::move(model)) {
    try {
        map_all(layout);
    } catch (...) {
        unmap();
        throw;
    }
}

void Mapping::map_all(Layout layout) {
    std::uint64_t alignment = detail::huge_page;
    for (const Shard& shard : model_.shards()) alignment = std::max(alignment, page_of(shard.file));
    const auto too_large = [&] {
        return Error(ErrorKind::limit, {model_.name()}, "larger than the address space");
    };
    std::vector<std::uint64_t> starts;
    for (const Shard& shard : model_.shards()) {
        starts.push_back(reserved_);
        const auto rounded =
            checked::align_up(shard.file.size(), layout == Layout::aligned ? alignment : page_of(shard.file));
        const auto end = rounded ? checked::add(reserved_, *rounded) : std::nullopt;
        if (!end) throw too_large();
        reserved_ = *end;
    }
    const auto slack = checked::add(reserved_, alignment);
    if (!slack) throw too_large();

    // One reservation, so that the files lie behind one another and no other mapping gets between them.
    void* space = ::mmap(nullptr, *slack, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (space == MAP_FAILED) throw io_error({model_.name()}, "cannot reserve address space", errno);
    reserved_ = *slack;
    base_ = static_cast<std::byte*>(space);
    const std::uint64_t skip = (alignment - reinterpret_cast<std::uintptr_t>(space) % alignment) % alignment;
    for (std::size_t i = 0; i < starts.size(); ++i) {
        const File& file = model_.shards()[i].file;
        std::byte* address = base_ + skip + starts[i];
        pieces_.push_back({address, file.size()});
        if (file.size() == 0) continue;
        const std::uint64_t length = *checked::align_up(file.size(), page_of(file));
        if (::mmap(address, length, PROT_READ, MAP_SHARED | MAP_FIXED, file.fd(), 0) == MAP_FAILED)
            throw io_error({file.name()}, "cannot map", errno);
    }
}

void Mapping::unmap() {
    if (base_ != nullptr) ::munmap(base_, reserved_);
    base_ = nullptr;
}

Mapping::Mapping(Mapping&& other) noexcept
    : model_(std::move(other.model_)),
      base_(std::exchange(other.base_, nullptr)),
      reserved_(other.reserved_),
      pieces_(std::move(other.pieces_)) {}

Mapping& Mapping::operator=(Mapping&& other) noexcept {
    if (this != &other) {
        unmap();
        model_ = std::move(other.model_);
        base_ = std::exchange(other.base_, nullptr);
        reserved_ = other.reserved_;
        pieces_ = std::move(other.pieces_);
    }
    return *this;
}

Mapping::~Mapping() { unmap(); }

bool Mapping::contiguous() const {
    for (std::size_t i = 0; i + 1 < pieces_.size(); ++i)
        if (pieces_[i].address + pieces_[i].size != pieces_[i + 1].address) return false;
    return true;
}

Bytes Mapping::shard(std::uint32_t index) const {
    return {pieces_.at(index).address, pieces_.at(index).size};
}

Bytes Mapping::bytes(const ShardRange& where) const {
    if (where.shard >= pieces_.size() || !Range{0, pieces_[where.shard].size}.contains(where.range))
        throw Error(ErrorKind::usage, {model_.name()},
                    fmt::format("{} bytes at {} of file {} are beyond its end", where.range.size,
                                where.range.offset, where.shard + 1));
    return shard(where.shard).subspan(where.range.offset, where.range.size);
}

Bytes Mapping::tensor(std::string_view name) const {
    const ModelTensor* found = model_.find_tensor(name);
    if (found == nullptr)
        throw Error(ErrorKind::usage, {model_.name()}, fmt::format("no tensor is named '{}'", name));
    return bytes({found->shard, *found->range});
}

std::vector<MappedTensor> Mapping::tensors(const Selection& selection) const {
    std::vector<MappedTensor> result;
    for (const Selected& one : selection.of(model_)) {
        if (one.tensor != nullptr) result.push_back({one.tensor, bytes(one.where), one.expert});
    }
    return result;
}

void Mapping::verify(const ShardRange& where) const {
    const Bytes wanted = bytes(where);
    if (wanted.empty()) return;
    const File& file = model_.shards()[where.shard].file;
    const auto pages = pages_of(wanted);
    const auto offset = static_cast<std::uint64_t>(pages.data() - pieces_[where.shard].address);
    const int failure = detail::populate(pages.data(), pages.size(), file.fd(), offset);
    const FileIdentity now = identify(file.fd(), file.name());
    if (now.size < where.range.end())
        throw Error(ErrorKind::mismatch, {file.name(), {}, now.size},
                    fmt::format("the file shrank while it was mapped: {} bytes before, {} now", file.size(),
                                now.size));
    if (failure != 0) throw io_error({file.name(), {}, where.range.offset}, "cannot read", failure);
}

void Mapping::stream(std::string_view name, std::uint64_t chunk_bytes,
                     const std::function<void(std::uint64_t, Bytes)>& callback) const {
    if (chunk_bytes == 0)
        throw Error(ErrorKind::usage, {model_.name()}, "cannot stream in pieces of 0 bytes");
    const Bytes all = tensor(name);
    const ModelTensor& found = *model_.find_tensor(name);
    for (std::uint64_t offset = 0; offset < all.size(); offset += chunk_bytes) {
        const std::uint64_t size = std::min(chunk_bytes, all.size() - offset);
        verify({found.shard, {found.range->offset + offset, size}});
        callback(offset, all.subspan(offset, size));
    }
    model_.shards()[found.shard].file.check_unchanged();
}

void Mapping::advise(const ShardRange& where, Advice advice) const {
    const auto pages = pages_of(bytes(where));
    if (pages.empty() || ::madvise(pages.data(), pages.size(), madvise_code(advice)) == 0) return;
    throw io_error({model_.shards()[where.shard].file.name(), {}, where.range.offset}, "cannot advise",
                   errno);
}

void Mapping::lock(const ShardRange& where) const {
    verify(where);  // mlock on a shrunken file says ENOMEM, which would blame the wrong thing
    lock_pages(where, 0);
}

void Mapping::lock_on_fault(const ShardRange& where) const { lock_pages(where, MLOCK_ONFAULT); }

void Mapping::lock_pages(const ShardRange& where, unsigned flags) const {
    if (page_home(model_.shards()[where.shard].file) == PageHome::hugetlbfs) return;
    const auto pages = pages_of(bytes(where));
    if (pages.empty() || ::mlock2(pages.data(), pages.size(), flags) == 0) return;
    const int failure = errno;
    const std::string action =
        failure == ENOMEM || failure == EPERM || failure == EAGAIN
            ? fmt::format("cannot lock {} bytes (RLIMIT_MEMLOCK, see 'ulimit -l')", pages.size())
            : fmt::format("cannot lock {} bytes", pages.size());
    throw io_error({model_.shards()[where.shard].file.name(), {}, where.range.offset}, action, failure);
}

void Mapping::unlock(const ShardRange& where) const {
    const auto pages = pages_of(bytes(where));
    if (!pages.empty()) ::munlock(pages.data(), pages.size());
}

MappingStats Mapping::stats() const {
    MappingStats stats;
    const KernelPageCache cache;
    stats.resident = 0;
    std::uint64_t present = 0;
    std::uint64_t tables = 0;
    bool known = true;
    for (std::size_t i = 0; i < pieces_.size(); ++i) {
        if (pieces_[i].size == 0) continue;
        const std::uint64_t length = *checked::align_up(pieces_[i].size, page_of(model_.shards()[i].file));
        stats.mapped += length;
        ++stats.mappings;
        const CacheCounts counts = count_bytes(cache, model_.shards()[i].file, {0, pieces_[i].size});
        stats.resident = stats.resident && counts.resident ? std::optional(*stats.resident + *counts.resident)
                                                           : std::nullopt;
        const auto pages = detail::present_pages(pieces_[i].address, length);
        known = known && pages.has_value();
        if (pages) present += pages->bytes, tables += pages->table_bytes;
    }
    if (known) {
        stats.present = present;
        stats.page_tables = tables;
    }
    if (const auto smaps = detail::read_kernel_file("/proc/self/smaps")) {
        const auto begin = reinterpret_cast<std::uintptr_t>(base_);
        const auto ours = [&](std::uint64_t address) {
            return address >= begin && address - begin < reserved_;
        };
        const MappingCost cost = detail::sum_smaps(*smaps, ours);
        stats.locked = cost.locked;
        stats.huge = cost.huge;
    }
    return stats;
}

}  // namespace ggufmap
