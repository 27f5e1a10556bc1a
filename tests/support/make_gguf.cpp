#include "support/make_gguf.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <optional>
#include <span>

namespace ggufmap::test {
namespace {

using Words = std::span<const std::string>;

template <class T>
void put(std::string& out, T value) {
    char bytes[sizeof value];
    std::memcpy(bytes, &value, sizeof value);
    out.append(bytes, sizeof value);
}

/// Numbers in the description wrap on purpose: -1 is 2^64-1.
std::uint64_t number(const std::string& word) {
    std::size_t used = 0;
    std::uint64_t value = 0;
    try {
        value = std::stoull(word, &used, 0);
    } catch (const std::exception&) {
        throw DescriptionError("not a number: " + word);
    }
    const std::string_view unit = std::string_view(word).substr(used);
    for (const std::string_view known : {"", "K", "M", "G"}) {
        if (unit == known) return value;
        value <<= 10;
    }
    throw DescriptionError("not a number: " + word);
}

std::string from_hex(Words words) {
    std::string bytes;
    for (const std::string& word : words) {
        if (word.size() % 2 != 0) throw DescriptionError("odd number of hex digits: " + word);
        for (std::size_t i = 0; i < word.size(); i += 2)
            bytes += static_cast<char>(number("0x" + word.substr(i, 2)));
    }
    return bytes;
}

char unescape(std::string_view line, std::size_t& at) {
    const char c = line.at(at++);
    switch (c) {
        case 'n':
            return '\n';
        case 't':
            return '\t';
        case '0':
            return '\0';
        case 'x':
            at += 2;
            return static_cast<char>(number("0x" + std::string(line.substr(at - 2, 2))));
        default:
            return c;
    }
}

std::vector<std::string> cut(std::string_view line) {
    std::vector<std::string> words;
    for (std::size_t at = 0; at < line.size();) {
        if (line[at] == ' ' || line[at] == '\t') {
            ++at;
            continue;
        }
        if (line[at] == '#') break;
        std::string word;
        if (line[at] == '"') {
            for (++at; line.at(at) != '"';) {
                const char c = line[at++];
                word += c == '\\' ? unescape(line, at) : c;
            }
            ++at;
        } else {
            while (at < line.size() && line[at] != ' ' && line[at] != '\t') word += line[at++];
        }
        words.push_back(std::move(word));
    }
    return words;
}

/// "@len=5" at the end of a line: what to claim instead of the truth.
using Claims = std::map<std::string, std::uint64_t>;

Claims take_claims(std::vector<std::string>& words) {
    Claims claims;
    while (!words.empty() && words.back().starts_with('@')) {
        const std::string& word = words.back();
        const std::size_t equals = word.find('=');
        if (equals == std::string::npos) throw DescriptionError("a claim has a value: " + word);
        claims[word.substr(1, equals - 1)] = number(word.substr(equals + 1));
        words.pop_back();
    }
    return claims;
}

template <class T>
T claimed(const Claims& claims, const std::string& name, T truth) {
    const auto found = claims.find(name);
    return found == claims.end() ? truth : static_cast<T>(found->second);
}

constexpr std::uint32_t string_type = 8;
constexpr std::uint32_t array_type = 9;

std::uint32_t value_type(const std::string& name) {
    static const std::map<std::string, std::uint32_t> types{
        {"u8", 0},   {"i8", 1},   {"u16", 2},  {"i16", 3},           {"u32", 4},
        {"i32", 5},  {"f32", 6},  {"bool", 7}, {"str", string_type}, {"array", array_type},
        {"u64", 10}, {"i64", 11}, {"f64", 12}};
    const auto found = types.find(name);
    if (found == types.end()) throw DescriptionError("no value type " + name);
    return found->second;
}

void put_string(std::string& out, const std::string& text, std::uint64_t length) {
    put(out, length);
    out += text;
}

void put_scalar(std::string& out, const std::string& type, const std::string& word, const Claims& claims) {
    if (type == "str") return put_string(out, word, claimed(claims, "len", std::uint64_t{word.size()}));
    if (type == "f32") return put(out, std::stof(word));
    if (type == "f64") return put(out, std::stod(word));
    if (type == "bool" && (word == "true" || word == "false")) return put(out, std::uint8_t{word == "true"});
    const std::uint64_t value = number(word);
    const char width = type.back();  // u8, i16, u32, i64, bool
    if (width == '8' || width == 'l') return put(out, static_cast<std::uint8_t>(value));
    if (width == '6') return put(out, static_cast<std::uint16_t>(value));
    if (width == '2') return put(out, static_cast<std::uint32_t>(value));
    put(out, value);
}

/// One array; `words` are "TYPE VALUE..." and lose what is used. A nested one ends at its "]".
void put_array(std::string& out, Words& words, const Claims& claims) {
    if (words.empty()) throw DescriptionError("an array has a type");
    const std::string type = words.front();
    words = words.subspan(1);
    put(out, claimed(claims, "elem", value_type(type)));
    std::string elements;
    std::uint64_t count = 0;
    while (!words.empty() && words.front() != "]") {
        const std::string word = words.front();
        words = words.subspan(1);
        ++count;
        if (type != "array") {
            put_scalar(elements, type, word, {});
            continue;
        }
        if (word != "[") throw DescriptionError("an element of an array of arrays is [ TYPE VALUE... ]");
        put_array(elements, words, {});
        if (words.empty()) throw DescriptionError("] is missing");
        words = words.subspan(1);
    }
    put(out, claimed(claims, "len", count));
    out += elements;
}

struct Tensor {
    std::string name;
    std::uint64_t stored = 0;  ///< bytes
};

class Builder {
public:
    void statement(std::vector<std::string> words);
    GgufImage finish() const;

private:
    void kv(std::vector<std::string> words);
    void tensor(std::vector<std::string> words);
    void append_data(GgufImage& image, const Tensor& tensor) const;
    std::uint64_t padding_after(std::uint64_t size) const {
        return (alignment_ - size % alignment_) % alignment_;
    }

    std::string magic_ = "GGUF";
    std::uint32_t version_ = 3;
    std::optional<std::uint64_t> claimed_tensors_;
    std::optional<std::uint64_t> claimed_kvs_;
    std::uint64_t alignment_ = 32;
    std::uint64_t kv_count_ = 0;
    std::string kvs_;
    std::string infos_;
    std::vector<Tensor> tensors_;
    std::uint64_t next_offset_ = 0;
    char padding_ = 0;
    std::string data_ = "pattern";
    GgufImage tail_;
    std::optional<std::string> cut_;
};

void Builder::statement(std::vector<std::string> words) {
    const std::string verb = words[0];
    if (words.size() < 2) throw DescriptionError(verb + " needs more words");
    if (verb == "kv") return kv(std::move(words));
    if (verb == "tensor") return tensor(std::move(words));
    const std::string& first = words[1];
    const Words rest = Words(words).subspan(1);
    if (verb == "magic") {
        magic_ = first;
    } else if (verb == "version") {
        version_ = static_cast<std::uint32_t>(number(first));
    } else if (verb == "tensors") {
        claimed_tensors_ = number(first);
    } else if (verb == "kvs") {
        claimed_kvs_ = number(first);
    } else if (verb == "alignment") {
        alignment_ = std::max<std::uint64_t>(1, number(first));
    } else if (verb == "hex") {
        (tensors_.empty() ? kvs_ : infos_) += from_hex(rest);
    } else if (verb == "padding") {
        padding_ = static_cast<char>(number(first));
    } else if (verb == "data") {
        data_ = first;
    } else if (verb == "tail" && first == "hex") {
        tail_.append(from_hex(rest.subspan(1)));
    } else if (verb == "tail" && first == "zero" && rest.size() == 2) {
        tail_.append_zeros(number(rest[1]));
    } else if (verb == "cut") {
        cut_ = first;
    } else {
        throw DescriptionError("no statement " + verb);
    }
}

void Builder::kv(std::vector<std::string> words) {
    const Claims claims = take_claims(words);
    if (words.size() < 3) throw DescriptionError("kv KEY TYPE VALUE...");
    ++kv_count_;
    const std::string& key = words[1];
    const std::string& type = words[2];
    put_string(kvs_, key, claimed(claims, "keylen", std::uint64_t{key.size()}));
    put(kvs_, claimed(claims, "type", value_type(type)));
    Words values = Words(words).subspan(3);
    if (type == "array") return put_array(kvs_, values, claims);
    if (values.size() != 1) throw DescriptionError("one value for " + key);
    put_scalar(kvs_, type, values[0], claims);
}

void Builder::tensor(std::vector<std::string> words) {
    const Claims claims = take_claims(words);
    if (words.size() < 3) throw DescriptionError("tensor NAME TYPE DIM...");
    const std::string& name = words[1];
    const TensorShape shape = tensor_type(words[2]);
    put_string(infos_, name, claimed(claims, "namelen", std::uint64_t{name.size()}));
    const auto dimension_count = static_cast<std::uint32_t>(words.size() - 3);
    put(infos_, claimed(claims, "dims", dimension_count));
    std::uint64_t elements = 1;
    for (const std::string& word : Words(words).subspan(3)) {
        put(infos_, number(word));
        elements *= number(word);
    }
    put(infos_, claimed(claims, "type", shape.type));
    put(infos_, claimed(claims, "offset", next_offset_));
    const std::uint64_t bytes = claimed(claims, "bytes", elements / shape.block_elements * shape.block_bytes);
    tensors_.push_back({name, bytes});
    next_offset_ += bytes + padding_after(bytes);
}

void Builder::append_data(GgufImage& image, const Tensor& tensor) const {
    if (data_ == "zero") return image.append_zeros(tensor.stored);
    std::string bytes;
    bytes.reserve(tensor.stored);
    // Each tensor counts from another byte, so that mixed-up tensors show.
    unsigned char next = 0;
    for (const char c : tensor.name)
        next = static_cast<unsigned char>(next * 31 + static_cast<unsigned char>(c));
    for (std::uint64_t i = 0; i < tensor.stored; ++i) bytes += static_cast<char>(next++);
    image.append(bytes);
}

GgufImage Builder::finish() const {
    std::string header = magic_;
    put(header, version_);
    put(header, claimed_tensors_.value_or(tensors_.size()));
    put(header, claimed_kvs_.value_or(kv_count_));
    header += kvs_ + infos_;

    GgufImage image;
    image.append(header);
    if (data_ != "none" && !tensors_.empty()) {
        image.append(std::string(padding_after(header.size()), padding_));
        for (const Tensor& tensor : tensors_) {
            append_data(image, tensor);
            image.append(std::string(padding_after(tensor.stored), padding_));
        }
    }
    for (const GgufImage::Part& part : tail_.parts) {
        image.append(part.bytes);
        image.append_zeros(part.zeros);
    }
    if (cut_) {
        const std::uint64_t length = number(cut_->starts_with('-') ? cut_->substr(1) : *cut_);
        image.keep_first(cut_->starts_with('-') ? image.size() - std::min(length, image.size()) : length);
    }
    return image;
}

void run_line(Builder& builder, std::string_view line) {
    std::vector<std::string> words = cut(line);
    if (words.empty()) return;
    if (words[0] != "repeat") return builder.statement(std::move(words));
    if (words.size() < 3) throw DescriptionError("repeat N LINE");
    const std::uint64_t count = number(words[1]);
    words.erase(words.begin(), words.begin() + 2);
    for (std::uint64_t i = 0; i < count; ++i) {
        std::vector<std::string> counted = words;
        for (std::string& word : counted) {
            if (const std::size_t at = word.find("%d"); at != std::string::npos)
                word.replace(at, 2, std::to_string(i));
        }
        builder.statement(std::move(counted));
    }
}

}  // namespace

GgufImage make_gguf_image(std::string_view description) {
    Builder builder;
    std::size_t line_number = 0;
    while (!description.empty()) {
        const std::string_view line = description.substr(0, description.find('\n'));
        description.remove_prefix(std::min(description.size(), line.size() + 1));
        ++line_number;
        try {
            run_line(builder, line);
        } catch (const std::exception& error) {
            throw DescriptionError(fmt::format("line {}: {}", line_number, error.what()));
        }
    }
    return builder.finish();
}

}  // namespace ggufmap::test
