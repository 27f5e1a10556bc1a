#include "ggufmap/memory.hpp"

#include <algorithm>
#include <cerrno>
#include <charconv>

#include "detail/kernel_files.hpp"
#include "ggufmap/error.hpp"

namespace ggufmap {
namespace {

using detail::number_after;
using detail::read_kernel_file;
using detail::read_kernel_number;

double percent(std::string_view line, std::string_view key) {
    const auto at = line.find(key);
    double value = 0;
    if (at != std::string_view::npos)
        std::from_chars(line.data() + at + key.size(), line.data() + line.size(), value);
    return value;
}

std::uint64_t total_us(std::string_view line) {
    constexpr std::string_view key = "total=";
    const auto at = line.find(key);
    return at == std::string_view::npos ? 0 : detail::decimal(line.substr(at + key.size())).value_or(0);
}

}  // namespace

HostMemory read_host_memory(const KernelRoots& roots) {
    const std::string path = roots.proc + "/meminfo";
    const auto text = read_kernel_file(path);
    if (!text) throw io_error({path}, "cannot read", errno);
    const auto bytes = [&](std::string_view key) { return number_after(*text, key) * 1024; };
    return {.total = bytes("MemTotal:"),
            .available = bytes("MemAvailable:"),
            .free = bytes("MemFree:"),
            .cached = bytes("Cached:"),
            .shmem = bytes("Shmem:"),
            .file_huge = bytes("FileHugePages:"),
            .mlocked = bytes("Mlocked:"),
            .swap_total = bytes("SwapTotal:"),
            .swap_free = bytes("SwapFree:")};
}

std::optional<double> Zram::ratio() const {
    if (stored == 0 || memory_used == 0) return std::nullopt;
    return static_cast<double>(stored) / static_cast<double>(memory_used);
}

std::vector<Zram> read_zram(const KernelRoots& roots) {
    std::vector<Zram> devices;
    const std::string block = roots.sys + "/block";
    const std::string swaps = read_kernel_file(roots.proc + "/swaps").value_or("");
    std::string_view rest = swaps;
    while (!rest.empty()) {
        std::string_view swap = detail::next_line(rest);
        const std::string_view path = detail::next_word(swap);  // "/dev/zram0", on Android "/dev/block/zram0"
        Zram device{.device = std::string(path.substr(path.rfind('/') + 1))};
        if (!device.device.starts_with("zram")) continue;
        const std::string folder = block + "/" + device.device;
        device.disk_size = read_kernel_number(folder + "/disksize").value_or(0);
        const auto text = read_kernel_file(folder + "/mm_stat");
        if (device.disk_size == 0 || !text) continue;
        // Columns: original, compressed, memory used with overhead (admin-guide/blockdev/zram.rst).
        std::string_view line = *text;
        for (std::uint64_t* field : {&device.stored, &device.compressed, &device.memory_used})
            *field = detail::decimal(detail::next_word(line)).value_or(0);
        devices.push_back(device);
    }
    std::sort(devices.begin(), devices.end(),
              [](const Zram& a, const Zram& b) { return a.device < b.device; });
    return devices;
}

std::optional<Pressure> read_pressure(std::string_view resource, const KernelRoots& roots) {
    const auto text = read_kernel_file(roots.proc + "/pressure/" + std::string(resource));
    if (!text) return std::nullopt;
    Pressure pressure;
    std::string_view rest = *text;
    while (!rest.empty()) {
        const std::string_view line = detail::next_line(rest);
        const bool full = line.starts_with("full");
        (full ? pressure.full_avg10 : pressure.some_avg10) = percent(line, "avg10=");
        (full ? pressure.full_avg60 : pressure.some_avg60) = percent(line, "avg60=");
        (full ? pressure.full_total_us : pressure.some_total_us) = total_us(line);
    }
    return pressure;
}

AvailableMemory available_memory(const KernelRoots& roots) {
    AvailableMemory memory;
    memory.host = read_host_memory(roots);
    memory.cgroups = enclosing_cgroups(roots);
    memory.bytes = memory.host.available;
    for (std::size_t i = 0; i < memory.cgroups.size(); ++i) {
        const auto left = memory.cgroups[i].available();
        if (!left || *left >= memory.bytes) continue;
        memory.bytes = *left;
        memory.tightest_cgroup = i;
    }
    return memory;
}

std::uint64_t AvailableMemory::swap_allowed() const {
    std::uint64_t allowed = UINT64_MAX;
    for (const CgroupMemory& group : cgroups) {
        const std::uint64_t limit = group.swap_limit.value_or(UINT64_MAX);
        if (group.swap_limit) allowed = std::min(allowed, limit - std::min(limit, group.swap_usage));
    }
    return allowed;
}

std::uint64_t page_table_bytes(std::uint64_t mapped) {
    constexpr std::uint64_t page = 4096;
    constexpr std::uint64_t entry = 8;
    return (mapped / page + (mapped % page != 0 ? 1 : 0)) * entry;
}

}  // namespace ggufmap
