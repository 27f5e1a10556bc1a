#include "ggufmap/ranges.hpp"

#include <fmt/format.h>

#include <iterator>

#include "detail/kernel_files.hpp"
#include "ggufmap/checked.hpp"
#include "ggufmap/digest.hpp"
#include "ggufmap/error.hpp"
#include "ggufmap/text.hpp"

namespace ggufmap {
namespace {

using detail::decimal;
using detail::next_line;
using detail::next_word;

constexpr std::string_view title = "# ggufmap-ranges 1";
constexpr std::string_view title_start = "# ggufmap-ranges ";
constexpr std::string_view digest_kind = "xxh3_64:";

HotList::ShardId identity_of(const Shard& shard, std::uint32_t index) {
    return {index, shard.file.size(), digest_hex(DigestKind::xxh3_64, shard.gguf.header())};
}

// Reads line by line and knows where it is.
class Reader {
public:
    Reader(std::string_view text, const std::string& name) : rest_(text), name_(name) {}

    bool next(std::string_view& line) {
        if (rest_.empty()) return false;
        line = next_line(rest_);
        ++number_;
        return true;
    }
    [[noreturn]] void fail(const std::string& reason) const {
        throw Error(ErrorKind::malformed, {name_, fmt::format("line {}", number_)}, reason);
    }

private:
    std::string_view rest_;
    const std::string& name_;
    std::uint64_t number_ = 0;
};

// "1 size 8536799328 header xxh3_64:0123456789abcdef", behind "# shard".
HotList::ShardId parse_shard(std::string_view words, const Reader& reader) {
    const auto number = decimal(next_word(words));
    const bool size_follows = next_word(words) == "size";
    const auto size = decimal(next_word(words));
    const bool digest_follows = next_word(words) == "header";
    const std::string_view digest = next_word(words);
    if (!number || *number == 0 || *number > UINT32_MAX || !size_follows || !size || !digest_follows ||
        !digest.starts_with(digest_kind) || !next_word(words).empty())
        reader.fail(fmt::format("wanted '# shard NUMBER size BYTES header {}HEX'", digest_kind));
    return {static_cast<std::uint32_t>(*number - 1), *size, std::string(digest.substr(digest_kind.size()))};
}

Range parse_range(std::string_view words, const Reader& reader) {
    const auto offset = decimal(next_word(words));
    const auto size = decimal(next_word(words));
    if (!offset || !size || !next_word(words).empty() || !checked::add(*offset, *size))
        reader.fail("wanted 'OFFSET LENGTH' in bytes");
    return {*offset, *size};
}

}  // namespace

HotList HotList::of(const Model& model, std::vector<ShardRange> ranges) {
    HotList list;
    list.model_name_ = model.name();
    for (std::uint32_t i = 0; i < model.shards().size(); ++i)
        list.shards_.push_back(identity_of(model.shards()[i], i));
    list.ranges_ = merged(std::move(ranges));
    return list;
}

HotList HotList::parse(std::string_view text, const std::string& name) {
    HotList list;
    Reader reader(text, name);
    std::uint32_t shard = 0;
    for (std::string_view line; reader.next(line);) {
        if (line.starts_with(title_start) && line != title)
            reader.fail(fmt::format("this version reads '{}' only", title));
        std::string_view words = line;
        const std::string_view first = next_word(words);
        if (first.empty()) continue;
        if (first != "#") {
            if (first.starts_with('#')) continue;
            list.ranges_.push_back({shard, parse_range(line, reader)});
            continue;
        }
        const std::string_view kind = next_word(words);
        if (kind == "model") list.model_name_ = words.substr(std::min<std::size_t>(1, words.size()));
        if (kind != "shard") continue;
        list.shards_.push_back(parse_shard(words, reader));
        shard = list.shards_.back().shard;
    }
    list.ranges_ = merged(std::move(list.ranges_));
    return list;
}

void HotList::write(const std::function<void(std::string_view)>& sink) const {
    std::string text = fmt::format("{}\n# model {}\n", title, printable(model_name_));
    auto next = ranges_.begin();
    for (const ShardId& id : shards_) {
        fmt::format_to(std::back_inserter(text), "# shard {} size {} header {}{}\n", id.shard + 1, id.size,
                       digest_kind, id.header_digest);
        for (; next != ranges_.end() && next->shard == id.shard; ++next) {
            fmt::format_to(std::back_inserter(text), "{} {}\n", next->range.offset, next->range.size);
            if (text.size() < 65536) continue;
            sink(text);
            text.clear();
        }
    }
    sink(text);
}

void HotList::require_match(const Model& model) const {
    const auto fail = [&](const std::string& reason) {
        throw Error(ErrorKind::mismatch, {model.name()},
                    "the list of ranges is for another model: " + reason);
    };
    const auto& shards = model.shards();
    for (const ShardId& id : shards_) {
        if (id.shard >= shards.size())
            fail(fmt::format("it names shard {} of {}", id.shard + 1, shards.size()));
        const ShardId here = identity_of(shards[id.shard], id.shard);
        if (here.size != id.size) fail(fmt::format("{} bytes there, {} here", id.size, here.size));
        if (here.header_digest != id.header_digest)
            fail(fmt::format("header digest {} there, {} here", id.header_digest, here.header_digest));
    }
    for (const ShardRange& one : ranges_) {
        if (one.shard >= shards.size() || one.range.end() > shards[one.shard].file.size())
            fail(fmt::format("range {} {} lies beyond the file", one.range.offset, one.range.size));
    }
}

}  // namespace ggufmap
