#include "ggufmap/keeper.hpp"

#include <algorithm>
#include <utility>

namespace ggufmap {

Keeper::Keeper(std::vector<Rule> rules, std::optional<std::uint64_t> budget)
    : rules_(std::move(rules)), budget_(budget), states_(rules_.size()), started_(rules_.size()) {}

bool Keeper::wanted(std::size_t model, const Sight& sight) {
    if (!sight.there || states_[model].loaded) return false;
    switch (rules_[model].warm) {
        case Warm::start:
            return !started_[model] || sight.in_use || sight.opened;
        case Warm::on_open:
            return sight.in_use || sight.opened;
        case Warm::never:
            break;
    }
    return false;
}

// Chooses idle models, the one that was used longest ago first, until what is taken fits. Returns what is
// then taken.
std::uint64_t Keeper::let_go_until(std::uint64_t taken, std::size_t keep, std::span<const Sight> sights,
                                   std::vector<std::size_t>& leaving,
                                   const std::vector<Order>& orders) const {
    std::vector<std::size_t> idle;
    for (std::size_t i = 0; i < states_.size(); ++i) {
        const bool stays = i == keep || rules_[i].lock || sights[i].in_use || orders[i] == Order::load;
        if (states_[i].loaded && !stays) idle.push_back(i);
    }
    std::stable_sort(idle.begin(), idle.end(),
                     [&](std::size_t a, std::size_t b) { return states_[a].last_use < states_[b].last_use; });
    for (const std::size_t model : idle) {
        if (taken <= *budget_) break;
        taken -= sights[model].bytes;
        leaving.push_back(model);
    }
    return taken;
}

void Keeper::let_go(const std::vector<std::size_t>& models, std::vector<Order>& orders) {
    for (const std::size_t model : models) {
        orders[model] = Order::let_go;
        states_[model].loaded = false;
    }
}

// All or nothing: a model that does not fit anyway costs no other its place.
bool Keeper::make_room(std::size_t for_model, std::span<const Sight> sights, std::vector<Order>& orders) {
    if (!budget_) return true;
    std::uint64_t taken = sights[for_model].bytes;
    for (std::size_t i = 0; i < states_.size(); ++i) {
        if (states_[i].loaded && i != for_model) taken += sights[i].bytes;
    }
    std::vector<std::size_t> leaving;
    if (let_go_until(taken, for_model, sights, leaving, orders) > *budget_) return false;
    let_go(leaving, orders);
    return true;
}

// The budget is not what it was.
void Keeper::shrink(std::span<const Sight> sights, std::vector<Order>& orders) {
    if (!budget_) return;
    std::uint64_t taken = 0;
    for (std::size_t i = 0; i < states_.size(); ++i) {
        if (states_[i].loaded) taken += sights[i].bytes;
    }
    std::vector<std::size_t> leaving;
    let_go_until(taken, states_.size(), sights, leaving, orders);
    let_go(leaving, orders);
}

void Keeper::resume(std::size_t model, const State& state) {
    states_[model] = state;
    started_[model] = true;
}

std::vector<Keeper::Order> Keeper::decide(Time now, std::span<const Sight> sights) {
    std::vector<Order> orders(states_.size(), Order::leave);
    for (std::size_t i = 0; i < states_.size(); ++i) {
        State& state = states_[i];
        const Sight& sight = sights[i];
        if (!sight.there) state.loaded = false;
        if (sight.in_use || sight.opened) state.last_use = now;
        const auto& limit = rules_[i].unload_after_idle;
        if (state.loaded && limit && !rules_[i].lock && now - state.last_use >= *limit) {
            orders[i] = Order::let_go;
            state.loaded = false;
        }
    }
    shrink(sights, orders);
    for (std::size_t i = 0; i < states_.size(); ++i) {
        if (orders[i] == Order::let_go || !wanted(i, sights[i])) continue;
        State& state = states_[i];
        state.no_room = !make_room(i, sights, orders);
        if (state.no_room) continue;
        orders[i] = Order::load;
        started_[i] = true;
        state.loaded = true;
        state.last_use = now;
    }
    return orders;
}

}  // namespace ggufmap
