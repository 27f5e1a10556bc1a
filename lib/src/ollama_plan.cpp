// What Ollama is told about a model: names, digests, JSON.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>

#include "ggufmap/digest.hpp"
#include "ggufmap/error.hpp"
#include "ggufmap/json.hpp"
#include "ggufmap/layout.hpp"
#include "ggufmap/ollama.hpp"

namespace ggufmap::ollama {
namespace {

using Layout = JsonWriter::Layout;

constexpr std::size_t longest_part = 80;
constexpr std::size_t read_bytes = 4 << 20;
constexpr std::string_view digest_prefix = "sha256:";

bool is_word(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

bool is_part(std::string_view part) {
    if (part.empty() || part.size() > longest_part || !is_word(part.front())) return false;
    return std::all_of(part.begin(), part.end(), [](char c) { return is_word(c) || c == '-' || c == '.'; });
}

std::string json_text(const std::function<void(JsonWriter&)>& write) {
    std::string out;
    JsonWriter json([&](std::string_view piece) { out += piece; });
    json.begin_object(Layout::compact);
    write(json);
    json.end_object();
    json.finish();
    return out;
}

void member(JsonWriter& json, std::string_view key, std::string_view value) {
    json.key(key);
    json.string(value);
}

/// "8.0B", "124.44M", "12K": as Ollama rounds.
std::string human(std::uint64_t count) {
    const auto scaled = [&](double unit, int digits, char letter) {
        const double number = static_cast<double>(count) / unit;
        return fmt::format("{:.{}f}{}", number, number == std::floor(number) ? 0 : digits, letter);
    };
    if (count >= 1'000'000'000) return scaled(1e9, 1, 'B');
    if (count >= 1'000'000) return scaled(1e6, 2, 'M');
    if (count >= 1'000) return scaled(1e3, 0, 'K');
    return std::to_string(count);
}

/// general.file_type by number (llama.h); empty names are numbers no longer in use.
std::string_view file_type_name(const Gguf& head) {
    constexpr std::string_view names[] = {
        "F32",    "F16",    "Q4_0",   "Q4_1",    "",       "",       "",       "Q8_0",   "Q5_0",  "Q5_1",
        "Q2_K",   "Q3_K_S", "Q3_K_M", "Q3_K_L",  "Q4_K_S", "Q4_K_M", "Q5_K_S", "Q5_K_M", "Q6_K",  "IQ2_XXS",
        "IQ2_XS", "Q2_K_S", "IQ3_XS", "IQ3_XXS", "IQ1_S",  "IQ4_NL", "IQ3_S",  "IQ3_M",  "IQ2_S", "IQ2_M",
        "IQ4_XS", "IQ1_M",  "BF16",   "",        "",       "",       "TQ1_0",  "TQ2_0",  "MXFP4"};
    const auto number = head.unsigned_of("general.file_type");
    if (!number || *number >= std::size(names) || names[*number].empty()) return "unknown";
    return names[*number];
}

/// Files hashed by any number of threads, one thread telling how far they are.
class Hashing {
public:
    explicit Hashing(const std::vector<const File*>& files)
        : files_(files), digests_(files.size()), failures_(files.size()) {}

    /// Hashes files until none is left.
    void work() {
        for (std::size_t i; (i = next_++) < files_.size();) {
            try {
                digests_[i] = hash(*files_[i]);
            } catch (...) {
                failures_[i] = std::current_exception();
                stop_ = true;
            }
            const std::lock_guard lock(mutex_);
            ++finished_;
            changed_.notify_one();
        }
    }

    /// Returns when all files are done.
    void tell(Progress& progress) {
        constexpr auto often = std::chrono::milliseconds(50);
        std::unique_lock lock(mutex_);
        while (finished_ < files_.size()) {
            changed_.wait_for(lock, often);
            progress.add(hashed_.exchange(0));
            if (progress.stop_requested()) stop_ = true;
        }
    }

    std::vector<std::string> digests() {
        for (const std::exception_ptr& failure : failures_)
            if (failure) std::rethrow_exception(failure);
        return std::move(digests_);
    }

private:
    std::string hash(const File& file) {
        const File again = File::adopt(file.reopen(O_RDONLY), file.name());  // with its own readahead
        ::posix_fadvise(again.fd(), 0, 0, POSIX_FADV_SEQUENTIAL);
        Digest digest(DigestKind::sha256);
        std::vector<std::byte> buffer(read_bytes);
        for (std::uint64_t at = 0; at < file.size();) {
            if (stop_) throw io_error({file.name()}, "stopped", EINTR);
            const std::span<std::byte> part(buffer.data(),
                                            std::min<std::uint64_t>(buffer.size(), file.size() - at));
            again.read_exactly(at, part);
            digest.update(part);
            hashed_ += part.size();
            at += part.size();
        }
        file.check_unchanged();
        return digest.hex();
    }

    const std::vector<const File*>& files_;
    std::vector<std::string> digests_;
    std::vector<std::exception_ptr> failures_;
    std::atomic<std::size_t> next_ = 0;
    std::atomic<std::uint64_t> hashed_ = 0;
    std::atomic<bool> stop_ = false;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::size_t finished_ = 0;
};

Layer text_layer(std::string_view kind, std::string content) {
    return {fmt::format("application/vnd.ollama.image.{}", kind),
            digest_hex(DigestKind::sha256, as_bytes(content)), content.size(), std::move(content)};
}

void write_layer(JsonWriter& json, const Layer& layer) {
    json.begin_object();
    member(json, "mediaType", layer.media_type);
    member(json, "digest", fmt::format("{}{}", digest_prefix, layer.digest));
    json.key("size");
    json.number(layer.size);
    json.end_object();
}

constexpr std::string_view cache_mark = "# gguf-hfstub ";  // what we replace unasked starts so

/// Inode and change time nobody can choose: a list that came along with a downloaded model does not fit.
std::string file_comment(const File& file) {
    struct stat now {};
    if (::fstat(file.fd(), &now) != 0) throw io_error({file.name()}, "cannot stat", errno);
    return fmt::format("{}device {} inode {} size {} mtime {}.{:09} ctime {}.{:09}\n", cache_mark, now.st_dev,
                       now.st_ino, now.st_size, now.st_mtim.tv_sec, now.st_mtim.tv_nsec, now.st_ctim.tv_sec,
                       now.st_ctim.tv_nsec);
}

/// The start of the list: two lines and a file name. Empty where there is no list.
std::string cached_list(const std::string& path) {
    if (::access(path.c_str(), F_OK) != 0) return {};
    constexpr std::size_t longest = 8192;
    const File list = File::open(path);
    std::string text(std::min<std::uint64_t>(list.size(), longest), '\0');
    text.resize(list.read_some(0, std::as_writable_bytes(std::span(text.data(), text.size()))));
    return text;
}

}  // namespace

Name parse_name(std::string_view text) {
    const std::size_t colon = text.find(':');
    Name name{std::string(text.substr(0, colon)), "latest"};
    if (colon != std::string_view::npos) name.tag = text.substr(colon + 1);
    if (!is_part(name.model) || !is_part(name.tag))
        throw Error(
            ErrorKind::usage, {},
            fmt::format("'{}' is no Ollama name: NAME[:TAG], of letters, digits, '_', '-' and '.'", text));
    return name;
}

std::string_view name_of(Link link) {
    switch (link) {
        case Link::reflink:
            return "reflink";
        case Link::hard:
            return "hard link";
        case Link::symbolic:
            return "symlink";
        case Link::automatic:
            break;
    }
    return "automatic";
}

std::vector<std::string> sha256_of(const std::vector<const File*>& files, unsigned jobs, Progress& progress) {
    Hashing hashing(files);
    {
        std::vector<std::jthread> helpers;
        const std::size_t wanted = std::min<std::size_t>(std::max(jobs, 1U), files.size());
        for (std::size_t i = 0; i < wanted; ++i) helpers.emplace_back([&] { hashing.work(); });
        hashing.tell(progress);
    }
    return hashing.digests();
}

std::string digest_cache_path(const File& file) {
    const SplitPath parts = split_path(file.name());
    return fmt::format("{}.{}.ggufmap-sha256", parts.directory, parts.name);
}

std::optional<std::string> stored_digest(const File& file) {
    const std::string text = cached_list(digest_cache_path(file));
    const std::string comment = file_comment(file);
    constexpr std::size_t digits = 64;
    if (!text.starts_with(comment) || text.size() < comment.size() + digits) return std::nullopt;
    std::string hex = text.substr(comment.size(), digits);
    const bool sound = std::all_of(hex.begin(), hex.end(),
                                   [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
    return sound ? std::optional(hex) : std::nullopt;
}

void require_digest_place(const File& file) {
    const std::string path = digest_cache_path(file);
    const std::string old = cached_list(path);
    if (!old.empty() && !old.starts_with(cache_mark))
        throw Error(ErrorKind::io, {path}, "is not of our making: not replaced", EEXIST);
    OutputDirectory::open(split_path(path).directory)->require_writable();
}

void store_digest(const File& file, const std::string& hex) {
    file.check_unchanged();
    require_digest_place(file);
    const std::string path = digest_cache_path(file);
    OutputFile list = OutputFile::create(path, {.replace = true});
    const std::string text = file_comment(file) + fmt::format("{}  {}\n", hex, split_path(file.name()).name);
    list.write(0, as_bytes(text));
    list.commit();
}

std::string config_json(const Model& model, bool with_projector) {
    const std::string_view family = model.head().architecture();
    return json_text([&](JsonWriter& json) {
        member(json, "model_format", "gguf");
        member(json, "model_family", family);
        json.key("model_families");
        json.begin_array();
        json.string(family);
        if (with_projector) json.string("clip");
        json.end_array();
        member(json, "model_type", human(count_parameters(model).total));
        member(json, "file_type", file_type_name(model.head()));
        member(json, "architecture", "amd64");
        member(json, "os", "linux");
    });
}

std::string params_json(const Gguf& head, const std::vector<std::string>& stops) {
    const auto top_k = head.unsigned_of("general.sampling.top_k");
    constexpr std::pair<const char*, const char*> reals[] = {{"temperature", "general.sampling.temp"},
                                                             {"top_p", "general.sampling.top_p"},
                                                             {"min_p", "general.sampling.min_p"}};
    const bool some = top_k || std::any_of(std::begin(reals), std::end(reals), [&](const auto& real) {
                          return head.find(real.second) != nullptr;
                      });
    if (!some && stops.empty()) return {};
    return json_text([&](JsonWriter& json) {
        if (!stops.empty()) {
            json.key("stop");
            json.begin_array();
            for (const std::string& stop : stops) json.string(stop);
            json.end_array();
        }
        if (top_k) {
            json.key("top_k");
            json.number(*top_k);
        }
        for (const auto& [key, source] : reals) {
            const auto value = head.double_of(source);
            if (!value || !std::isfinite(*value)) continue;
            json.key(key);
            json.number(static_cast<float>(*value));
        }
    });
}

Plan make_plan(const Model& model, const Model* projector, const Name& name,
               const std::vector<std::string>& digests, const Extras& extras) {
    Plan plan{
        .name = name, .config = text_layer("config", config_json(model, projector != nullptr)), .layers = {}};
    plan.config.media_type = "application/vnd.docker.container.image.v1+json";
    auto digest = digests.begin();
    const auto add_files = [&](const Model& of, std::string_view kind) {
        for (const Shard& shard : of.shards())
            plan.layers.push_back({fmt::format("application/vnd.ollama.image.{}", kind),
                                   *digest++,
                                   shard.file.size(),
                                   {},
                                   &shard.file});
    };
    add_files(model, "model");
    if (projector) add_files(*projector, "projector");
    for (const auto& [kind, text] :
         {std::pair<std::string_view, const std::string&>{"template", extras.chat_template},
          {"system", extras.system},
          {"params", extras.params},
          {"license", extras.license}})
        if (!text.empty()) plan.layers.push_back(text_layer(kind, text));
    return plan;
}

std::string manifest_json(const Plan& plan) {
    std::string text = json_text([&](JsonWriter& json) {
        json.key("schemaVersion");
        json.number(2);
        member(json, "mediaType", "application/vnd.docker.distribution.manifest.v2+json");
        json.key("config");
        write_layer(json, plan.config);
        json.key("layers");
        json.begin_array();
        for (const Layer& layer : plan.layers) write_layer(json, layer);
        json.end_array();
    });
    text.pop_back();  // Ollama's have no newline at the end
    return text;
}

}  // namespace ggufmap::ollama
