#include "gguf-shard/settings.hpp"

#include <fmt/format.h>

#include "common/jobs.hpp"
#include "ggufmap/error.hpp"

namespace ggufmap::shard {
namespace {

constexpr std::uint64_t default_size = 512ULL << 20;

[[noreturn]] void fail(const std::string& reason) { throw Error(ErrorKind::usage, {}, reason); }

ShardOptions cut_from(const cli::Args& args) {
    ShardOptions cut;
    cut.tensors = args.number("--tensors", {1});
    cut.header_first = args.has("--header-first");
    const auto per = args.text("--per");
    if (per == "layer") cut.by = ShardBy::layer;
    if (per == "expert-layer") cut.by = ShardBy::expert_layer;
    if (per == "tensor") cut.tensors = 1;
    if (!cut.tensors) {  // else the shards are those of llama-gguf-split
        cut.congruent_block = congruence;
        cut.congruent_from = worth_congruence;
    }
    cut.size = args.size("--size", {1});
    if (!cut.size && !cut.tensors && cut.by == ShardBy::any) cut.size = default_size;
    return cut;
}

Reflink reflink_from(const cli::Args& args) {
    const std::string when = args.text("--reflink").value_or("auto");
    return when == "always" ? Reflink::always : when == "never" ? Reflink::never : Reflink::automatic;
}

/// The model's name in the current directory, as split(1) and csplit(1) do.
std::string default_prefix(const std::string& model) {
    std::string name = model.substr(model.find_last_of("/:") + 1);
    if (name.ends_with(".gguf")) name.resize(name.size() - 5);
    return name;
}

}  // namespace

Only::Only(const std::string& text) {
    const auto mark = text.find_first_of("/-");
    const auto left = cli::parse_number(std::string_view(text).substr(0, mark));
    const auto right =
        mark == std::string::npos ? left : cli::parse_number(std::string_view(text).substr(mark + 1));
    if (!left || !right || *left == 0 || *left > *right)
        fail(fmt::format("--only: '{}' is neither a shard (3), nor shards (3-5), nor a share (2/8)", text));
    first_ = *left;
    last_ = *right;
    if (mark == std::string::npos || text[mark] == '-') return;
    last_ = *left;
    shares_ = *right;
}

bool Only::includes(std::size_t index, std::size_t count) const {
    if (shares_ == 0) return index + 1 >= first_ && index + 1 <= last_;
    // Share K has the shards from (K-1)/N to K/N of the set; count and shares are small against 2^32.
    return index >= (first_ - 1) * count / shares_ && index < first_ * count / shares_;
}

void Only::check(std::size_t count) const {
    if (shares_ == 0 && last_ > count)
        fail(fmt::format("--only: there are {} shards, no shard {}", count, last_));
    if (shares_ > UINT32_MAX) fail(fmt::format("--only: {} shares are too many", shares_));
}

Settings Settings::from(const cli::Args& args) {
    args.at_most_one_of({"--raw", "--tensors"});
    args.at_most_one_of({"--raw", "--per"});
    args.at_most_one_of({"--raw", "--header-first"});
    args.at_most_one_of({"--checksums", "--no-checksums"});
    for (const char* meaningless : {"--only", "--reflink", "--keep-cache", "--no-sync", "--force", "--jobs"})
        args.at_most_one_of({"--tar", meaningless});
    for (const char* stepwise : {"--consume", "--resume"})
        for (const char* other : {"--tar", "--only", "--reflink", "--keep-cache", "--no-sync"})
            args.at_most_one_of({stepwise, other});
    if (args.has("--consume") && !args.has("--force") && !args.has("--dry-run"))
        fail("--consume frees the model as it goes: say --force, too, if that is what you want");
    Settings settings;
    settings.model = *args.text("MODEL");
    settings.prefix = args.text("--output").value_or(default_prefix(settings.model));
    settings.tar = args.has("--tar") || settings.prefix == "-";
    if (settings.prefix == "-") settings.prefix = default_prefix(settings.model);
    for (const char* format : {"--json", "--tsv", "--null"})
        if (settings.tar && args.has(format) && !args.has("--dry-run"))
            fail(fmt::format("{}: the shards go to standard output", format));
    settings.raw = args.has("--raw");
    settings.cut = cut_from(args);
    settings.raw_size = settings.cut.size.value_or(default_size);
    settings.reflink = settings.tar ? Reflink::never : reflink_from(args);
    if (const auto only = args.text("--only")) settings.only.emplace(*only);
    // Workers on different file systems must come to the same set, checksum lists included.
    if (settings.only && settings.reflink == Reflink::automatic) settings.reflink = Reflink::never;
    if (args.has("--checksums") || args.has("--no-checksums")) settings.checksums = args.has("--checksums");
    settings.output.replace = args.has("--force");
    settings.output.keep_cache = args.has("--keep-cache");
    settings.output.durable = !args.has("--no-sync");
    settings.consume = args.has("--consume");
    settings.resume = args.has("--resume");
    if (settings.consume) settings.output.replace = false;  // --force is about the model here
    if (settings.consume || settings.resume) settings.reflink = Reflink::never;
    if (args.has("--jobs")) settings.jobs = cli::jobs_from(args);
    settings.dry_run = args.has("--dry-run");
    settings.quiet = args.has("--quiet");
    return settings;
}

}  // namespace ggufmap::shard
