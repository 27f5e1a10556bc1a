// Zero-copy access to a model: its tensors as spans over the file's own pages.
//
// Lifetime: every span is good while its Mapping lives (moves included). Thread-safety: all const members,
// from any number of threads. Faults: a mapped page that the file no longer has (truncated) or the device
// cannot deliver (EIO) raises SIGBUS in whoever touches it; no library can turn that into an exception
// without owning the process's signal handlers, and this one does not. stream(), verify() and populate() ask
// the kernel first and throw instead; between their answer and the read a file can still be cut, so do not
// map what others truncate in place. Replacing a file by rename is harmless: the mapping keeps the old one.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ggufmap/bytes.hpp"
#include "ggufmap/export.hpp"
#include "ggufmap/model.hpp"
#include "ggufmap/select.hpp"

namespace ggufmap {

enum class Advice {
    normal,
    random,      ///< no readahead
    sequential,  ///< aggressive readahead
    cold,        ///< first to go when memory is short (MADV_COLD)
    page_out,    ///< let go of it now (MADV_PAGEOUT)
    forget,      ///< take it out of our page tables; the pages stay in memory (MADV_DONTNEED)
    huge_pages   ///< use transparent huge pages where the file system can (MADV_HUGEPAGE)
};

struct MappedTensor {
    const ModelTensor* tensor;
    Bytes bytes;
    std::optional<std::uint64_t> expert;  ///< where the selection named experts: whose slice this is
};

/// All in bytes; nothing where the kernel does not tell.
struct MappingStats {
    std::uint64_t mapped = 0;               ///< address space, whole pages
    std::optional<std::uint64_t> resident;  ///< of the files, in the page cache, whoever brought it there
    std::optional<std::uint64_t> present;   ///< in this process's page tables: what it would not fault on
    std::optional<std::uint64_t> locked;    ///< by mlock, or in hugetlbfs, whose pages cannot leave
    std::optional<std::uint64_t> huge;      ///< mapped by huge pages of 2 MiB or more
    /// Of the lowest level: 4 KiB for each 2 MiB that has a page present.
    std::optional<std::uint64_t> page_tables;
    std::size_t mappings = 0;  ///< one a file that is not empty
};

class GGUFMAP_API Mapping {
public:
    enum class Layout {
        contiguous,  ///< each file begins where the pages of the one before end
        aligned      ///< on a huge page of 2 MiB: all can be mapped, and locked, by large folios
    };
    /// Maps every file of a model read-only, behind one another in one reserved address range. Throws what
    /// Model::open throws, Error (malformed) if a tensor lies beyond its file, Error (io) if the kernel
    /// refuses to map.
    static Mapping open(const std::string& name, const Places& places = {},
                        Layout layout = Layout::contiguous);
    /// The first of `names` that exists; Error (io) if none does. What exists and is broken is an Error, not
    /// skipped.
    static Mapping open_first(const std::vector<std::string>& names, const Places& places = {});
    static Mapping of(Model model, Layout layout = Layout::contiguous);

    Mapping(Mapping&& other) noexcept;
    Mapping& operator=(Mapping&& other) noexcept;
    ~Mapping();

    const Model& model() const { return model_; }
    /// True when the files lie behind one another without a hole: each but the last is whole pages.
    bool contiguous() const;
    /// One file's bytes.
    Bytes shard(std::uint32_t index) const;
    /// Part of one file; throws Error (usage) if it reaches beyond it.
    Bytes bytes(const ShardRange& where) const;
    /// A tensor's bytes; throws Error (usage) if there is none of that name.
    Bytes tensor(std::string_view name) const;
    /// What is selected, without the header.
    std::vector<MappedTensor> tensors(const Selection& selection) const;

    /// Hands a tensor to `callback` piece by piece: `chunk_bytes` each (the last one less), after the kernel
    /// has said that the piece is readable. `offset` is from the start of the tensor. Throws Error (usage)
    /// for an unknown name or chunk_bytes 0; Error (mismatch) when the file was cut or written to; Error (io)
    /// when it cannot be read.
    void stream(std::string_view name, std::uint64_t chunk_bytes,
                const std::function<void(std::uint64_t offset, Bytes piece)>& callback) const;
    /// Brings a range into memory and into the page tables, or throws as stream() does.
    void verify(const ShardRange& where) const;

    /// Throws Error (io) if the kernel refuses.
    void advise(const ShardRange& where, Advice advice) const;
    /// Keeps a range in memory until unlock() or the end. Whole pages: neighbours may be locked with it.
    /// Those of hugetlbfs cannot leave anyway, and take nothing of RLIMIT_MEMLOCK. Throws Error (io) naming
    /// RLIMIT_MEMLOCK where that is what forbids it; what was locked before stays.
    void lock(const ShardRange& where) const;
    /// The same, but each page is locked when it is first touched; nothing is read now.
    void lock_on_fault(const ShardRange& where) const;
    void unlock(const ShardRange& where) const;
    MappingStats stats() const;

private:
    Mapping(Model model, Layout layout);
    void map_all(Layout layout);
    void unmap();
    void lock_pages(const ShardRange& where, unsigned flags) const;

    struct Piece {
        std::byte* address;  ///< of the file's first byte
        std::uint64_t size;  ///< of the file
    };
    Model model_;
    std::byte* base_ = nullptr;
    std::uint64_t reserved_ = 0;
    std::vector<Piece> pieces_;
};

}  // namespace ggufmap
