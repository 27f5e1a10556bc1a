#include "gguf-stitch/report.hpp"

#include <map>

#include "ggufmap/output.hpp"

namespace ggufmap::stitch {
namespace {

using cli::Cell;
using cli::Shows;

const std::vector<cli::Column> columns = {
    {"number", "SHARD", Shows::number},   {"name", "FILE", Shows::text},
    {"bytes", "BYTES", Shows::size},      {"offset", "DATA AT", Shows::number},
    {"taken_bytes", "DATA", Shows::size}, {"xxh128", "XXH128", Shows::text},
};

/// Where a shard's part of the result begins, and how long it is.
std::map<const File*, Range> parts_of(const StitchPlan& plan) {
    std::map<const File*, Range> parts;
    std::uint64_t offset = 0;
    for (const Piece& piece : plan.pieces) {
        if (piece.source != nullptr) {
            Range& part = parts.try_emplace(piece.source, Range{offset, 0}).first->second;
            part.size = offset + piece.range.size - part.offset;
        }
        offset += piece.range.size;
    }
    return parts;
}

void add_rows(cli::Report& report, const StitchPlan& plan) {
    const auto parts = parts_of(plan);
    std::uint64_t number = 0;
    for (const File* file : plan.sources()) {
        const auto part = parts.find(file);
        const bool used = part != parts.end();
        const auto digest = find_checksum(plan.listed, split_path(file->name()).name);
        report.row({++number, file->name(), file->size(), used ? Cell(part->second.offset) : Cell(),
                    used ? part->second.size : 0, digest ? Cell(*digest) : Cell()});
    }
    report.finish();
}

}  // namespace

void print(const StitchPlan& plan, const std::string& target, const StitchResult* done,
           const cli::Style& style, cli::Io& io) {
    if (style.format != cli::Format::json) {
        cli::Report report(io, style, columns);
        return add_rows(report, plan);
    }
    JsonWriter json(cli::json_sink(io));
    json.begin_object();
    json.key("schema");
    json.string("gguf-stitch/1");
    json.key("output");
    if (target.empty()) {
        json.null();
    } else {
        json.text(target);
    }
    json.key("written");
    json.boolean(done != nullptr && !target.empty());
    json.key("verified");
    json.boolean(done != nullptr && done->verified);
    json.key("bytes");
    json.number(plan.size);
    json.key("shared_bytes");
    json.number_or_null(done != nullptr ? std::optional(done->shared_bytes) : std::nullopt);
    json.key("xxh128");
    if (plan.whole) {
        json.string(plan.whole->hex);
    } else {
        json.null();
    }
    json.key("shards");
    cli::Report report(json, columns);
    add_rows(report, plan);
    json.end_object();
    json.finish();
}

}  // namespace ggufmap::stitch
