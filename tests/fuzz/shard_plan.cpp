// Plans of shards, for any model and options: refused with a reason, or all of the model's data is in them
// once, and what they would write says what the plan says. The last bytes of the input are the options: so
// the rest is a GGUF file to mutations, too.
#include <set>

#include "ggufmap/error.hpp"
#include "ggufmap/shard.hpp"
#include "memory_file.hpp"
#include "mutate.hpp"

using namespace ggufmap;

namespace {

constexpr std::size_t option_bytes = 4;

ShardOptions options_from(const std::uint8_t* data) {
    ShardOptions options;
    options.size = std::nullopt;
    if (data[0] % 2 != 0) options.size = std::uint64_t{1} << (data[0] / 2 % 40);
    if (data[1] != 0) options.tensors = data[1];
    options.by = static_cast<ShardBy>(data[2] % 3);
    options.header_first = data[3] % 2 != 0;
    if (data[3] & 2) options.congruent_block = 4096;
    return options;
}

void check(const ShardPlan& plan) {
    std::set<std::string> names;
    std::uint64_t bytes = 0;
    std::uint64_t end = 0;
    for (const PlannedShard& shard : plan.shards) {
        demand(names.insert(shard.name).second);
        std::uint64_t size = 0;
        for (const Piece& piece : shard.pieces) {
            if (piece.source != nullptr) demand(piece.range.end() <= piece.source->size());
            size += piece.range.size;
        }
        demand(size == shard.size);
        if (!shard.data.empty()) {
            demand(shard.data.offset >= end && shard.data.end() <= plan.source->size());
            end = shard.data.end();
        }
        bytes += size;
    }
    demand(bytes == plan.bytes());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) try {
    if (size < option_bytes) return 0;
    const std::uint8_t* const options = data + size - option_bytes;
    const Model model = Model::from(File::adopt(memory_file(data, size - option_bytes), "fuzz"));
    if (options[1] == 255) {
        check(plan_raw_pieces(model.shards().front().file, "s", 1 + options[0]));
    } else {
        check(plan_shards(model, "s", options_from(options)));
    }
    return 0;
} catch (const Error& error) {
    demand(error.kind() != ErrorKind::io);
    return 0;
}
