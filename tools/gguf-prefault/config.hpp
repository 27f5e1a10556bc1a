// models.toml: which models the keeper looks after, and how.
//
//     [host]
//     budget = "6G"                     # of all loaded models together; "50%", "auto"
//
//     [models.small]
//     path = "small.gguf"               # relative to this file
//     warm = "start"                    # "on-open" (default), "never"
//     select = ["part=attn,norm"]       # several add up; default: everything
//     use_mlock = true
//     unload_after_idle_seconds = 600
//     budget = "2G"                     # only the parts worth most
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ggufmap/keeper.hpp"
#include "ggufmap/model.hpp"
#include "ggufmap/select.hpp"

namespace ggufmap::prefault_tool {

struct ModelConfig {
    std::string name;
    std::string path;
    Keeper::Rule rule;
    std::vector<Selection> selections;  ///< none: everything
    std::optional<std::string> budget;  ///< as --budget takes it
};

struct KeeperConfig {
    std::optional<std::string> host_budget;  ///< as --budget takes it
    std::vector<ModelConfig> models;
};

/// Throws Error (usage) naming file, line and key.
KeeperConfig parse_config(std::string_view text, const std::string& file);
/// Throws Error (io), too.
KeeperConfig read_config(const std::string& file);

}  // namespace ggufmap::prefault_tool
