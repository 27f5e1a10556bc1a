#include "ggufmap/shared_memory.hpp"

#include <fmt/format.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "ggufmap/error.hpp"

namespace ggufmap {
namespace {

namespace fs = std::filesystem;

// /proc/PID/maps: "7f..-7f.. r--s 00000000 fd:01 1234   /path"
bool maps(const fs::path& process, const FileIdentity& file) {
    std::ifstream in(process / "maps");
    const std::string wanted =
        fmt::format("{:02x}:{:02x} {}", gnu_dev_major(file.device), gnu_dev_minor(file.device), file.inode);
    for (std::string line; std::getline(in, line);) {
        std::istringstream fields(line);
        std::string range, mode, offset, device, inode;
        fields >> range >> mode >> offset >> device >> inode;
        if (device + " " + inode == wanted) return true;
    }
    return false;
}

std::string first_line(const fs::path& path) {
    std::ifstream in(path);
    std::string line;
    std::getline(in, line);
    return line;
}

}  // namespace

std::vector<SharedModel> shared_models(const Places& places) {
    std::vector<SharedModel> models;
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(places.shared_memory, error)) {
        if (!entry.is_regular_file(error) || !(first_line(entry.path()).starts_with("GGUF"))) continue;
        models.push_back({entry.path().filename().string(), entry.file_size(error)});
    }
    if (error) throw io_error({places.shared_memory}, "cannot list", error.value());
    std::sort(models.begin(), models.end(),
              [](const SharedModel& a, const SharedModel& b) { return a.name < b.name; });
    return models;
}

std::optional<std::uint64_t> available_memory() {
    std::ifstream in("/proc/meminfo");
    std::string key;
    std::uint64_t kibibytes = 0;
    while (in >> key >> kibibytes) {
        if (key == "MemAvailable:") return kibibytes * 1024;
        in.ignore(64, '\n');  // " kB"
    }
    return std::nullopt;
}

void require_memory(std::uint64_t bytes, const std::string& name) {
    const auto available = available_memory();
    if (available && bytes > *available)
        throw Error(
            ErrorKind::io, {name},
            fmt::format("not enough memory: {} bytes are needed, {} are available", bytes, *available),
            ENOMEM);
}

std::vector<MappingProcess> processes_mapping(const std::string& path) {
    const FileIdentity file = File::open(path).identity();
    std::vector<MappingProcess> processes;
    std::error_code ignored;
    for (const auto& entry : fs::directory_iterator("/proc", ignored)) {
        const std::string name = entry.path().filename().string();
        std::uint64_t pid = 0;
        const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), pid);
        if (error != std::errc() || end != name.data() + name.size()) continue;
        if (maps(entry.path(), file)) processes.push_back({pid, first_line(entry.path() / "comm")});
    }
    return processes;
}

}  // namespace ggufmap
