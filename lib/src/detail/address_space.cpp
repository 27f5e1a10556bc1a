#include "detail/address_space.hpp"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>

#include <array>
#include <cerrno>
#include <utility>

#include "detail/kernel_files.hpp"
#include "detail/maps.hpp"
#include "detail/process_folder.hpp"

namespace ggufmap::detail {
namespace {

// Source: include/uapi/linux/fs.h of Linux 6.11; Debian 12's headers are older.
struct Query {
    std::uint64_t size;
    std::uint64_t query_flags;
    std::uint64_t query_address;
    std::uint64_t begin;
    std::uint64_t end;
    std::uint64_t flags;
    std::uint64_t page_size;
    std::uint64_t offset;
    std::uint64_t inode;
    std::uint32_t device_major;
    std::uint32_t device_minor;
    std::uint32_t name_size;
    std::uint32_t build_id_size;
    std::uint64_t name;
    std::uint64_t build_id;
};
constexpr unsigned long query_request = _IOWR('f', 17, Query);
constexpr std::uint64_t is_writable = 0x02;
constexpr std::uint64_t is_shared = 0x08;
constexpr std::uint64_t covering_or_next = 0x10;
constexpr std::uint64_t file_backed = 0x20;

Query asking(std::uint64_t address) {
    Query query{};
    query.size = sizeof query;
    query.query_flags = covering_or_next | file_backed;
    query.query_address = address;
    return query;
}

}  // namespace

AddressSpace::AddressSpace(std::string folder, Way way) : folder_(std::move(folder)), way_(way) { open(); }

void AddressSpace::open() {
    fd_ = Fd(::open((folder_ + "/maps").c_str(), O_RDONLY | O_CLOEXEC));
    if (fd_ && way_ == Way::text) read_text();
}

void AddressSpace::read_text() {
    way_ = Way::text;
    text_ = read_kernel_file(folder_ + "/maps").value_or("");
    rest_ = text_;
}

AddressSpace::Answer AddressSpace::query(FileStretch& stretch) const {
    Query query = asking(address_);
    if (::ioctl(fd_.get(), query_request, &query) != 0)
        return address_ != 0 || errno == ENOENT || errno == ESRCH ? Answer::end : Answer::unsupported;
    stretch.begin = query.begin;
    stretch.end = query.end;
    stretch.offset = query.offset;
    stretch.device = makedev(query.device_major, query.device_minor);
    stretch.inode = query.inode;
    stretch.shared = (query.flags & is_shared) != 0;
    stretch.writable = (query.flags & is_writable) != 0;
    return Answer::stretch;
}

std::optional<FileStretch> AddressSpace::next_line_of_text() {
    while (!rest_.empty()) {
        const auto line = parse_maps_line(next_line(rest_));
        if (!line || line->identity.inode == 0) continue;
        path_ = line->path;
        return FileStretch{line->begin,
                           line->end,
                           line->offset,
                           line->identity.device,
                           line->identity.inode,
                           line->permissions[3] == 's',
                           line->permissions[1] == 'w'};
    }
    return std::nullopt;
}

std::optional<FileStretch> AddressSpace::next() {
    auto stretch = next_of_folder();
    if (!stretch && empty_) {
        if (auto thread = living_thread(folder_)) {
            folder_ = std::move(*thread);
            open();
            stretch = next_of_folder();
        }
    }
    empty_ = false;
    return stretch;
}

std::optional<FileStretch> AddressSpace::next_of_folder() {
    if (way_ == Way::text) return next_line_of_text();
    FileStretch stretch;
    switch (query(stretch)) {
        case Answer::stretch:
            address_ = stretch.end;
            last_ = stretch.begin;
            return stretch;
        case Answer::unsupported:
            read_text();
            return next_line_of_text();
        case Answer::end:
            break;
    }
    return std::nullopt;
}

std::string AddressSpace::path() const {
    if (way_ == Way::text) return std::string(path_);
    std::array<char, 4096 + 16> name{};  // PATH_MAX, " (deleted)"
    Query query = asking(last_);
    query.name_size = name.size();
    query.name = reinterpret_cast<std::uintptr_t>(name.data());
    if (::ioctl(fd_.get(), query_request, &query) != 0 || query.begin != last_ || query.name_size == 0)
        return "";
    return std::string(name.data(), query.name_size - 1);  // counts its NUL
}

}  // namespace ggufmap::detail
