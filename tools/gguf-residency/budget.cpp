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

// Whether `group` is `outer` or lies inside it.
bool inside(const std::string& group, const std::string& outer) {
    return outer == "/" || group == outer || group.starts_with(outer + "/");
}

std::uint64_t less(std::uint64_t bytes, std::uint64_t taken) { return bytes - std::min(bytes, taken); }

// Page cache that other models use and that counts as available in control group `group`; "/": anywhere.
std::uint64_t used_by_others(std::span<const MappedModel> others, const std::string& group) {
    std::uint64_t bytes = 0;
    for (const MappedModel& model : others) {
        std::uint64_t here = 0;
        for (const Mapper& mapper : model.mappers) {
            if (inside(mapper.cgroup, group) && mapper.cost && mapper.memory_of == 0)
                here = limited_sum(here, less(mapper.cost->pss, mapper.cost->anonymous_pss));
        }
        bytes = limited_sum(bytes, std::min(here, evictable_bytes(model)));
    }
    return bytes;
}

void bound(Supply& supply, const AvailableMemory& memory, std::span<const MappedModel> others) {
    supply.bound_by = "host";
    supply.others = used_by_others(others, "/");
    supply.available = less(memory.host.available, supply.others);
    for (const CgroupMemory& group : memory.cgroups) {
        const auto available = group.available();
        if (!available) continue;
        const std::uint64_t taken = std::min(used_by_others(others, group.path), group.reclaimable);
        if (less(*available, taken) >= supply.available) continue;
        supply.bound_by = "control group " + group.path;
        supply.others = taken;
        supply.available = less(*available, taken);
    }
}

// The part of `bytes` that is beyond the first `kept` of `all`.
std::uint64_t share_beyond(std::uint64_t bytes, std::uint64_t kept, std::uint64_t all) {
    if (kept >= all) return 0;
    return static_cast<std::uint64_t>(static_cast<double>(bytes) *
                                      (1 - static_cast<double>(kept) / static_cast<double>(all)));
}

// Of one model, `kept` bytes of which stay.
std::uint64_t read_per_token(const Need& need, std::uint64_t kept) {
    const std::uint64_t shared = need.weights - std::min(need.weights, need.experts);
    const std::uint64_t used = need.every_token - std::min(need.every_token, shared);
    if (kept < shared) return shared - kept + used;
    return share_beyond(used, kept - shared, need.experts);
}

Verdict verdict_of(const Budget& budget, bool tokens_stay) {
    if (budget.fixed > budget.memory) return Verdict::thrash;
    if (budget.weights <= budget.left_for_weights) return Verdict::resident;
    return tokens_stay || budget.read_per_token <= budget.every_token / 2 ? Verdict::lazy : Verdict::thrash;
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
    Need need;
    need.model = model.name();
    need.weights = model.file_bytes();
    std::uint64_t experts = 0;
    for (const ModelTensor& tensor : model.tensors()) {
        if (tensor.range && role_of(tensor.info->name).stacked_experts)
            experts = limited_sum(experts, tensor.range->size);
    }
    experts = std::min(experts, need.weights);
    need.experts = experts;
    need.every_token = need.weights - experts + expert_share(model, experts);
    if (const auto attention = kv_cache(model, context, type)) {
        need.context = attention->bytes;
        need.context_tokens = attention->context;
        need.context_at_most = attention->at_most;
        need.states = attention->state_bytes;
    }
    need.page_tables = page_table_bytes(need.weights);
    for (const Shard& shard : model.shards()) {
        const auto resident = count_bytes(cache, shard.file, {0, shard.file.size()}).resident;
        need.resident_already = resident && need.resident_already
                                    ? std::optional(*need.resident_already + *resident)
                                    : std::nullopt;
    }
    return need;
}

std::uint64_t held_bytes(const Model& model, const PageCache& cache, const ProcessTable& processes) {
    std::uint64_t bytes = 0;
    std::vector<MapsIdentity> on_disk;
    for (const Shard& shard : model.shards()) {
        if (page_home(shard.file) != PageHome::disk)
            bytes += count_bytes(cache, shard.file, {0, shard.file.size()}).resident.value_or(0);
        else
            on_disk.push_back(maps_identity(shard.file));
    }
    const MapperScan scan = processes.mappers(on_disk, ProcessTable::Detail::costs);
    // Pages are whole, the end of a file need not be.
    return std::min(limited_sum(bytes, locked_once(processes, scan.mappers)), model.file_bytes());
}

std::uint64_t evictable_bytes(const MappedModel& model) {
    if (model.memory_only) return 0;
    const MappingCost cost = model.cost();
    return less(cost.pss, limited_sum(cost.anonymous_pss, model.locked));
}

Supply supply_of(const AvailableMemory& memory, std::span<const MappedModel> others,
                 const std::vector<Zram>& zram, std::optional<std::uint64_t> ram,
                 std::optional<std::uint64_t> new_zram) {
    Supply supply;
    supply.swap_free = memory.host.swap_free;
    if (ram) {
        supply.available = *ram;
        supply.bound_by = "--ram";
    } else {
        bound(supply, memory, others);
    }
    // --ram is about a machine without our groups.
    const std::uint64_t allowed = ram ? UINT64_MAX : memory.swap_allowed();
    if (new_zram) {
        supply.zram_ratio = assumed_zram_ratio;
        supply.zram_gain = gain(std::min(*new_zram, allowed), assumed_zram_ratio);
        return supply;
    }
    if (zram.empty()) return supply;
    Zram all;  // pages go to whichever has room: one ratio for all
    for (const Zram& device : zram) {
        all.disk_size = limited_sum(all.disk_size, device.disk_size);
        all.stored = limited_sum(all.stored, device.stored);
        all.memory_used = limited_sum(all.memory_used, device.memory_used);
    }
    supply.zram_ratio = all.ratio().value_or(assumed_zram_ratio);
    const std::uint64_t room = std::min(less(all.disk_size, all.stored), memory.host.swap_free);
    supply.zram_gain = gain(std::min(room, allowed), supply.zram_ratio);
    return supply;
}

bool lacks_context(const Budget& budget) {
    return std::any_of(budget.needs.begin(), budget.needs.end(),
                       [](const Need& need) { return !need.context; });
}

std::uint64_t wanted_by(const Budget& budget) {
    return limited_sum(less(budget.weights, budget.held), budget.fixed);
}

Budget make_budget(const Supply& supply, std::vector<Need> needs) {
    Budget budget;
    budget.supply = supply;
    budget.needs = std::move(needs);
    std::uint64_t contexts = 0;
    for (const Need& need : budget.needs) {
        budget.weights = limited_sum(budget.weights, need.weights);
        budget.held = limited_sum(budget.held, need.held);
        contexts = limited_sum(contexts, need.context.value_or(0));
        budget.fixed = limited_sum(budget.fixed, limited_sum(need.context.value_or(0), need.page_tables));
        budget.every_token = limited_sum(budget.every_token, need.every_token);
    }
    // Contexts alone can go to zRAM (weights are a file's, page tables the kernel's), and there they still
    // take their compressed size.
    budget.zram_gain = std::min(supply.zram_gain, gain(contexts, supply.zram_ratio));
    budget.memory = limited_sum(supply.available, budget.zram_gain);
    std::uint64_t left = less(budget.memory, budget.fixed);
    budget.left_for_weights = limited_sum(left, budget.held);
    bool tokens_stay = true;
    for (const Need& need : budget.needs) {
        const std::uint64_t brought = std::min(left, less(need.weights, need.held));
        left -= brought;
        const std::uint64_t kept = limited_sum(need.held, brought);
        budget.kept.push_back(kept);
        tokens_stay = tokens_stay && need.every_token <= kept;
        budget.read_per_token = limited_sum(budget.read_per_token, read_per_token(need, kept));
    }
    budget.verdict = verdict_of(budget, tokens_stay);
    return budget;
}

}  // namespace ggufmap::residency
