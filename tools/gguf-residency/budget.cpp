#include "gguf-residency/budget.hpp"

#include <algorithm>

#include "ggufmap/checked.hpp"
#include "ggufmap/layout.hpp"

namespace ggufmap::residency {
namespace {

// Of memory compressed by lzo or lz4, what machines with little memory report; used where a device has stored
// nothing yet.
constexpr double assumed_zram_ratio = 2.5;

std::uint64_t limited_sum(std::uint64_t a, std::uint64_t b) {
    return checked::add(a, b).value_or(UINT64_MAX);
}

// Zero pages and text compress, quantised weights do not: zRAM only helps private memory.
std::uint64_t gain(std::uint64_t stored, double ratio) {
    return ratio <= 1 ? 0 : static_cast<std::uint64_t>(static_cast<double>(stored) * (1 - 1 / ratio));
}

std::uint64_t expert_share(const Model& model, std::uint64_t bytes) {
    const Gguf& head = model.head();
    const std::string architecture(head.architecture());
    const auto experts = head.unsigned_of(architecture + ".expert_count").value_or(0);
    const auto used = head.unsigned_of(architecture + ".expert_used_count").value_or(0);
    return experts == 0 || used >= experts ? bytes : bytes / experts * used;
}

}  // namespace

std::string_view name_of(Verdict verdict) {
    switch (verdict) {
        case Verdict::resident:
            return "resident";
        case Verdict::lazy:
            return "lazy";
        case Verdict::thrash:
            break;
    }
    return "thrash";
}

Need need_of(const Model& model, const PageCache& cache, std::uint64_t context, KvType type) {
    Need need{model.name(), 0, 0, std::nullopt, 0, 0, 0};
    need.weights = model.file_bytes();
    std::uint64_t experts = 0;
    for (const ModelTensor& tensor : model.tensors()) {
        if (tensor.range && role_of(tensor.info->name).stacked_experts)
            experts = limited_sum(experts, tensor.range->size);
    }
    experts = std::min(experts, need.weights);
    need.every_token = need.weights - experts + expert_share(model, experts);
    if (const auto attention = kv_cache(model.head(), context, type)) {
        need.context = attention->bytes;
        need.context_tokens = attention->context;
    }
    need.page_tables = page_table_bytes(need.weights);
    for (const Shard& shard : model.shards())
        need.resident_already += count_bytes(cache, shard.file, {0, shard.file.size()}).resident.value_or(0);
    return need;
}

Supply supply_of(const AvailableMemory& memory, const std::vector<Zram>& zram,
                 std::optional<std::uint64_t> ram, std::optional<std::uint64_t> new_zram) {
    Supply supply{memory.bytes, "host", memory.host.swap_free, 0, 0};
    if (memory.tightest_cgroup)
        supply.bound_by = "control group " + memory.cgroups[*memory.tightest_cgroup].path;
    if (ram) {
        supply.available = *ram;
        supply.bound_by = "--ram";
    }
    if (new_zram) {
        supply.zram_ratio = assumed_zram_ratio;
        supply.zram_gain = gain(*new_zram, assumed_zram_ratio);
        return supply;
    }
    for (const Zram& device : zram) {
        supply.zram_ratio = device.ratio().value_or(assumed_zram_ratio);
        supply.zram_gain +=
            gain(device.disk_size - std::min(device.disk_size, device.stored), supply.zram_ratio);
    }
    return supply;
}

std::uint64_t wanted_by(const Budget& budget) { return limited_sum(budget.weights, budget.fixed); }

Budget make_budget(const Supply& supply, std::vector<Need> needs) {
    Budget budget;
    budget.supply = supply;
    budget.needs = std::move(needs);
    std::uint64_t contexts = 0;
    for (const Need& need : budget.needs) {
        budget.weights = limited_sum(budget.weights, need.weights);
        contexts = limited_sum(contexts, need.context.value_or(0));
        budget.fixed = limited_sum(budget.fixed, limited_sum(need.context.value_or(0), need.page_tables));
        budget.every_token = limited_sum(budget.every_token, need.every_token);
    }
    // Contexts alone can go to zRAM (weights are a file's, page tables the kernel's), and there they still
    // take their compressed size.
    budget.zram_gain = std::min(supply.zram_gain, gain(contexts, supply.zram_ratio));
    budget.memory = limited_sum(supply.available, budget.zram_gain);
    budget.left_for_weights = budget.memory - std::min(budget.memory, budget.fixed);
    if (budget.fixed > budget.memory) {
        budget.verdict = Verdict::thrash;
    } else if (budget.weights <= budget.left_for_weights) {
        budget.verdict = Verdict::resident;
    } else {
        budget.verdict = budget.every_token <= budget.left_for_weights ? Verdict::lazy : Verdict::thrash;
    }
    return budget;
}

}  // namespace ggufmap::residency
