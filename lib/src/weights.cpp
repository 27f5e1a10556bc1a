#include "ggufmap/weights.hpp"

#include <algorithm>
#include <numeric>
#include <vector>

#include "detail/gang.hpp"
#include "detail/relay.hpp"
#include "detail/window_stream.hpp"

namespace ggufmap {
namespace {

using detail::DirectRing;
using detail::Gang;
using detail::Relay;
using detail::Residency;
using detail::WeightFiles;
using detail::Window;
using detail::WindowStream;

// Small tensors are read this much at a time.
constexpr std::uint64_t group_bytes = std::uint64_t{4} << 20;
constexpr std::size_t group_extents = 4096;

// What several sinks on one thread take in turns stays in its L2 cache.
constexpr std::size_t shared_chunk = std::size_t{256} << 10;

// A window of a mapping costs two calls and an interrupt of the other processors (--hash --per tensor of 2.16
// GiB, warm: 160 ms with 2 MiB, 152 with 8). What lanes share stays in the processor's L3 cache (--hash: 0.42
// s with 512 KiB, 0.39 with 1 MiB, 0.36 with 2 MiB, no less with 8), and several of them are out at once.
constexpr std::uint64_t own_window = std::uint64_t{8} << 20;
constexpr std::uint64_t shared_window = std::uint64_t{2} << 20;

// Of all rings together; 32 MiB of them suffice for one disk.
constexpr std::size_t most_ring_bytes = std::size_t{48} << 20;

constexpr unsigned most_direct_streams = 8;

DirectRing::Shape ring_shape(unsigned streams) {
    DirectRing::Shape shape;
    if (streams == 1) return shape;
    shape.buffers = 4;
    while (streams * shape.buffers * shape.buffer_bytes > most_ring_bytes) shape.buffer_bytes /= 2;
    return shape;
}

void feed(std::span<WeightSink* const> sinks, const Window& window) {
    const std::size_t chunk = sinks.size() == 1 ? ~std::size_t{0} : shared_chunk;
    for (const detail::WindowEvent& event : window.events) {
        if (event.error) {
            for (WeightSink* const sink : sinks) sink->fail(event.extent, *event.error);
            continue;
        }
        for (Bytes left = event.bytes; !left.empty(); left = left.subspan(std::min(chunk, left.size()))) {
            for (WeightSink* const sink : sinks)
                sink->take(event.extent, left.first(std::min(chunk, left.size())));
        }
        if (event.last) {
            for (WeightSink* const sink : sinks) sink->finish(event.extent);
        }
    }
}

// Extents that one thread reads in one go.
struct Group {
    std::vector<std::size_t> order;
    std::uint64_t bytes = 0;
};

std::vector<Group> make_groups(std::span<const ShardRange> extents) {
    std::vector<std::size_t> sorted(extents.size());
    std::iota(sorted.begin(), sorted.end(), std::size_t{0});
    std::sort(sorted.begin(), sorted.end(),
              [&](std::size_t a, std::size_t b) { return extents[a] < extents[b]; });
    std::vector<Group> groups;
    for (const std::size_t index : sorted) {
        const std::uint64_t size = extents[index].range.size;
        const bool full = groups.empty() || groups.back().bytes + size > group_bytes ||
                          groups.back().order.size() == group_extents;
        if (full) groups.emplace_back();
        groups.back().order.push_back(index);
        groups.back().bytes += size;
    }
    return groups;
}

// What the threads of read_each share out among themselves.
struct Work {
    std::vector<Group> cached;                     // the largest first
    std::vector<std::vector<std::size_t>> direct;  // one list a thread, in the order of the files
};

Work share_out(std::span<const ShardRange> extents, const Residency& residency, unsigned streams) {
    Work work;
    std::vector<Group> cold;
    std::uint64_t cold_bytes = 0;
    for (Group& group : make_groups(extents)) {
        const bool cached = std::all_of(group.order.begin(), group.order.end(),
                                        [&](std::size_t index) { return residency.cached(extents[index]); });
        if (!cached) cold_bytes += group.bytes;
        (cached ? work.cached : cold).push_back(std::move(group));
    }
    std::stable_sort(work.cached.begin(), work.cached.end(),
                     [](const Group& a, const Group& b) { return a.bytes > b.bytes; });
    std::uint64_t shared = 0;
    for (const Group& group : cold) {
        const bool next_list = work.direct.empty() || shared * streams >= cold_bytes * work.direct.size();
        if (next_list) work.direct.emplace_back();
        shared += group.bytes;
        work.direct.back().insert(work.direct.back().end(), group.order.begin(), group.order.end());
    }
    return work;
}

// False if it was asked to stop.
bool read_stream(WindowStream& stream, const ReadOptions& options, const Gang& gang,
                 std::span<WeightSink* const> sinks) {
    Window window;
    while (stream.next(window)) {
        if (options.stop.stop_requested() || gang.failed()) return false;
        feed(sinks, window);
        if (options.progress) options.progress(window.bytes);
        stream.release(window);
    }
    return true;
}

void finish_empty(std::span<const ShardRange> extents, std::span<WeightSink* const> sinks) {
    for (std::size_t i = 0; i < extents.size(); ++i) {
        if (!extents[i].range.empty()) continue;
        for (WeightSink* const sink : sinks) sink->finish(i);
    }
}

Residency residency_of(const Model& model, std::span<const ShardRange> extents, const ReadOptions& options) {
    const KernelPageCache kernel;
    const PageCache& cache = options.page_cache != nullptr ? *options.page_cache : kernel;
    return {model, extents, cache, options.keep_cache};
}

// Sinks by thread, so that the threads cost about the same.
std::vector<std::vector<WeightSink*>> spread(std::span<WeightSink* const> sinks, unsigned jobs) {
    const std::size_t lanes = std::min<std::size_t>(std::max(jobs, 1U), sinks.size());
    std::vector<WeightSink*> costly(sinks.begin(), sinks.end());
    std::stable_sort(costly.begin(), costly.end(),
                     [](const WeightSink* a, const WeightSink* b) { return a->cost() > b->cost(); });
    std::vector<std::vector<WeightSink*>> spread(lanes);
    std::vector<unsigned> load(lanes, 0);
    for (WeightSink* const sink : costly) {
        const auto least =
            static_cast<std::size_t>(std::min_element(load.begin(), load.end()) - load.begin());
        spread[least].push_back(sink);
        load[least] += sink->cost();
    }
    return spread;
}

}  // namespace

bool read_each(const Model& model, std::span<const ShardRange> extents, const ReadOptions& options,
               const std::function<WeightSink&()>& make_sink, bool slow) {
    const unsigned jobs = std::max(options.jobs, 1U);
    const Residency residency = residency_of(model, extents, options);
    const Work work = share_out(extents, residency, slow ? std::min(jobs, most_direct_streams) : 1);
    const WeightFiles files(model, options.keep_cache);
    const auto streams = static_cast<unsigned>(work.direct.size());
    const auto useful =
        static_cast<unsigned>(std::clamp<std::size_t>(work.direct.size() + work.cached.size(), 1, jobs));

    std::vector<WeightSink*> sinks;
    for (unsigned i = 0; i < useful; ++i) sinks.push_back(&make_sink());
    finish_empty(extents, std::span(sinks).first(1));
    std::atomic<std::size_t> next_cached = 0;
    std::atomic<bool> complete = true;
    Gang gang;
    gang.run(useful, [&](unsigned worker) {
        const std::span<WeightSink* const> mine(&sinks[worker], 1);
        const auto read = [&](const std::vector<std::size_t>& order) {
            WindowStream stream(files, extents, order, residency, ring_shape(streams), own_window);
            return read_stream(stream, options, gang, mine);
        };
        bool going = worker >= streams || read(work.direct[worker]);
        while (going) {
            const std::size_t index = next_cached++;
            if (index >= work.cached.size()) return;
            going = read(work.cached[index].order);
        }
        complete = false;
    });
    return complete;
}

bool read_in_order(const Model& model, std::span<const ShardRange> extents, const ReadOptions& options,
                   std::span<WeightSink* const> sinks) {
    const Residency residency = residency_of(model, extents, options);
    const WeightFiles files(model, options.keep_cache);
    std::vector<std::size_t> order(extents.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    finish_empty(extents, sinks);
    WindowStream stream(files, extents, std::move(order), residency, ring_shape(1), shared_window);
    Gang gang;
    const auto lanes = spread(sinks, options.jobs);
    if (lanes.size() <= 1) return read_stream(stream, options, gang, sinks);

    Relay relay(static_cast<unsigned>(lanes.size()));
    bool complete = true;
    const auto reader = [&] {
        while (!gang.failed()) {
            if (options.stop.stop_requested()) {
                complete = false;
                break;
            }
            if (!relay.pass_on(stream)) break;
        }
        relay.close();
    };
    const auto lane = [&](unsigned index) {
        while (const Window* const window = relay.take(index)) {
            if (gang.failed()) return;
            feed(lanes[index], *window);
            if (index == 0 && options.progress) options.progress(window->bytes);
        }
    };
    gang.run(static_cast<unsigned>(lanes.size()) + 1, [&](unsigned member) {
        try {
            member == 0 ? reader() : lane(member - 1);
        } catch (...) {
            relay.close();  // or the others would wait for ever
            throw;
        }
    });
    relay.release_all(stream);
    return complete;
}

}  // namespace ggufmap
