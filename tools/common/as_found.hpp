// Looking must not change what is seen: the header pages of a cold model that parsing brings in are let go
// again.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "ggufmap/model.hpp"
#include "ggufmap/pagecache.hpp"

namespace ggufmap::cli {

class AsFound {
public:
    /// Remembers which of the first pages of each file of a model are resident. Files that cannot be opened
    /// or asked about are left to Model::open.
    AsFound(const PageCache& cache, const std::string& name, const Places& places);

    /// The same of files that are open already.
    AsFound(const PageCache& cache, std::span<const File> files);

    /// Lets go of pages that hold the header of `model`, or follow it closely, and were not there before.
    void restore(const Model& model) const;

private:
    void remember(const PageCache& cache, const File& file);

    struct Start {
        FileIdentity file;
        std::vector<Range> absent;
    };
    std::vector<Start> starts_;
};

}  // namespace ggufmap::cli
