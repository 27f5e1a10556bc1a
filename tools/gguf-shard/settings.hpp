// What the options of gguf-shard ask for.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "common/args.hpp"
#include "ggufmap/shard.hpp"

namespace ggufmap::shard {

/// "K", "K-M" (shards by number) or "K/N" (the K-th of N equal shares).
class Only {
public:
    /// Throws Error (usage).
    explicit Only(const std::string& text);
    /// Whether shard `index`, from 0, of `count` is meant.
    bool includes(std::size_t index, std::size_t count) const;
    /// Throws Error (usage) where the plan has no such shard.
    void check(std::size_t count) const;

private:
    std::uint64_t first_ = 0;
    std::uint64_t last_ = 0;
    std::uint64_t shares_ = 0;  ///< 0: by number
};

struct Settings {
    std::string model;
    std::string prefix;
    bool tar = false;  ///< to stdout, not into files
    bool raw = false;
    std::uint64_t raw_size = 0;
    ShardOptions cut;
    std::optional<Only> only;
    Reflink reflink = Reflink::automatic;
    std::optional<bool> checksums;
    OutputFile::Options output;
    bool consume = false;
    bool resume = false;
    unsigned jobs = 1;
    bool dry_run = false;
    bool quiet = false;

    /// Throws Error (usage).
    static Settings from(const cli::Args& args);
};

}  // namespace ggufmap::shard
