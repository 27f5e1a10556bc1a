// Processes that are what a test says.
#pragma once

#include <map>
#include <vector>

#include "ggufmap/process.hpp"

namespace ggufmap::test {

class FakeProcessTable final : public ProcessTable {
public:
    MapperScan scan;
    OpenerScan opened;
    ModelScan others;
    std::map<int, PageMap> pages;  ///< by PID

    MapperScan mappers(std::span<const MapsIdentity>, Detail) const override { return scan; }
    ModelScan mapped_models(std::span<const MapsIdentity>) const override { return others; }
    OpenerScan openers(std::span<const FileIdentity>) const override { return opened; }
    std::optional<PageMap> present_pages(int pid, const MappedArea&) const override {
        const auto found = pages.find(pid);
        if (found == pages.end()) return std::nullopt;
        return found->second;
    }
};

}  // namespace ggufmap::test
