// A model as people name it: one file, any one shard of a set (its siblings are found), "shm:NAME",
// "ollama:NAME[:TAG]". All its tensors in one list, whatever the number of files.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ggufmap/export.hpp"
#include "ggufmap/file.hpp"
#include "ggufmap/gguf.hpp"

namespace ggufmap {

/// The parts of PREFIX-00001-of-00005.gguf.
struct ShardName {
    std::string prefix;        ///< with the directory
    std::uint32_t number = 0;  ///< from 1
    std::uint32_t count = 0;
};

/// Nothing where `path` is not named like a shard. Numbers have five digits or more, as llama.cpp writes
/// them.
GGUFMAP_API std::optional<ShardName> parse_shard_name(std::string_view path);
/// What browsers and upload scripts cut a file into when it was too large for them, to be joined with cat:
/// "model.gguf.part1of2", "model.gguf-split-a". No GGUF shard: only the first part starts with a header.
GGUFMAP_API bool is_raw_part_name(std::string_view path);
GGUFMAP_API std::string shard_path(std::string_view prefix, std::uint32_t number, std::uint32_t count);

/// Where models are looked up that are not paths. The library reads no environment: tools fill this in.
struct Places {
    std::string shared_memory = "/dev/shm";
    std::string ollama_models = {};  ///< $OLLAMA_MODELS, or ~/.ollama/models
};

/// The path behind a name: "shm:NAME" and "ollama:NAME[:TAG]" are resolved, anything else is a path already.
/// Throws Error (usage) for a name that cannot be one and for "-", a pipe to most people, Error (io) where
/// nothing of that name exists.
GGUFMAP_API std::string resolve_model(const std::string& name, const Places& places = {});

/// One file of a model.
struct Shard {
    File file;
    Gguf gguf;
};

/// A tensor and where its bytes are.
struct ModelTensor {
    const Tensor* info;
    std::uint32_t shard;         ///< index into shards()
    std::optional<Range> range;  ///< in that shard's file; nothing where the size is unknown
};

/// How a model is opened.
struct ModelOpening {
    enum class Siblings {
        find,  ///< a shard name stands for its whole set
        none   ///< the file alone, whatever its name
    };
    enum class Headers {
        cached,    ///< are read through the page cache, where the next look finds them
        untouched  ///< leave the page cache as it is: for those who look at it
    };

    Siblings siblings = Siblings::find;
    Headers headers = Headers::cached;
    Limits limits = {};
};

/// Move-only; pointers and views stay valid while it lives, also after a move.
class GGUFMAP_API Model {
public:
    /// `name` as resolve_model takes it. Throws Error: what parse() throws; io for files that cannot be
    /// opened, a missing shard among them (mismatch); mismatch where shards disagree on split.count, split.no
    /// or split.tensors.count, or share a tensor name.
    static Model open(const std::string& name, const Places& places = {}, const ModelOpening& how = {});
    /// Of one file that is already open.
    static Model from(File file, const ModelOpening& how = {});
    /// Of all shards of a set, in any order and under any names. Throws Error as open() does; mismatch where
    /// one is missing or there twice.
    static Model of_shards(std::vector<File> files, const ModelOpening& how = {});
    /// Only a header, read from a pipe: its one shard has no file behind it.
    static Model header_only(Gguf gguf, const std::string& name);

    /// False for header_only(): sizes of files are then unknown, and no weights can be read.
    bool has_files() const { return shards_.front().file.fd() >= 0; }
    /// As the caller named it.
    const std::string& name() const { return name_; }
    const std::vector<Shard>& shards() const { return shards_; }
    /// The first shard's header, which holds the metadata.
    const Gguf& head() const { return shards_.front().gguf; }
    /// Of all shards, in the order of their infos.
    const std::vector<ModelTensor>& tensors() const { return tensors_; }
    const ModelTensor* find_tensor(std::string_view name) const;
    /// Bytes of all files.
    std::uint64_t file_bytes() const;

    /// Throws Error (malformed) naming the first tensor that reaches beyond its file and the bytes that are
    /// missing, or whose size is unknown. Everything that reads weights calls this first.
    void require_complete() const;
    /// Throws Error (mismatch) if any file is not as it was when it was opened.
    void check_unchanged() const;

private:
    Model() = default;
    void collect();

    std::string name_;
    std::vector<Shard> shards_;
    std::vector<ModelTensor> tensors_;
    NameIndex index_;  ///< only where there are several shards
};

}  // namespace ggufmap
