#include "gguf-shard/report.hpp"

namespace ggufmap::shard {
namespace {

using cli::Cell;
using cli::Shows;

const std::vector<cli::Column> columns = {
    {"number", "SHARD", Shows::number},          {"name", "FILE", Shows::text},
    {"tensors", "TENSORS", Shows::number},       {"bytes", "BYTES", Shows::size},
    {"source_offset", "DATA AT", Shows::number}, {"source_bytes", "DATA", Shows::size},
    {"xxh128", "XXH128", Shows::text},
};
const std::vector<cli::Column> without_digest(columns.begin(), columns.end() - 1);

void add_rows(cli::Report& report, const ShardPlan& plan, const std::function<bool(std::size_t)>& wanted,
              const ShardResult* done, bool digests) {
    std::size_t row = 0;  // checksums are in the order of the shards
    for (std::size_t i = 0; i < plan.shards.size(); ++i) {
        if (wanted && !wanted(i)) continue;
        const PlannedShard& shard = plan.shards[i];
        const bool hashed = done != nullptr && row < done->checksums.size();
        std::vector<Cell> cells = {std::uint64_t{i + 1}, shard.name,        shard.tensors,
                                   shard.size,           shard.data.offset, shard.data.size};
        if (digests) cells.push_back(hashed ? Cell(done->checksums[row].hex) : Cell());
        report.row(cells);
        ++row;
    }
    report.finish();
}

void print_json(const ShardPlan& plan, const std::function<bool(std::size_t)>& wanted,
                const ShardResult* done, cli::Io& io) {
    JsonWriter json(cli::json_sink(io));
    json.begin_object();
    json.key("schema");
    json.string("gguf-shard/1");
    json.key("model");
    json.text(plan.source->name());
    json.key("prefix");
    json.text(plan.prefix);
    json.key("written");
    json.boolean(done != nullptr);
    json.key("shards_in_set");
    json.number(plan.shards.size());
    json.key("bytes_in_set");
    json.number(plan.bytes());
    json.key("shared_bytes");
    json.number_or_null(done != nullptr ? std::optional(done->shared_bytes) : std::nullopt);
    json.key("shards");
    cli::Report report(json, columns);
    add_rows(report, plan, wanted, done, true);
    json.end_object();
    json.finish();
}

}  // namespace

void print(const ShardPlan& plan, const std::function<bool(std::size_t)>& wanted, const ShardResult* done,
           const cli::Style& style, cli::Io& io) {
    if (style.format == cli::Format::json) return print_json(plan, wanted, done, io);
    const bool dashes = style.format == cli::Format::table && done == nullptr;  // digests of nothing yet
    cli::Report report(io, style, dashes ? without_digest : columns);
    add_rows(report, plan, wanted, done, !dashes);
}

}  // namespace ggufmap::shard
