// The whole Hugging Face folder of a model: what will be in it, and writing it whole or not at all.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "ggufmap/export.hpp"
#include "ggufmap/hf/config.hpp"
#include "ggufmap/hf/safetensors.hpp"
#include "ggufmap/model.hpp"

namespace ggufmap::hf {

struct StubOptions {
    Precision precision = Precision::by_weights;
    bool tokenizer_only = false;
    Weights weights = Weights::none;
    std::uint64_t most_bytes = 0;  ///< as in SafetensorsOptions
    std::uint64_t block = 4096;    ///< as in SafetensorsOptions
};

/// A file of the folder.
struct StubFile {
    std::string name;
    std::uint64_t bytes = 0;
    std::uint64_t new_bytes = 0;  ///< that take new disk blocks
};

/// Plans the folder; nothing is written before write(). Holds a reference to `model`. Call measure() or
/// write(), once.
class GGUFMAP_API Stub {
public:
    /// Throws what Vocabulary::read, model_config, hf_tensors and plan_safetensors throw.
    Stub(const Model& model, const StubOptions& options);
    ~Stub();
    Stub(const Stub&) = delete;
    Stub& operator=(const Stub&) = delete;

    /// The files that write() would write.
    std::vector<StubFile> measure();
    /// What the user should know; complete after measure() or write().
    const Notes& notes() const;
    /// What a complete folder would have and this one will not: an architecture without a mapping, a
    /// tokenizer without an exact form, weights with gaps.
    const Notes& missing() const;

    /// Writes the folder under a hidden name beside `path` and renames it. Throws Error (io) where `path`
    /// exists; with `replace` it gives way, but only if everything in it is of the kinds that a stub has.
    /// An Error, or a stop by `progress`, leaves nothing behind. Returns what was written.
    std::vector<StubFile> write(const std::string& path, bool replace, Progress& progress);

private:
    struct Parts;
    std::unique_ptr<Parts> parts_;
};

/// Throws the Error (io) that Stub::write() would throw for this place before it writes anything.
GGUFMAP_API void require_stub_place(const std::string& path, bool replace);

/// A Modelfile for `ollama create` with the model's absolute path: in the folder it keeps Ollama from the
/// safetensors, of which it would make a copy.
GGUFMAP_API std::string modelfile(const Model& model, const std::vector<std::string>& stops);

/// Tokens that end a turn, as text: what Ollama should stop at.
GGUFMAP_API std::vector<std::string> stop_texts(const Vocabulary& vocabulary);

}  // namespace ggufmap::hf
