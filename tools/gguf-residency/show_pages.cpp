// --pages: each file as one strip, --ranges: the resident ranges as text.
#include <fmt/format.h>

#include <algorithm>

#include "common/numbers.hpp"
#include "gguf-residency/counts.hpp"
#include "gguf-residency/shades.hpp"
#include "gguf-residency/unknown.hpp"
#include "gguf-residency/view.hpp"
#include "ggufmap/error.hpp"
#include "ggufmap/ranges.hpp"
#include "ggufmap/residency.hpp"
#include "ggufmap/text.hpp"

namespace ggufmap::residency {
namespace {

constexpr unsigned lines = 16;

// The file cut into equal pieces of whole pages, in order.
std::vector<Range> pieces_of(std::uint64_t size, std::uint64_t count) {
    const std::uint64_t pages = page_cover({0, size}, page_size()).size / page_size();
    const std::uint64_t piece = (pages + count - 1) / std::max<std::uint64_t>(count, 1) * page_size();
    std::vector<Range> pieces;
    for (std::uint64_t offset = 0; offset < size; offset += piece)
        pieces.push_back({offset, std::min(piece, size - offset)});
    return pieces;
}

void draw_strip(const View& view, const File& file) {
    const Shades shades(view.io);
    constexpr unsigned offset_width = 12;
    const unsigned terminal = view.io.terminal(cli::Stream::out).width;
    const unsigned width = std::max(terminal, offset_width + 20) - offset_width;
    const std::vector<Range> pieces = pieces_of(file.size(), std::uint64_t{width} * lines);
    const std::vector<CacheCounts> counts = count_each(view.cache, file, pieces);
    for (std::size_t first = 0; first < counts.size(); first += width) {
        const auto line =
            std::span(counts).subspan(first, std::min<std::size_t>(width, counts.size() - first));
        view.io.out(fmt::format("{:>10}  {}\n", cli::human_size(pieces[first].offset), shades.strip(line)));
    }
    if (!pieces.empty())
        view.io.out(fmt::format("{:>{}}a cell is {}\n{}", "", offset_width,
                                cli::human_size(pieces.front().size), shades.legend(offset_width, terminal)));
}

std::vector<cli::Column> stretch_columns() {
    return {{"file", "FILE"},
            {"offset", "OFFSET", cli::Shows::number},
            {"bytes", "BYTES", cli::Shows::size},
            {"resident", "RESIDENT"}};
}

cli::Cell resident_cell(bool resident, cli::Format format) {
    if (format == cli::Format::json) return resident;
    return std::string(resident ? "yes" : "no");
}

void add_stretches(const View& view, const File& file, cli::Report& report) {
    const auto map = view.cache.map(file, {0, file.size()});
    if (!map) {
        report.row({file.name(), std::uint64_t{0}, file.size(), cli::Cell()});
        return;
    }
    std::vector<std::pair<Range, bool>> stretches;
    for (const bool present : {true, false}) {
        for (const Range range : map->stretches(present)) stretches.emplace_back(range, present);
    }
    std::sort(stretches.begin(), stretches.end());
    for (const auto& [range, present] : stretches)
        report.row({file.name(), range.offset, range.size, resident_cell(present, view.style.format)});
}

void list_stretches(const View& view, Models models, cli::Report&& report) {
    for (const Model& model : models) {
        for (const Shard& shard : model.shards()) add_stretches(view, shard.file, report);
    }
    report.finish();
}

void write_document(const View& view, Models models) {
    JsonWriter json(cli::json_sink(view.io));
    begin_document(json, view);
    json.key("stretches");
    list_stretches(view, models, cli::Report(json, stretch_columns()));
    json.end_object();
    json.finish();
}

}  // namespace

cli::Status show_pages(const View& view, Models models) {
    if (view.style.format == cli::Format::json) {
        write_document(view, models);
        return cli::Status::ok;
    }
    if (view.style.format != cli::Format::table || !view.io.terminal(cli::Stream::out).present) {
        list_stretches(view, models, cli::Report(view.io, view.style, stretch_columns()));
        return cli::Status::ok;
    }
    for (const Model& model : models) {
        for (const Shard& shard : model.shards()) {
            view.io.out(fmt::format("{}: {}\n", printable(shard.file.name()),
                                    summary(count_bytes(view.cache, shard.file, {0, shard.file.size()}),
                                            view.noun, view.style.exact_bytes)));
            draw_strip(view, shard.file);
        }
    }
    return cli::Status::ok;
}

cli::Status show_ranges(const View& view, Models models) {
    if (models.size() != 1)
        throw Error(ErrorKind::usage, {}, "--ranges: a list is about one model, but several are given");
    const Model& model = models.front();
    std::vector<ShardRange> resident;
    for (const ShardRange& wanted : view.selection.ranges(model)) {
        const File& file = model.shards()[wanted.shard].file;
        const auto map = view.cache.map(file, wanted.range);
        if (!map)
            throw Error(
                ErrorKind::io, {file.name()},
                "residency unknown: " + why_unknown(view.args.text("--method").value_or("auto"), file));
        for (const Range stretch : map->stretches(true)) {
            resident.push_back({wanted.shard, intersection(stretch, wanted.range)});
        }
    }
    HotList::of(model, std::move(resident)).write([&](std::string_view text) { view.io.out(text); });
    return cli::Status::ok;
}

}  // namespace ggufmap::residency
