#include "ggufmap/residency.hpp"

#include <doctest/doctest.h>

#include "support/fake_page_cache.hpp"
#include "support/make_gguf.hpp"
#include "support/warm_file.hpp"

using namespace ggufmap;
using test::FakePageCache;
using test::WarmFile;

namespace {

const std::uint64_t page = page_size();

const char* const three_tensors =
    "tensor token_embd.weight F32 1000 10\n"
    "tensor blk.0.attn_q.weight F32 1000 5\n"
    "tensor blk.0.ffn_up.weight F32 1000 7\n"
    "tail zero 100\n";

CacheCounts total_of(const std::vector<CacheCounts>& counts) {
    CacheCounts sum{0, 0, 0, 0, 0, 0};
    for (const CacheCounts& one : counts) sum += one;
    return sum;
}

}  // namespace

TEST_CASE("regions add up to the file and layers to the regions, shared pages and all") {
    const WarmFile disk(test::make_gguf(three_tensors));
    const Model model = Model::from(disk.open());
    FakePageCache cache(model.file_bytes());
    // The page on which the embedding ends and attention begins, and no other.
    const std::uint64_t border = model.tensors()[1].range->offset;
    REQUIRE(border % page != 0);
    cache.set_resident(border / page, 1);
    const LayerTally tally(measure(cache, model));
    CHECK(tally.total().total == model.file_bytes());
    CHECK(tally.total().resident == page);
    const auto layers = tally.layers();
    REQUIRE(layers.size() == 2);
    CHECK_FALSE(layers[0].layer);
    CHECK(layers[1].layer == 0);
    CHECK(layers[0][Part::embed].resident == border % page);
    CHECK(layers[1][Part::attn].resident == page - border % page);
    CHECK(layers[1][Part::ffn].resident == 0);
    CHECK(layers[0][Part::header].total + layers[0][Part::embed].total + layers[0][Part::other].total ==
          layers[0].total().total);
    CHECK(layers[0].total().total + layers[1].total().total == model.file_bytes());
}

TEST_CASE("the header has the same bytes as a part and in the whole") {
    const WarmFile disk(test::make_gguf(three_tensors));
    const Model model = Model::from(disk.open());
    const FakePageCache cache(model.file_bytes());
    const LayerTally part(measure(cache, model, Selection::parse("part=header")));
    CHECK(part.total().total == model.shards()[0].gguf.data_offset());
    CHECK(LayerTally(measure(cache, model)).layers()[0][Part::header] == part.total());
}

TEST_CASE("tensors without a byte are measured in their place") {
    const WarmFile disk(
        test::make_gguf("tensor a F32 8\ntensor blk.0.none F32 0\ntensor b F32 8\n"
                        "tensor last F32 0\n"));
    const Model model = Model::from(disk.open());
    const FakePageCache cache(model.file_bytes());
    std::string names;
    std::uint64_t bytes = 0;
    for (const Portion& portion : measure(cache, model)) {
        if (portion.tensor != nullptr) names += std::string(portion.tensor->name) + " ";
        bytes += portion.bytes.total;
    }
    CHECK(names == "a blk.0.none b last ");
    CHECK(bytes == model.file_bytes());
}

TEST_CASE("small neighbours are asked for together, and one by one where the answer is mixed") {
    const std::uint64_t count = 1000;
    const WarmFile disk(count * 1000);
    const File file = disk.open();
    std::vector<Range> ranges;
    for (std::uint64_t i = 0; i < count; ++i) ranges.push_back({i * 1000, 1000});

    FakePageCache warm(file.size());
    warm.set_resident(0, file.size() / page + 1);
    CHECK(total_of(count_each(warm, file, ranges)).resident == file.size());
    CHECK(warm.queries() == 1);

    FakePageCache mixed(file.size());
    mixed.set_resident(10, 7);
    const auto counts = count_each(mixed, file, ranges);
    CHECK(total_of(counts).resident == 7 * page);
    CHECK(counts[40].resident == 40 * 1000 + 1000 - 10 * page);
    CHECK(counts[39].resident == 0);
    CHECK(mixed.queries() > 1);
}

TEST_CASE("cachestat and mincore count the same bytes of what a test warmed") {
    const WarmFile disk(test::make_gguf(three_tensors));
    const Model model = Model::from(disk.open());
    disk.evict();
    disk.warm(*model.tensors()[1].range);
    const auto expected = page_cover(*model.tensors()[1].range, page).size;
    for (const auto allow : {KernelPageCache::Allow::only_cachestat, KernelPageCache::Allow::only_mincore}) {
        const KernelPageCache cache(allow);
        if (cache.method(model.shards()[0].file) == CacheMethod::none) continue;
        const LayerTally tally(measure(cache, model));
        CHECK(tally.total().resident == expected);
        CHECK(tally.layers()[1][Part::attn].resident == model.tensors()[1].range->size);
        const auto layer = Selection::parse("layer=0");
        CHECK(LayerTally(measure(cache, model, layer)).total() ==
              count_ranges(cache, model, layer.ranges(model)));
        CHECK(count_ranges(cache, model, Selection::parse("layer=0;part=attn").ranges(model)).resident ==
              model.tensors()[1].range->size);
    }
}

TEST_CASE("unknown stays unknown through every sum") {
    const WarmFile disk(test::make_gguf(three_tensors));
    const Model model = Model::from(disk.open());
    const LayerTally tally(measure(FakePageCache(model.file_bytes(), false), model));
    CHECK_FALSE(tally.total().resident);
    CHECK(tally.total().total == model.file_bytes());
    CHECK_FALSE(tally.layers()[1].total().resident);
    CHECK(tally.layers()[1][Part::experts].resident == 0);  // nothing of nothing is known
}

TEST_CASE("more portions than are asked for at once are each counted once") {
    std::string text;
    for (int i = 0; i < 5000; ++i) text += "tensor t" + std::to_string(i) + " F32 8\n";
    const WarmFile disk(test::make_gguf(text));
    const Model model = Model::from(disk.open());
    FakePageCache cache(model.file_bytes());
    cache.set_resident(0, model.file_bytes() / page + 1);
    const std::vector<Portion> portions = measure(cache, model);
    CHECK(portions.size() >= 5001);
    CHECK(LayerTally(portions).total().total == model.file_bytes());
    CHECK(LayerTally(portions).total().resident == model.file_bytes());
    const std::vector<ShardRange> ranges = {{0, {0, page}}, {0, {page, 10}}};
    CHECK(count_ranges(cache, model, ranges).resident == page + 10);
}

TEST_CASE("slices of tensors that overlap are each counted, though they are not in order") {
    const WarmFile disk(
        test::make_gguf("tensor blk.0.ffn_up_exps.weight F32 2048 4\n"
                        "tensor blk.1.ffn_up_exps.weight F32 2048 4 @offset=32\n"));
    const Model model = Model::from(disk.open());
    FakePageCache cache(model.file_bytes());
    cache.set_resident(0, 2);
    const Selection slices = Selection::parse("expert=0-3");
    std::size_t count = 0;
    measure_each(cache, model, slices, [&](const Portion& portion) {
        CHECK(portion.bytes == count_bytes(cache, disk.open(), portion.where.range));
        ++count;
    });
    CHECK(count == 8);
}
