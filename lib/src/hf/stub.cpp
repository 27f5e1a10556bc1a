#include "ggufmap/hf/stub.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "detail/absolute_path.hpp"
#include "ggufmap/error.hpp"
#include "ggufmap/hf/sentencepiece.hpp"
#include "ggufmap/hf/tokenizer.hpp"
#include "ggufmap/text.hpp"
#include "hf/stub_folder.hpp"

namespace ggufmap::hf {
namespace {

using Sink = JsonWriter::Sink;
/// Writes a small file, as often as it is asked to: once to measure it, once to disk.
using Make = std::function<void(const Sink&)>;

constexpr std::string_view small_names[] = {
    "config.json",         "generation_config.json",       "tokenizer.json", "tokenizer.model",
    "chat_template.jinja", "special_tokens_map.json",      "Modelfile",      "tokenizer_config.json",
    "model.safetensors",   "model.safetensors.index.json",
};

bool is_stub_file(std::string_view name) {
    const bool part = name.starts_with("model-") && name.ends_with(".safetensors");
    return part || std::find(std::begin(small_names), std::end(small_names), name) != std::end(small_names);
}

Make json_file(Object object) {
    return [object = std::move(object)](const Sink& sink) {
        JsonWriter json(sink);
        write(json, object);
        json.finish();
    };
}

Make text_file(std::string text) {
    return [text = std::move(text)](const Sink& sink) { sink(text); };
}

}  // namespace

struct Stub::Parts {
    struct Small {
        std::string name;
        Make make;
    };

    Parts(const Model& of, const StubOptions& with) : model(of), options(with) {}

    const Model& model;
    StubOptions options;
    std::optional<Vocabulary> vocabulary;
    std::vector<Small> small;
    std::vector<SafetensorsFile> weights;
    Notes notes;
    Notes missing;

    void add(std::string name, Make make) { small.push_back({std::move(name), std::move(make)}); }

    void add_tokenizer() {
        const Gguf& head = model.head();
        if (std::string obstacle = tokenizer_obstacle(head); !obstacle.empty()) {
            missing.push_back("tokenizer.json: " + obstacle);
            return;
        }
        vocabulary = Vocabulary::read(head, model.name(), notes);
        add("tokenizer.json", [this](const Sink& sink) {
            JsonWriter json(sink);
            write_tokenizer_json(*vocabulary, json, notes);
        });
        const bool sentencepiece =
            vocabulary->model() == VocabularyModel::spm || vocabulary->model() == VocabularyModel::unigram;
        if (const std::string obstacle = sentencepiece_obstacle(*vocabulary); obstacle.empty()) {
            add("tokenizer.model", [this](const Sink& sink) { sink(sentencepiece_model(*vocabulary)); });
        } else if (sentencepiece) {
            missing.push_back("tokenizer.model: " + obstacle);
        }
        add("tokenizer_config.json", json_file(tokenizer_config(*vocabulary, head)));
        add("special_tokens_map.json", json_file(special_tokens_map(*vocabulary)));
    }

    void add_chat_template() {
        const auto templates = chat_templates(model.head());
        if (!templates.empty() && templates.front().name == "default")
            add("chat_template.jinja", text_file(templates.front().text));
    }

    /// What the small files take from the metadata, and leave out or mend where it is of another kind.
    void note_wrong_kinds() {
        const Gguf& head = model.head();
        const auto note = [&](const char* key, const auto& as_wanted) {
            const KeyValue* entry = head.find(key);
            if (entry && !as_wanted(entry->value))
                notes.push_back(fmt::format("{} is of the wrong kind and is left out", key));
        };
        note("tokenizer.chat_template", [](const Value& value) { return value.as_string().has_value(); });
        note("general.sampling.top_k", [](const Value& value) { return value.as_unsigned().has_value(); });
        for (const char* key : {"general.sampling.temp", "general.sampling.top_p", "general.sampling.min_p"})
            note(key, [](const Value& value) {
                const auto number = value.as_double();
                return number && std::isfinite(*number);
            });
        if (const auto text = head.string_of("tokenizer.chat_template"); text && !valid_utf8(*text))
            notes.push_back("tokenizer.chat_template is not UTF-8; U+FFFD stands for its bad bytes");
    }

    void add_config() {
        const Gguf& head = model.head();
        auto config = model_config(model, options.precision, notes);
        if (!config) {
            missing.push_back("config.json: " + config_obstacle(model));
            return;
        }
        add("config.json", json_file(std::move(*config)));
        add("generation_config.json",
            json_file(generation_config(vocabulary ? &*vocabulary : nullptr, head)));
    }

    void add_weights() {
        if (options.weights == Weights::none) return;
        const auto tensors = hf_tensors(model, missing);
        if (tensors.empty()) return;
        weights = plan_safetensors(
            model, tensors,
            {.weights = options.weights, .most_bytes = options.most_bytes, .block = options.block});
        note_large_files();
        add("model.safetensors.index.json", [this](const Sink& sink) {
            JsonWriter json(sink);
            write_index(weights, json);
        });
    }

    void note_large_files() {
        if (options.most_bytes == 0) return;
        const auto large = std::count_if(weights.begin(), weights.end(), [this](const SafetensorsFile& file) {
            return file.bytes() > options.most_bytes;
        });
        if (large != 0)
            notes.push_back(fmt::format("files of weights larger than {} bytes: {}; a tensor is not cut",
                                        options.most_bytes, large));
    }

    void add_modelfile() {
        add("Modelfile",
            text_file(modelfile(model, vocabulary ? stop_texts(*vocabulary) : std::vector<std::string>())));
    }

    std::vector<StubFile> measure() {
        std::vector<StubFile> files;
        for (const Small& file : small) {
            std::uint64_t bytes = 0;
            file.make([&](std::string_view piece) { bytes += piece.size(); });
            files.push_back({file.name, bytes, bytes});
        }
        for (const SafetensorsFile& file : weights)
            files.push_back({file.name, file.bytes(), file.new_bytes(options.weights)});
        return files;
    }
};

Stub::Stub(const Model& model, const StubOptions& options) : parts_(new Parts(model, options)) {
    parts_->add_tokenizer();
    parts_->add_chat_template();
    parts_->note_wrong_kinds();
    if (options.tokenizer_only) return;
    parts_->add_config();
    parts_->add_weights();
    parts_->add_modelfile();
}

Stub::~Stub() = default;

std::vector<StubFile> Stub::measure() { return parts_->measure(); }
const Notes& Stub::notes() const { return parts_->notes; }
const Notes& Stub::missing() const { return parts_->missing; }

std::vector<StubFile> Stub::write(const std::string& path, bool replace, Progress& progress) {
    NewFolder folder(path, replace, is_stub_file);
    std::vector<StubFile> files;
    const auto with_output = [&](const std::string& name, const std::function<void(OutputFile&)>& fill) {
        OutputFile output = OutputFile::create(folder.directory(), name, {});
        fill(output);
        output.seal();
        output.publish();
    };
    for (const Parts::Small& file : parts_->small) {
        std::uint64_t at = 0;
        with_output(file.name, [&](OutputFile& output) {
            file.make([&](std::string_view piece) {
                output.write(at, as_bytes(piece));
                at += piece.size();
                progress.add(piece.size());
            });
        });
        files.push_back({file.name, at, at});
    }
    const Weights weights = parts_->options.weights;
    for (const SafetensorsFile& file : parts_->weights) {
        with_output(file.name, [&](OutputFile& output) {
            write_safetensors(parts_->model, file, weights, output, progress);
        });
        files.push_back({file.name, file.bytes(), file.new_bytes(weights)});
    }
    folder.publish();
    return files;
}

void require_stub_place(const std::string& path, bool replace) { require_place(path, replace, is_stub_file); }

std::vector<std::string> stop_texts(const Vocabulary& vocabulary) {
    std::vector<std::string> texts;
    for (const std::uint32_t id : end_tokens(vocabulary))
        if (!vocabulary.piece(id).empty()) texts.emplace_back(vocabulary.piece(id));
    return texts;
}

namespace {

/// As Ollama's parser takes it apart, which has no escapes: what stands between the first and the last quote
/// or triple of quotes of a line. Nothing for a text that it would take for something else.
std::optional<std::string> quoted_stop(const std::string& stop) {
    constexpr std::string_view triple = "\"\"\"";
    if (stop.find_first_of("\r\n") != std::string::npos || stop.find(triple) != std::string::npos)
        return std::nullopt;
    std::string plain = "\"" + stop + "\"";
    if (stop.find('"') == std::string::npos) return plain;
    if (!stop.ends_with('"')) return fmt::format("{0}{1}{0}", triple, stop);
    if (plain.starts_with(triple)) return std::nullopt;
    return plain;
}

}  // namespace

std::string modelfile(const Model& model, const std::vector<std::string>& stops) {
    std::string text;
    for (const Shard& shard : model.shards()) {
        const std::string path = detail::absolute_path(shard.file.name());
        if (path.find('\n') != std::string::npos)
            throw Error(ErrorKind::usage, {path}, "a Modelfile cannot name a path with a line break in it");
        text += fmt::format("FROM {}\n", path);
    }
    for (const std::string& stop : stops)
        if (const auto quoted = quoted_stop(stop)) text += fmt::format("PARAMETER stop {}\n", *quoted);
    return text;
}

}  // namespace ggufmap::hf
