// The selection grammar and hot lists: any text selects or is refused as the command line's fault; what is
// selected lies in the file, sorted and disjoint; a hot list survives being written and read again.
#include <algorithm>
#include <string>

#include "ggufmap/error.hpp"
#include "ggufmap/ranges.hpp"
#include "ggufmap/select.hpp"
#include "memory_file.hpp"
#include "support/small_model.hpp"

using namespace ggufmap;

namespace {

const Model& model() {
    static const std::string bytes = [] {
        HeaderWriter header;
        header.add("general.architecture", std::string_view("llama"));
        return test::small_model(std::move(header), {{"token_embd.weight", {64, 4}},
                                                     {"blk.0.attn_q.weight", {64, 8}},
                                                     {"blk.0.ffn_up_exps.weight", {32, 8, 4}},
                                                     {"blk.1.attn_norm.weight", {64}},
                                                     {"blk.1.ffn_down.weight", {64, 8}},
                                                     {"output.weight", {64, 4}}});
    }();
    static const Model model = Model::from(File::adopt(
        memory_file(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()), "m.gguf"));
    return model;
}

void inside(const std::vector<ShardRange>& ranges) {
    std::uint64_t end = 0;
    for (const ShardRange& one : ranges) {
        demand(one.shard == 0 && one.range.offset >= end && !one.range.empty());
        end = one.range.end();
    }
    demand(end <= model().file_bytes());
}

void select(std::string_view text) try {
    const Selection selection = Selection::parse(text);
    inside(selection.ranges(model()));
    for (const Selected& one : selection.of(model()))
        demand(one.where.range.end() <= model().file_bytes() &&
               (!one.tensor || selection.includes(*one.tensor->info)));
} catch (const Error& error) {
    demand(error.kind() == ErrorKind::usage);
}

/// Whether write() has a place for each range: lists of ours name their shards in order.
bool names_its_shards(const HotList& list) {
    const auto& shards = list.shards();
    const auto named = [&](const ShardRange& one) {
        return std::ranges::any_of(shards, [&](const HotList::ShardId& id) { return id.shard == one.shard; });
    };
    return std::ranges::is_sorted(shards, std::ranges::less(), &HotList::ShardId::shard) &&
           std::ranges::all_of(list.ranges(), named);
}

void hot_list(std::string_view text) try {
    const HotList list = HotList::parse(text, "fuzz");
    if (names_its_shards(list)) {
        std::string written;
        list.write([&](std::string_view piece) { written += piece; });
        const HotList again = HotList::parse(written, "again");
        demand(again.ranges() == list.ranges() && again.shards() == list.shards());
    }
    list.require_match(model());
    inside(Selection().restrict_to(list.ranges()).ranges(model()));
} catch (const Error& error) {
    demand(error.kind() == ErrorKind::malformed || error.kind() == ErrorKind::mismatch);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    select(text);
    hot_list(text);
    return 0;
}
