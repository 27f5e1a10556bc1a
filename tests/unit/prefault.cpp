#include "ggufmap/prefault.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "detail/pace.hpp"
#include "ggufmap/error.hpp"
#include "support/fake_page_cache.hpp"
#include "support/make_gguf.hpp"
#include "support/temporary_directory.hpp"
#include "support/warm_file.hpp"

using namespace ggufmap;
using test::FakePageCache;
using test::WarmFile;

namespace {

const std::uint64_t page = page_size();

// One page a tensor, the header fills the first.
constexpr const char* mixture = R"(
alignment 4096
kv general.architecture str llama
kv general.alignment u32 4096
tensor blk.1.attn_q.weight F32 1024
tensor blk.0.ffn_up_exps.weight F32 256 2 2
tensor blk.0.ffn_up_shexp.weight F32 1024
tensor blk.0.ffn_gate_inp.weight F32 1024
tensor blk.0.attn_q.weight F32 1024
tensor blk.0.attn_norm.weight F32 1024
tensor token_embd.weight F32 512 4
tensor output_norm.weight F32 1024
)";
constexpr const char* separate_output = "tensor output.weight F32 1024\n";

struct ModelOnDisk {
    explicit ModelOnDisk(const std::string& description)
        : model(Model::open(directory.write("m.gguf", test::make_gguf(description)))) {}
    test::TemporaryDirectory directory;
    Model model;
};

std::vector<std::uint64_t> pages_within(const Model& model, const PageCache& cache, std::uint64_t pages) {
    std::vector<std::uint64_t> result;
    for (const ShardRange& one : within_budget(cache, model, {}, pages * page)) {
        for (std::uint64_t at = one.range.offset; at < one.range.end(); at += page)
            result.push_back(at / page);
    }
    return result;
}

class Quiet final : public Progress {
public:
    void add(std::uint64_t bytes) override { done += bytes; }
    bool stop_requested() override { return stop; }
    std::uint64_t done = 0;
    bool stop = false;
};

// A model of one tensor of `bytes` bytes on a disk.
std::string large_model(std::uint64_t bytes) {
    return test::make_gguf("kv general.architecture str llama\ntensor a.weight I8 " + std::to_string(bytes) +
                           "\n");
}

}  // namespace

TEST_CASE("a budget is spent in the order of worth") {
    const ModelOnDisk disk(std::string(mixture) + separate_output);
    const FakePageCache cold(disk.model.file_bytes());
    using Pages = std::vector<std::uint64_t>;
    // In the file: 0 header, 1 attn.1, 2 experts, 3 shared ffn, 4 router, 5 attn.0, 6 norm, 7-8 embedding, 9
    // norm, 10 output.
    CHECK(pages_within(disk.model, cold, 0) == Pages{});
    CHECK(pages_within(disk.model, cold, 1) == Pages{0});
    CHECK(pages_within(disk.model, cold, 3) == Pages{0, 6, 9});
    CHECK(pages_within(disk.model, cold, 4) == Pages{0, 6, 9, 10});
    CHECK(pages_within(disk.model, cold, 5) == Pages{0, 5, 6, 9, 10});
    CHECK(pages_within(disk.model, cold, 6) == Pages{0, 1, 5, 6, 9, 10});
    CHECK(pages_within(disk.model, cold, 8) == Pages{0, 1, 3, 4, 5, 6, 9, 10});
    CHECK(pages_within(disk.model, cold, 9) == Pages{0, 1, 2, 3, 4, 5, 6, 9, 10});
    CHECK(pages_within(disk.model, cold, 10) == Pages{0, 1, 2, 3, 4, 5, 6, 7, 9, 10});
    CHECK(pages_within(disk.model, cold, 11) == Pages{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10});
}

TEST_CASE("embedding rows that are resident are rows in use") {
    const ModelOnDisk disk(std::string(mixture) + separate_output);
    FakePageCache cache(disk.model.file_bytes());
    cache.set_resident(8, 1);
    CHECK(pages_within(disk.model, cache, 4) == std::vector<std::uint64_t>{0, 6, 8, 9});
}

TEST_CASE("an embedding that is the output matrix as well is in use as a whole") {
    const ModelOnDisk disk(mixture);
    const FakePageCache cold(disk.model.file_bytes());
    CHECK(pages_within(disk.model, cold, 5) == std::vector<std::uint64_t>{0, 6, 7, 8, 9});
}

TEST_CASE("a budget narrows a selection, it does not widen it") {
    const ModelOnDisk disk(std::string(mixture) + separate_output);
    const FakePageCache cold(disk.model.file_bytes());
    Selection layers;
    layers.add_layers("0-1");
    const auto chosen = within_budget(cold, disk.model, layers, 2 * page);
    CHECK(chosen == std::vector<ShardRange>{{0, {5 * page, 2 * page}}});
    CHECK(within_budget(cold, disk.model, layers, 6 * page) == layers.ranges(disk.model));
}

TEST_CASE("a plan has the pages that are missing and no other") {
    const WarmFile disk(large_model(16 * page));
    const Model model = Model::open(disk.path());
    FakePageCache cache(model.file_bytes());
    cache.set_resident(3, 2);
    const PrefaultPlan plan = plan_prefault(cache, model, {{0, {page + 10, 4 * page}}});
    CHECK(plan.missing == std::vector<ShardRange>{{0, {page, 2 * page}}, {0, {5 * page, page}}});
    CHECK(plan.missing_bytes() == 3 * page);
    CHECK(plan.before.total == 4 * page);
    CHECK(plan.before.resident == 2 * page);
    const PrefaultPlan blind =
        plan_prefault(FakePageCache(model.file_bytes(), false), model, {{0, {page, page}}});
    CHECK(blind.missing == std::vector<ShardRange>{{0, {page, page}}});
    CHECK_FALSE(blind.before.resident.has_value());
}

TEST_CASE("every way brings in what is selected and nothing else") {
    const WarmFile disk(large_model(72 << 20));
    const Model model = Model::open(disk.path());
    const KernelPageCache cache;
    if (cache.method(model.shards()[0].file) == CacheMethod::none) return;
    // Edges off huge pages, a stretch over the last 32 MiB rule, single pages, the end of the file.
    const std::uint64_t end = model.file_bytes();
    const std::vector<ShardRange> wanted = {{0, {5 * page, page}},
                                            {0, {(1 << 20) + 123, 45 << 20}},
                                            {0, {60ULL << 20, 3 * page}},
                                            {0, {end - page, page}}};
    std::uint64_t pages = 0;
    for (const ShardRange& one : wanted) {
        const Range cover = page_cover(one.range, page);
        pages += (std::min(cover.end(), page_cover({0, end}, page).end()) - cover.offset) / page;
    }
    for (const WarmWay way :
         {WarmWay::automatic, WarmWay::sendfile, WarmWay::populate, WarmWay::read, WarmWay::willneed}) {
        for (const auto& [jobs, chunk] : {std::pair(1U, 3ULL << 20), {3U, 3ULL << 20}, {1U, 1ULL << 20}}) {
            PrefaultOptions options;
            options.way = way;
            options.jobs = jobs;
            options.chunk = chunk;
            options.huge_pages = way == WarmWay::populate && jobs == 1;
            CAPTURE(static_cast<int>(way));
            CAPTURE(options.jobs);
            CAPTURE(options.chunk);
            disk.evict();
            const PrefaultPlan plan = plan_prefault(cache, model, wanted);
            Quiet progress;
            const PrefaultResult result = prefault(model, plan, options, progress);
            CHECK(result.bytes == plan.missing_bytes());
            CHECK(progress.done == result.bytes);
            CHECK(cache.query(model.shards()[0].file, {0, end}).resident == pages);
            CHECK(plan_prefault(cache, model, wanted).missing.empty());
        }
    }
}

TEST_CASE("willneed leaves nothing of the selection out") {
    const WarmFile disk(large_model(2 << 20));
    const Model model = Model::open(disk.path());
    disk.evict();
    const KernelPageCache cache;
    PrefaultOptions options;
    options.way = WarmWay::willneed;
    Quiet progress;
    prefault(model, plan_prefault(cache, model, {{0, {0, model.file_bytes()}}}), options, progress);
    CHECK(plan_prefault(cache, model, {{0, {0, model.file_bytes()}}}).missing.empty());
}

TEST_CASE("a file that is cut while it is warmed is an error, not a signal") {
    for (const WarmWay way : {WarmWay::sendfile, WarmWay::populate, WarmWay::read, WarmWay::willneed}) {
        const WarmFile disk(large_model(4 << 20));
        const Model model = Model::open(disk.path());
        disk.evict();
        const PrefaultPlan plan = plan_prefault(KernelPageCache(), model, {{0, {0, model.file_bytes()}}});
        REQUIRE(::truncate(disk.path().c_str(), 1 << 20) == 0);
        PrefaultOptions options;
        options.way = way;
        Quiet progress;
        try {
            prefault(model, plan, options, progress);
            FAIL("no error");
        } catch (const Error& error) {
            CHECK(error.kind() == ErrorKind::mismatch);
            CHECK(error.where().offset == 1 << 20);
        }
    }
}

TEST_CASE("with a rate the steps are a tenth of a second") {
    struct Steps final : Progress {
        void add(std::uint64_t bytes) override { most = std::max(most, bytes); }
        bool stop_requested() override { return false; }
        std::uint64_t most = 0;
    };
    const WarmFile disk(large_model(4 << 20));
    const Model model = Model::open(disk.path());
    disk.evict();
    PrefaultOptions options;
    options.rate = 10 << 20;
    Steps steps;
    const PrefaultPlan plan = plan_prefault(KernelPageCache(), model, {{0, {0, model.file_bytes()}}});
    const auto elapsed = prefault(model, plan, options, steps).elapsed;
    CHECK(steps.most <= 1 << 20);
    const std::chrono::duration<double> least(static_cast<double>(plan.missing_bytes()) / (10 << 20));
    CHECK(elapsed >= least);
}

TEST_CASE("a wish to stop ends the run") {
    const WarmFile disk(large_model(1 << 20));
    const Model model = Model::open(disk.path());
    disk.evict();
    Quiet progress;
    progress.stop = true;
    const PrefaultPlan plan = plan_prefault(KernelPageCache(), model, {{0, {0, model.file_bytes()}}});
    CHECK_THROWS_WITH_AS(prefault(model, plan, {}, progress), "interrupted", Error);
}

TEST_CASE("the rate of a device is measured past the page cache") {
    const WarmFile disk(large_model(8 << 20));
    const Model model = Model::open(disk.path());
    disk.evict();
    const KernelPageCache cache;
    const std::vector<ShardRange> all = {{0, {0, model.file_bytes()}}};
    if (const auto rate = measure_device(model, all)) CHECK(*rate > 0);
    CHECK(cache.query(model.shards()[0].file, {0, model.file_bytes()}).resident == 0);
    CHECK_FALSE(measure_device(model, {}).has_value());
}

TEST_CASE("a rate is kept by all threads together") {
    using namespace std::chrono_literals;
    detail::Pace pace(1000);
    const detail::Pace::Time start{100s};
    CHECK(pace.reserve(start, 500) == start + 500ms);
    CHECK(pace.reserve(start, 2000) == start + 2500ms);
    CHECK(pace.reserve(start + 1s, 1) == start + 2501ms);
    CHECK(pace.reserve(start + 10s, 1) == start + 10s);
    detail::Pace free({});
    CHECK(free.reserve(start, UINT64_MAX) == start);
    CHECK(free.reserve(start, 1) == start);
}

TEST_CASE("reading pauses while tasks wait for memory") {
    using namespace std::chrono_literals;
    detail::Pace pace({});
    const detail::Pace::Time start{100s};
    pace.observe(start, 5'000'000);
    CHECK(pace.reserve(start, 1) == start);
    pace.observe(start + 1s, 5'090'000);  // 9 %
    CHECK(pace.reserve(start + 1s, 1) == start + 1s);
    pace.observe(start + 2s, 5'200'000);  // 11 %
    CHECK(pace.reserve(start + 2s, 1) == start + 3s);
    CHECK(pace.held_back() == 1s);
}

TEST_CASE("ways have names") {
    CHECK(parse_warm_way("auto") == WarmWay::automatic);
    CHECK(parse_warm_way("willneed") == WarmWay::willneed);
    CHECK_FALSE(parse_warm_way("mmap").has_value());
}
