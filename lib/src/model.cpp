#include "ggufmap/model.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <charconv>

#include "detail/advise_huge.hpp"
#include "detail/still_source.hpp"
#include "ggufmap/checked.hpp"
#include "ggufmap/error.hpp"

namespace ggufmap {
namespace {

// llama.cpp writes %05d; 99,999 is also more shards than a directory should hold.
constexpr std::size_t shard_digits = 5;

std::optional<std::uint32_t> shard_number(std::string_view digits) {
    std::uint32_t number = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    if (error != std::errc() || end != digits.data() + digits.size() || number == 0) return std::nullopt;
    return number;
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return c >= 'a' && c <= 'z'; }
bool all_of(std::string_view text, bool (*is)(char)) { return std::all_of(text.begin(), text.end(), is); }

// The source ends here, before the file moves on, as it gives the descriptor its readahead back.
Gguf read_header(const File& file, const ModelOpening& how) try {
    if (how.headers == ModelOpening::Headers::untouched) {
        detail::StillSource source(file);
        return parse(source, how.limits);
    }
    FileSource source(file);
    return parse(source, how.limits);
} catch (const Error& error) {
    if (!error.blames_model() || !is_raw_part_name(file.name())) throw;
    throw Error(ErrorKind::unsupported, {file.name()},
                "a raw part of a file that was cut in pieces: join all parts in order with cat")
        .coded("raw-part");
}

Shard read_shard(File file, const ModelOpening& how) {
    Gguf gguf = read_header(file, how);
    return {std::move(file), std::move(gguf)};
}

// "shard 2 of 6 is missing", "shards 2, 4-6 of 6 are missing". A name may claim 99,999 of them: where this
// many are missing, nobody wants the rest.
constexpr std::uint32_t most_missing = 1000;

std::string missing_shards(const ShardName& name, std::uint32_t first) {
    std::string list;
    std::uint32_t missing = 0;
    for (std::uint32_t number = first, start = 0; number <= name.count + 1; ++number) {
        const bool absent = number <= name.count && missing < most_missing &&
                            ::access(shard_path(name.prefix, number, name.count).c_str(), F_OK) != 0;
        if (absent && start == 0) start = number;
        if (absent) ++missing;
        if (absent || start == 0) continue;
        list += fmt::format("{}{}", list.empty() ? "" : ", ", start);
        if (number - start > 1) list += fmt::format("-{}", number - 1);
        start = 0;
        if (missing == most_missing) {
            list += " and more";
            break;
        }
    }
    return fmt::format("{} {} of {} {} missing", missing == 1 ? "shard" : "shards", list, name.count,
                       missing == 1 ? "is" : "are");
}

Shard open_shard(const std::string& path, const ModelOpening& how) {
    return read_shard(File::open(path), how);
}

// What a key that makes a shard says; nothing where it is absent.
std::optional<std::uint64_t> split_value(const Shard& shard, std::string_view key, std::string_view type) {
    const KeyValue* const entry = shard.gguf.find(key);
    if (entry == nullptr) return std::nullopt;
    if (const auto number = entry->value.as_unsigned()) return number;
    throw Error(ErrorKind::mismatch, {shard.file.name(), fmt::format("key '{}'", key), entry->where.offset},
                fmt::format("is {}of type {}, wanted {}", entry->value.as_signed() ? "negative and " : "",
                            name_of(entry->value.type()), type))
        .coded("shard-foreign");
}

std::uint64_t split_number(const Shard& shard) {
    if (const auto number = split_value(shard, "split.no", "uint16")) return *number;
    throw Error(ErrorKind::mismatch, {shard.file.name()}, "has no key 'split.no': not a shard");
}

void check_split_key(const Shard& shard, std::string_view key, std::string_view type, std::uint64_t wanted) {
    const auto found = split_value(shard, key, type);
    if (found == wanted) return;
    throw Error(ErrorKind::mismatch, {shard.file.name(), fmt::format("key '{}'", key)},
                found ? fmt::format("is {}, wanted {}: the shard belongs to another set", *found, wanted)
                      : fmt::format("is missing, wanted {}: not a shard of this set", wanted))
        .coded("shard-foreign");
}

// Each shard by itself, then against the first, then all together: whichever is foreign is the one to blame.
void check_split_keys(const std::vector<Shard>& shards, std::uint64_t tensors) {
    for (std::size_t i = 0; i < shards.size(); ++i) {
        check_split_key(shards[i], "split.no", "uint16", i);
        check_split_key(shards[i], "split.count", "uint16", shards.size());
    }
    constexpr std::string_view total_key = "split.tensors.count";
    const auto total = split_value(shards.front(), total_key, "int32");
    if (!total) check_split_key(shards.front(), total_key, "int32", tensors);
    for (const Shard& shard : shards) check_split_key(shard, total_key, "int32", *total);
    if (*total != tensors)
        throw Error(ErrorKind::mismatch, {shards.front().file.name()},
                    fmt::format("the shards have {} tensors, {} says {}", tensors, total_key, *total))
            .coded("shard-foreign");
}

}  // namespace

std::optional<ShardName> parse_shard_name(std::string_view path) {
    constexpr std::string_view suffix = ".gguf";
    constexpr std::string_view of = "-of-";
    if (!path.ends_with(suffix)) return std::nullopt;
    path.remove_suffix(suffix.size());
    if (path.size() < 2 * shard_digits + of.size() + 1) return std::nullopt;
    const auto count = shard_number(path.substr(path.size() - shard_digits));
    path.remove_suffix(shard_digits);
    if (!path.ends_with(of)) return std::nullopt;
    path.remove_suffix(of.size());
    const auto number = shard_number(path.substr(path.size() - shard_digits));
    path.remove_suffix(shard_digits);
    if (!path.ends_with('-') || !number || !count || *number > *count) return std::nullopt;
    path.remove_suffix(1);
    return ShardName{std::string(path), *number, *count};
}

bool is_raw_part_name(std::string_view path) {
    std::string name(path.substr(path.rfind('/') + 1));
    std::transform(name.begin(), name.end(), name.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    constexpr std::string_view suffix = ".gguf";
    const auto at = name.find(suffix);
    if (at == std::string::npos) return false;
    std::string_view rest = std::string_view(name).substr(at + suffix.size());
    if (!rest.starts_with('.') && !rest.starts_with('-')) return false;
    rest.remove_prefix(1);
    if (rest.size() > 1 && all_of(rest, is_digit)) return true;  // "model.gguf.001"
    const std::size_t word = rest.starts_with("part") ? 4 : rest.starts_with("split") ? 5 : 0;
    if (word == 0) return false;
    rest.remove_prefix(word);
    if (rest.starts_with('-') || rest.starts_with('_') || rest.starts_with('.')) rest.remove_prefix(1);
    const auto of = rest.find("of");
    if (of != std::string_view::npos && of > 0 && rest.size() > of + 2)
        return all_of(rest.substr(0, of), is_digit) && all_of(rest.substr(of + 2), is_digit);
    // Not the "partial" and "part" of downloads that were never finished.
    return !rest.empty() && (all_of(rest, is_digit) || (rest.size() <= 2 && all_of(rest, is_letter)));
}

std::string shard_path(std::string_view prefix, std::uint32_t number, std::uint32_t count) {
    return fmt::format("{}-{:05}-of-{:05}.gguf", prefix, number, count);
}

Model Model::open(const std::string& name, const Places& places, const ModelOpening& how) {
    const std::string path = resolve_model(name, places);
    Model model;
    model.name_ = name;
    const auto shard_name =
        how.siblings == ModelOpening::Siblings::find ? parse_shard_name(path) : std::nullopt;
    if (!shard_name) {
        model.shards_.push_back(open_shard(path, how));
    } else {
        for (std::uint32_t number = 1; number <= shard_name->count; ++number) {
            const std::string sibling = shard_path(shard_name->prefix, number, shard_name->count);
            try {
                model.shards_.push_back(open_shard(sibling, how));
            } catch (const Error& error) {
                if (error.error_number() != ENOENT || number == shard_name->number) throw;
                throw Error(ErrorKind::mismatch, {sibling}, missing_shards(*shard_name, number), ENOENT)
                    .coded("shard-missing");
            }
        }
    }
    model.collect();
    return model;
}

Model Model::from(File file, const ModelOpening& how) {
    Model model;
    model.name_ = file.name();
    model.shards_.push_back(read_shard(std::move(file), how));
    model.collect();
    return model;
}

Model Model::of_shards(std::vector<File> files, const ModelOpening& how) {
    Model model;
    model.name_ = files.front().name();
    auto& shards = model.shards_;
    for (File& file : files) shards.push_back(read_shard(std::move(file), how));
    std::stable_sort(shards.begin(), shards.end(),
                     [](const Shard& a, const Shard& b) { return split_number(a) < split_number(b); });
    const auto count = shards.front().gguf.unsigned_of("split.count");
    for (std::size_t i = 0; i < shards.size(); ++i) {
        if (i > 0 && split_number(shards[i]) == split_number(shards[i - 1]))
            throw Error(ErrorKind::mismatch, {shards[i].file.name()},
                        fmt::format("is shard {}, and so is {}", split_number(shards[i]) + 1,
                                    shards[i - 1].file.name()));
        if (split_number(shards[i]) != i)
            throw Error(ErrorKind::mismatch, {model.name_}, fmt::format("shard {} is missing", i + 1));
    }
    if (count > shards.size())
        throw Error(ErrorKind::mismatch, {model.name_},
                    fmt::format("shard {} of {} is missing", shards.size() + 1, *count));
    model.collect();
    return model;
}

Model Model::header_only(Gguf gguf, const std::string& name) {
    Model model;
    model.name_ = name;
    model.shards_.push_back({File::absent(name), std::move(gguf)});
    model.collect();
    return model;
}

void Model::collect() {
    std::size_t count = 0;
    for (const Shard& shard : shards_) count += shard.gguf.tensors().size();
    tensors_.reserve(count);
    detail::advise_huge(tensors_);
    for (std::uint32_t i = 0; i < shards_.size(); ++i) {
        const Shard& shard = shards_[i];
        for (const Tensor& tensor : shard.gguf.tensors())
            tensors_.push_back({&tensor, i, shard.gguf.range_of(tensor)});
    }
    if (shards_.size() == 1) return;  // the header's own index serves
    check_split_keys(shards_, tensors_.size());
    const auto name_of = [this](std::uint32_t i) { return tensors_[i].info->name; };
    index_ = NameIndex(static_cast<std::uint32_t>(tensors_.size()), name_of);
    if (const auto twice = index_.duplicate(name_of)) {
        const ModelTensor& tensor = tensors_[*twice];
        throw Error(ErrorKind::mismatch,
                    {shards_[tensor.shard].file.name(), fmt::format("tensor '{}'", tensor.info->name)},
                    "the tensor is in another shard, too")
            .coded("duplicate-tensor");
    }
}

const ModelTensor* Model::find_tensor(std::string_view name) const {
    if (shards_.size() == 1) {
        const Tensor* found = head().find_tensor(name);
        return found ? &tensors_[static_cast<std::size_t>(found - head().tensors().data())] : nullptr;
    }
    const auto at = index_.find(name, [this](std::uint32_t i) { return tensors_[i].info->name; });
    return at ? &tensors_[*at] : nullptr;
}

std::uint64_t Model::file_bytes() const {
    std::uint64_t total = 0;
    for (const Shard& shard : shards_) total += shard.file.size();
    return total;
}

void Model::require_complete() const {
    for (std::size_t i = 0; i < tensors_.size(); ++i) {
        const ModelTensor& tensor = tensors_[i];
        const File& file = shards_[tensor.shard].file;
        if (tensor.range && tensor.range->end() <= file.size()) continue;
        const std::string place = fmt::format("tensor '{}'", tensor.info->name);
        if (!tensor.range)
            throw Error(ErrorKind::unsupported, {file.name(), place},
                        fmt::format("type {} is unknown, and so is the tensor's size", tensor.info->type));
        const std::uint64_t end = shards_[tensor.shard].gguf.data_end().value_or(tensor.range->end());
        throw Error(ErrorKind::malformed, {file.name(), place, tensor.range->offset},
                    fmt::format("truncated at tensor {} of {}: {} bytes are missing", i + 1, tensors_.size(),
                                end - file.size()));
    }
}

void Model::check_unchanged() const {
    for (const Shard& shard : shards_) shard.file.check_unchanged();
}

}  // namespace ggufmap
