#include "common/tar.hpp"

#include <archive.h>
#include <archive_entry.h>
#include <fmt/format.h>

#include <cerrno>
#include <string_view>

#include "common/numbers.hpp"
#include "common/utf8_locale.hpp"
#include "ggufmap/error.hpp"

namespace ggufmap::cli {
namespace {

// "DATA_OFFSET SIZE" in decimal.
constexpr const char* layout_attribute = "user.ggufmap.layout";
constexpr std::size_t block_size = 256 << 10;  // of our writes to the pipe

// What libarchive says of an archive, as opposed to the errno of a call: its own -1 or, as the C library has
// it, what it calls ARCHIVE_ERRNO_FILE_FORMAT or _PROGRAMMER_ERROR.
bool is_of_archive(int number) {
#ifdef EFTYPE
    if (number == EFTYPE) return true;
#endif
    return number <= 0 || number == EILSEQ || number == EINVAL;
}

// The archive is at fault, or what it is read from.
Error unreadable(archive* from, const std::string& name) {
    const int number = archive_errno(from);
    if (!is_of_archive(number)) return io_error({name}, "cannot read", number);
    const char* reason = archive_error_string(from);
    return Error(ErrorKind::malformed, {name}, reason != nullptr ? reason : "not a tar archive");
}

std::optional<StreamLayout> parse_layout(std::string_view text) {
    const auto blank = text.find(' ');
    if (blank == std::string_view::npos) return std::nullopt;
    const auto offset = parse_number(text.substr(0, blank));
    const auto size = parse_number(text.substr(blank + 1));
    if (!offset || !size || *offset > *size) return std::nullopt;
    return StreamLayout{*offset, *size};
}

std::optional<StreamLayout> layout_of(archive_entry* entry) {
    archive_entry_xattr_reset(entry);
    const char* name = nullptr;
    const void* value = nullptr;
    std::size_t size = 0;
    while (archive_entry_xattr_next(entry, &name, &value, &size) == ARCHIVE_OK)
        if (std::string_view(name) == layout_attribute)
            return parse_layout({static_cast<const char*>(value), size});
    return std::nullopt;
}

}  // namespace

struct TarWriter::Archive {
    Utf8Locale utf8;  // which pax has names in
    archive* handle = archive_write_new();
    std::string name;
    explicit Archive(std::string shown) : name(std::move(shown)) {}
    ~Archive() { archive_write_free(handle); }
    void check(la_ssize_t status) const {
        if (status < 0) throw io_error({name}, "cannot write", archive_errno(handle));
    }
};

TarWriter::TarWriter(int fd, std::string name, StreamLayout layout)
    : archive_(std::make_unique<Archive>(std::move(name))), layout_(layout) {
    archive_->check(archive_write_set_format_pax(archive_->handle));
    // GNU tar knows this spelling of extended attributes and warns of libarchive's own.
    archive_->check(archive_write_set_format_option(archive_->handle, "pax", "xattrheader", "SCHILY"));
    archive_->check(archive_write_set_bytes_per_block(archive_->handle, block_size));
    archive_->check(archive_write_set_bytes_in_last_block(archive_->handle, 1));
    archive_->check(archive_write_open_fd(archive_->handle, fd));
}

// An archive that was not closed must not get an end that makes it look whole.
TarWriter::~TarWriter() { archive_write_fail(archive_->handle); }

void TarWriter::begin(const std::string& name, std::uint64_t size) {
    const std::unique_ptr<archive_entry, void (*)(archive_entry*)> entry(archive_entry_new(),
                                                                         archive_entry_free);
    archive_entry_set_pathname(entry.get(), name.c_str());
    archive_entry_set_size(entry.get(), static_cast<la_int64_t>(size));
    archive_entry_set_filetype(entry.get(), AE_IFREG);
    archive_entry_set_perm(entry.get(), 0644);
    if (layout_) {
        const std::string value = fmt::format("{} {}", layout_->data_offset, layout_->size);
        archive_entry_xattr_add_entry(entry.get(), layout_attribute, value.data(), value.size());
        layout_.reset();
    }
    // A name that is no UTF-8 goes as it is, with a warning.
    const int status = archive_write_header(archive_->handle, entry.get());
    if (status != ARCHIVE_WARN) archive_->check(status);
}

void TarWriter::write(std::uint64_t, Bytes bytes) {
    while (!bytes.empty()) {
        const la_ssize_t done = archive_write_data(archive_->handle, bytes.data(), bytes.size());
        archive_->check(done);
        bytes = bytes.subspan(static_cast<std::size_t>(done));
    }
}

void TarWriter::end() { archive_->check(archive_write_finish_entry(archive_->handle)); }

void TarWriter::close() { archive_->check(archive_write_close(archive_->handle)); }

struct TarReader::Archive {
    Utf8Locale utf8;
    archive* handle = archive_read_new();
    std::string name;
    explicit Archive(std::string shown) : name(std::move(shown)) {}
    ~Archive() { archive_read_free(handle); }
};

TarReader::TarReader(int fd, std::string name) : archive_(std::make_unique<Archive>(std::move(name))) {
    archive_read_support_format_tar(archive_->handle);
    if (archive_read_open_fd(archive_->handle, fd, block_size) != ARCHIVE_OK)
        throw unreadable(archive_->handle, archive_->name);
}

TarReader::~TarReader() = default;

std::optional<TarReader::Entry> TarReader::next() {
    for (;;) {
        archive_entry* entry = nullptr;
        const int status = archive_read_next_header(archive_->handle, &entry);
        if (status == ARCHIVE_EOF) return std::nullopt;
        if (status != ARCHIVE_OK && status != ARCHIVE_WARN)
            throw unreadable(archive_->handle, archive_->name);
        if (archive_entry_filetype(entry) != AE_IFREG) continue;
        const char* path = archive_entry_pathname(entry);
        std::string name = path != nullptr ? path : "";
        name.erase(0, name.rfind('/') + 1);
        return Entry{std::move(name), static_cast<std::uint64_t>(archive_entry_size(entry)),
                     layout_of(entry)};
    }
}

std::size_t TarReader::read(std::span<std::byte> out) {
    const la_ssize_t got = archive_read_data(archive_->handle, out.data(), out.size());
    if (got < 0) throw unreadable(archive_->handle, archive_->name);
    return static_cast<std::size_t>(got);
}

const std::string& TarReader::name() const { return archive_->name; }

}  // namespace ggufmap::cli
