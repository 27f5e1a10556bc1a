#include "gguf-residency/short_names.hpp"

#include <algorithm>
#include <set>

namespace ggufmap::residency {
namespace {

// Up to and with the last '/' that all of them have in the same place behind the same text.
std::size_t common_directories(const std::vector<std::string>& names) {
    std::size_t common = names.front().rfind('/') + 1;  // npos + 1 is 0
    for (const std::string& name : names) {
        const auto end = std::mismatch(name.begin(), name.end(), names.front().begin(), names.front().end());
        common = std::min(common, static_cast<std::size_t>(end.first - name.begin()));
    }
    return common == 0 ? 0 : names.front().rfind('/', common - 1) + 1;
}

}  // namespace

std::vector<std::string> short_names(const std::vector<std::string>& names) {
    std::vector<std::string> files;
    for (const std::string& name : names) files.push_back(name.substr(name.rfind('/') + 1));
    if (std::set<std::string>(files.begin(), files.end()).size() == names.size()) return files;
    const std::size_t common = names.empty() ? 0 : common_directories(names);
    std::vector<std::string> shorter;
    for (const std::string& name : names) shorter.push_back(name.substr(common));
    return shorter;
}

}  // namespace ggufmap::residency
