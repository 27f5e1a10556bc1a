#include "ggufmap/weights.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <chrono>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <thread>

#include "support/fake_page_cache.hpp"
#include "support/small_model.hpp"
#include "support/temporary_directory.hpp"
#include "support/warm_file.hpp"

using namespace ggufmap;

namespace {

// Keeps what it is given, and checks the order of the calls.
struct Collector final : WeightSink {
    struct Got {
        std::string bytes;
        bool finished = false;
        std::optional<Error> error;
    };
    std::map<std::size_t, Got> got;
    std::optional<std::size_t> open;
    std::function<void(std::size_t)> on_take;

    void take(std::size_t extent, Bytes bytes) override {
        REQUIRE((!open || *open == extent));
        open = extent;
        got[extent].bytes += as_text(bytes);
        if (on_take) on_take(extent);
    }
    void finish(std::size_t extent) override {
        REQUIRE_FALSE(got[extent].finished);
        got[extent].finished = true;
        open.reset();
    }
    void fail(std::size_t extent, const Error& error) override {
        REQUIRE_FALSE(got[extent].error);
        got[extent].error = error;
        open.reset();
    }
};

// Tensors of many sizes: none, below a page, not a multiple of one, larger than every window and buffer.
std::string model_bytes() {
    return test::small_model(HeaderWriter(), {{"a", {3}, 0},
                                              {"empty", {0}, 0},
                                              {"b", {2'500'000}, 0},
                                              {"c", {1000}, 0},
                                              {"d", {1'100'000}, 0},
                                              {"e", {7}, 0}});
}

std::vector<ShardRange> extents_of(const Model& model) {
    std::vector<ShardRange> extents;
    for (const ModelTensor& tensor : model.tensors()) extents.push_back({tensor.shard, *tensor.range});
    return extents;
}

// All that several sinks of read_each got.
std::map<std::size_t, Collector::Got> join(const std::deque<Collector>& sinks) {
    std::map<std::size_t, Collector::Got> all;
    for (const Collector& sink : sinks) {
        for (const auto& [extent, got] : sink.got) CHECK(all.emplace(extent, got).second);
    }
    return all;
}

std::map<std::size_t, Collector::Got> each(const Model& model, const ReadOptions& options,
                                           bool slow = false) {
    std::deque<Collector> sinks;
    CHECK(read_each(
        model, extents_of(model), options, [&]() -> WeightSink& { return sinks.emplace_back(); }, slow));
    return join(sinks);
}

std::map<std::size_t, Collector::Got> in_order(const Model& model, const ReadOptions& options) {
    Collector first;
    Collector second;
    WeightSink* const sinks[] = {&first, &second};
    CHECK(read_in_order(model, extents_of(model), options, sinks));
    for (const auto& [extent, got] : first.got) CHECK(second.got[extent].bytes == got.bytes);
    return first.got;
}

void check_all(const std::map<std::size_t, Collector::Got>& got, const Model& model,
               const std::string& file) {
    REQUIRE(got.size() == model.tensors().size());
    for (const auto& entry : got) {
        const std::size_t extent = entry.first;  // clang 14 captures no structured bindings
        const Collector::Got& one = entry.second;
        CAPTURE(extent);
        const Range range = *model.tensors()[extent].range;
        CHECK(one.finished);
        CHECK_FALSE(one.error);
        CHECK((one.bytes == std::string_view(file).substr(range.offset, range.size)));
    }
}

}  // namespace

TEST_CASE("every byte arrives once and in order, whatever is resident and however many threads") {
    const std::string bytes = model_bytes();
    const test::WarmFile file(bytes);
    const Model model = Model::open(file.path());
    const std::uint64_t pages = bytes.size() / page_size();
    enum class Cache { cold, warm, mixed, unknown };
    for (const Cache state : {Cache::cold, Cache::warm, Cache::mixed, Cache::unknown}) {
        test::FakePageCache cache(bytes.size(), state != Cache::unknown);
        if (state == Cache::warm) cache.set_resident(0, pages + 1);
        if (state == Cache::mixed) {
            cache.set_resident(3, 700);
            cache.set_resident(pages / 2, 600);
            cache.set_resident(pages - 5, 3);
        }
        for (const unsigned jobs : {1U, 2U, 5U}) {
            CAPTURE(static_cast<int>(state));
            CAPTURE(jobs);
            ReadOptions options;
            options.jobs = jobs;
            options.page_cache = &cache;
            check_all(each(model, options), model, bytes);
            check_all(each(model, options, true), model, bytes);
            check_all(in_order(model, options), model, bytes);
        }
    }
}

TEST_CASE("reading leaves the page cache as it was, unless told otherwise") {
    const std::string bytes = model_bytes();
    const test::WarmFile file(bytes);
    const Model model = Model::open(file.path());
    const KernelPageCache cache;
    if (cache.method(model.shards()[0].file) != CacheMethod::cachestat) {
        MESSAGE("skipped: the kernel does not count pages here");
        return;
    }
    const auto resident = [&] { return *cache.query(model.shards()[0].file, {0, bytes.size()}).resident; };
    file.evict();
    const std::uint64_t before = resident();
    if (before > 4) {
        MESSAGE("skipped: this file system does not evict");
        return;
    }
    check_all(each(model, {}), model, bytes);
    CHECK(resident() <= before + 1);
    ReadOptions keep;
    keep.keep_cache = true;
    check_all(each(model, keep), model, bytes);
    const std::uint64_t kept = resident();
    CHECK(kept > bytes.size() / page_size() / 2);
    check_all(in_order(model, {}), model, bytes);
    CHECK(resident() >= kept);
}

TEST_CASE("a file that shrinks fails the tensors that are gone, and only those") {
    const std::string bytes = model_bytes();
    for (const bool resident : {false, true}) {
        CAPTURE(resident);
        const test::WarmFile file(bytes);
        const Model model = Model::open(file.path());
        test::FakePageCache cache(bytes.size());
        if (resident) cache.set_resident(0, bytes.size() / page_size() + 1);
        ReadOptions options;
        options.page_cache = &cache;
        const std::uint64_t cut = model.tensors()[4].range->offset + 5000;  // in "d"
        REQUIRE(::truncate(file.path().c_str(), static_cast<off_t>(cut)) == 0);
        for (const auto& got : {each(model, options), in_order(model, options)}) {
            for (const std::size_t whole : {0U, 2U, 3U}) CHECK(got.at(whole).finished);
            for (const std::size_t gone : {4U, 5U}) {
                CHECK_FALSE(got.at(gone).finished);
                REQUIRE(got.at(gone).error);
                CHECK(got.at(gone).error->kind() == ErrorKind::mismatch);
            }
        }
    }
}

TEST_CASE("bytes in hand stay readable when the file is cut") {
    struct Cutter final : WeightSink {
        void take(std::size_t, Bytes bytes) override {
            if (!cutting.joinable()) {
                cutting = std::thread([this] { CHECK(::truncate(path.c_str(), 0) == 0); });
                std::this_thread::sleep_for(
                    std::chrono::milliseconds(50));  // it cuts now, if anything lets it
            }
            taken += std::string(as_text(bytes));  // of a mapping without a lease: SIGBUS
        }
        void finish(std::size_t) override {}
        void fail(std::size_t, const Error&) override { ++failed; }
        std::string path;
        std::thread cutting;
        std::string taken;
        int failed = 0;
    };
    const std::string bytes = model_bytes();
    for (const bool keep_cache : {false, true}) {
        const test::WarmFile file(bytes);
        const Model model = Model::open(file.path());
        test::FakePageCache cache(bytes.size());
        cache.set_resident(0, bytes.size() / page_size() + 1);
        ReadOptions options;
        options.page_cache = &cache;
        options.keep_cache = keep_cache;
        Cutter cutter;
        cutter.path = file.path();
        CHECK(read_each(model, extents_of(model), options, [&]() -> WeightSink& { return cutter; }));
        cutter.cutting.join();
        CHECK_FALSE(cutter.taken.empty());
        CHECK((bytes.find(cutter.taken) != std::string::npos));
        CHECK_THROWS_AS(model.check_unchanged(), Error);
    }
}

TEST_CASE("reading stops when asked to, and passes on what sinks throw") {
    const test::TemporaryDirectory directory;
    // More windows than are read ahead.
    const std::string bytes = test::small_model(HeaderWriter(), {{"a", {12'000'000}, 0}});
    const Model model = Model::open(directory.write("m.gguf", bytes));
    const std::vector<ShardRange> extents = extents_of(model);
    for (const unsigned jobs : {1U, 3U}) {
        ReadOptions options;
        options.jobs = jobs;
        for (const bool ordered : {false, true}) {
            const auto read = [&](const std::function<void(std::size_t)>& on_take) {
                std::deque<Collector> collectors(2);
                collectors[0].on_take = on_take;
                WeightSink* const sinks[] = {&collectors[0], &collectors[1]};
                if (ordered) return read_in_order(model, extents, options, sinks);
                std::deque<Collector> more;
                return read_each(model, extents, options, [&]() -> WeightSink& {
                    more.emplace_back().on_take = on_take;
                    return more.back();
                });
            };
            std::stop_source source;
            options.stop = source.get_token();
            CHECK_FALSE(read([&](std::size_t) { source.request_stop(); }));
            options.stop = {};
            CHECK_THROWS_AS(read([](std::size_t) { throw Error(ErrorKind::limit, {}, "enough"); }), Error);
        }
    }
}
