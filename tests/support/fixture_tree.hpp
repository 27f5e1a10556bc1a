// A directory of small files that stands in for /proc and /sys.
#pragma once

#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>

#include "ggufmap/memory.hpp"

namespace ggufmap::test {

class FixtureTree {
public:
    FixtureTree() : root_("fixture-XXXXXX") {
        if (::mkdtemp(root_.data()) == nullptr) throw std::runtime_error("cannot make a fixture");
    }
    ~FixtureTree() { std::filesystem::remove_all(root_); }
    FixtureTree(const FixtureTree&) = delete;
    FixtureTree& operator=(const FixtureTree&) = delete;

    /// `path` is relative to the root: "proc/meminfo".
    FixtureTree& write(const std::string& path, const std::string& content) {
        const std::filesystem::path whole = root_ + "/" + path;
        std::filesystem::create_directories(whole.parent_path());
        std::ofstream(whole) << content;
        return *this;
    }
    KernelRoots roots() const { return {root_ + "/proc", root_ + "/sys"}; }

private:
    std::string root_;
};

}  // namespace ggufmap::test
