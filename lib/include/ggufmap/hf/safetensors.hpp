// safetensors files made from a GGUF: laid out so that they can share its disk blocks, or tight.
// Source of the format: the README and validator of the safetensors crate (0.8).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "ggufmap/copy.hpp"
#include "ggufmap/export.hpp"
#include "ggufmap/hf/tensors.hpp"
#include "ggufmap/json.hpp"

namespace ggufmap::hf {

enum class Weights {
    none,
    reflink,  ///< shares the GGUF's disk blocks (btrfs, XFS); only what was reworked takes new ones
    copy,     ///< a file of its own
    sparse    ///< header and hole: for readers of headers only, and says so in its metadata
};

/// What lies at a stretch of the file's data.
struct SafetensorsEntry {
    HfTensor tensor;   ///< of a gap only name, dtype, shape and source
    Range data;        ///< from the start of the data
    bool gap = false;  ///< padding and tensors without an HF name, which the format does not allow to skip
};

struct SafetensorsFile {
    std::string name;
    std::string header;                     ///< length, JSON and blanks
    std::vector<SafetensorsEntry> entries;  ///< by offset, without holes
    std::uint32_t shard = 0;
    Range shared;  ///< of the shard's file, at the start of the data; empty where laid out tight

    std::uint64_t data_bytes() const { return entries.empty() ? 0 : entries.back().data.end(); }
    std::uint64_t bytes() const { return header.size() + data_bytes(); }
    /// Bytes that take new disk blocks, less than one block of rounding: header, edges, reworked tensors; all
    /// of it without sharing.
    std::uint64_t new_bytes(Weights weights) const;
};

struct SafetensorsOptions {
    Weights weights = Weights::copy;
    /// The size that no file passes unless one tensor alone does: tensors are never cut. 0: one file a GGUF.
    std::uint64_t most_bytes = 0;
    /// The file system's block: header and data are laid out so that source and data agree modulo this.
    std::uint64_t block = 4096;
    std::uint64_t most_header_bytes = 100'000'000;  ///< the crate's MAX_HEADER_SIZE
};

/// model.safetensors, or model-0000K-of-0000N.safetensors. Throws Error (limit) where a header would pass
/// what readers accept. Quantized tensors go in as rows of U8 with their type in the metadata: the
/// caller decides whether they may be here at all.
GGUFMAP_API std::vector<SafetensorsFile> plan_safetensors(const Model& model,
                                                          const std::vector<HfTensor>& tensors,
                                                          const SafetensorsOptions& options);

/// Writes one planned file. Throws Error (io), also where the file system cannot share blocks.
GGUFMAP_API void write_safetensors(const Model& model, const SafetensorsFile& file, Weights weights,
                                   OutputFile& output, Progress& progress);

/// model.safetensors.index.json
GGUFMAP_API void write_index(const std::vector<SafetensorsFile>& files, JsonWriter& json);

}  // namespace ggufmap::hf
