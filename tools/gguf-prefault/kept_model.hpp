// One model that the keeper looks after: its files, and what is done with them.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "gguf-prefault/config.hpp"
#include "ggufmap/mapping.hpp"
#include "ggufmap/pagecache.hpp"
#include "ggufmap/prefault.hpp"
#include "ggufmap/process.hpp"

namespace ggufmap::prefault_tool {

class KeptModel {
public:
    KeptModel(ModelConfig config, Places places, const PageCache& cache, const ProcessTable& processes);

    const ModelConfig& config() const { return config_; }
    /// Opens the model if it has appeared or has been replaced: true then, and when it has gone. Throws Error
    /// where it is there but cannot be opened.
    bool refresh();
    bool there() const { return mapping_.has_value(); }
    const Model& model() const { return mapping_->model(); }

    /// Bytes that are to be resident.
    std::uint64_t wanted_bytes() const { return wanted_bytes_; }
    CacheCounts resident() const;
    /// Nothing where the kernel does not tell.
    std::optional<std::uint64_t> locked_bytes() const { return mapping_->stats().locked; }

    /// Brings it in and keeps it mapped, or locked. Returns bytes read. Throws Error; (io) with the fix where
    /// it may not be locked: then it is mapped all the same. `opening`: as in PrefaultOptions.
    using Opening = std::function<void(const std::function<void()>&)>;
    std::uint64_t load(Progress& progress, const Opening& opening);
    /// Returns the bytes that stayed.
    std::uint64_t let_go();

private:
    void select();

    ModelConfig config_;
    Places places_;
    const PageCache& cache_;
    const ProcessTable& processes_;
    std::optional<Mapping> mapping_;
    std::vector<ShardRange> wanted_;
    std::uint64_t wanted_bytes_ = 0;
};

}  // namespace ggufmap::prefault_tool
