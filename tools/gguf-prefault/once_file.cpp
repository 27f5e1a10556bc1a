#include "gguf-prefault/once_file.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>

#include "ggufmap/error.hpp"
#include "ggufmap/output.hpp"

namespace ggufmap::prefault_tool {
namespace {

// Times are of the steady clock, which begins anew with the machine, as its page cache does.
std::string heading() {
    std::ifstream file("/proc/sys/kernel/random/boot_id");
    std::string boot;
    file >> boot;
    return "# gguf-prefault --once 1 " + boot;
}

}  // namespace

std::optional<std::string> once_file(const cli::Io& io) {
    const std::string name = "/gguf-prefault.once";
    if (const auto folder = io.env("XDG_STATE_HOME")) return *folder + name;
    if (const auto home = io.env("HOME")) return *home + "/.local/state" + name;
    return std::nullopt;
}

// A line "LOADED NANOSECONDS PATH" for each model.
ModelSet::Known read_known(const std::string& file) {
    ModelSet::Known known;
    std::ifstream text(file);
    std::string line;
    if (!std::getline(text, line) || line != heading()) return known;
    while (std::getline(text, line)) {
        std::istringstream words(line);
        Keeper::State state;
        Keeper::Time::rep last_use = 0;
        std::string path;
        if (!(words >> state.loaded >> last_use) || !std::getline(words >> std::ws, path)) continue;
        state.last_use = Keeper::Time(Keeper::Time::duration(last_use));
        known.emplace(path, state);
    }
    return known;
}

void write_known(const std::string& file, const ModelSet::Known& known) {
    const std::filesystem::path folder = std::filesystem::path(file).parent_path();
    std::error_code error;
    std::filesystem::create_directories(folder, error);
    if (error) throw io_error({folder.string()}, "cannot make the folder", error.value());
    std::string text = heading() + "\n";
    for (const auto& [path, state] : known) {
        if (path.find('\n') != std::string::npos) continue;  // cannot be kept
        fmt::format_to(std::back_inserter(text), "{} {} {}\n", state.loaded ? 1 : 0,
                       state.last_use.time_since_epoch().count(), path);
    }
    OutputFile out = OutputFile::create(file, {.replace = true});
    out.write(0, as_bytes(text));
    out.commit();
}

}  // namespace ggufmap::prefault_tool
