#include "detail/foreign.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <string_view>

namespace ggufmap::detail {
namespace {

struct Magic {
    std::string_view bytes;
    std::string_view phrase;
};

constexpr std::array magics = {
    Magic{"version https://git-lfs.github.com/",
          "a Git LFS pointer, not the model itself: run 'git lfs pull'"},
    Magic{"lmgg", "an old GGML file (before 2023): convert the original model again"},
    Magic{"fmgg", "an old GGMF file (before 2023): convert the original model again"},
    Magic{"tjgg", "an old GGJT file (before August 2023): convert the original model again"},
    Magic{"algg", "an old GGLA adapter file: convert the original adapter again"},
    Magic{std::string_view("PK\3\4", 4), "a zip archive (a PyTorch checkpoint, perhaps), not a GGUF file"},
    Magic{"\x1f\x8b", "gzip-compressed: unpack it first"},
    Magic{"\x28\xb5\x2f\xfd", "zstd-compressed: unpack it first"},
    Magic{std::string_view("\xfd"
                           "7zXZ\0",
                           6),
          "xz-compressed: unpack it first"},
    Magic{"\x80\x02", "a Python pickle (a PyTorch checkpoint, perhaps), not a GGUF file"},
    Magic{"\x89HDF\r\n", "an HDF5 file, not a GGUF file"},
    Magic{"\x7f"
          "ELF",
          "a program (ELF), not a GGUF file"},
    Magic{"FUGG", "a byte-swapped GGUF file: not supported"},
};

bool starts_with_html(std::string_view text) {
    const auto first =
        std::find_if_not(text.begin(), text.end(), [](unsigned char c) { return std::isspace(c); });
    std::string head(first, std::min(first + 15, text.end()));
    std::transform(head.begin(), head.end(), head.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return head.starts_with("<!doctype html") || head.starts_with("<html") || head.starts_with("<head");
}

// safetensors: u64 length of a JSON object, then the object.
bool is_safetensors(Bytes start) {
    if (start.size() < 10) return false;
    const auto header = load_le<std::uint64_t>(start.data());
    return header > 1 && header < (1ULL << 32) && start[8] == std::byte{'{'} &&
           (start[9] == std::byte{'"'} || start[9] == std::byte{'}'});
}

}  // namespace

std::string describe_foreign(Bytes start) {
    const std::string_view text = as_text(start);
    if (text.empty()) return "the file is empty";
    for (const Magic& magic : magics)
        if (text.starts_with(magic.bytes)) return std::string(magic.phrase);
    if (starts_with_html(text))
        return "a web page (HTML): the download got an error or login page, not the model";
    if (is_safetensors(start)) return "a safetensors file, not a GGUF file";
    if (std::all_of(start.begin(), start.end(), [](std::byte b) { return b == std::byte{0}; }))
        return "starts with zeros: an unfinished or preallocated download, not a GGUF file";
    if (text.starts_with("{") || text.starts_with("["))
        return "JSON text (an error answer, perhaps), not a GGUF file";
    std::string first;
    for (const std::byte b : start.first(std::min<std::size_t>(start.size(), 4)))
        first += fmt::format("{}{:02x}", first.empty() ? "" : " ", static_cast<unsigned>(b));
    return fmt::format("not a GGUF file: starts with bytes {}, wanted 47 47 55 46", first);
}

}  // namespace ggufmap::detail
