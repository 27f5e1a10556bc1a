#include "ggufmap/keeper.hpp"

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

// Lets go of idle models, the one that was used longest ago first, until `for_model` fits. All or nothing: a
// model that does not fit anyway costs no other its place.
bool Keeper::make_room(std::size_t for_model, std::span<const Sight> sights, std::vector<Order>& orders) {
    if (!budget_) return true;
    std::uint64_t taken = sights[for_model].bytes;
    std::vector<std::size_t> idle;
    for (std::size_t i = 0; i < states_.size(); ++i) {
        if (!states_[i].loaded || i == for_model) continue;
        taken += sights[i].bytes;
        const bool stays = rules_[i].lock || sights[i].in_use || orders[i] == Order::load;
        if (!stays) idle.push_back(i);
    }
    std::vector<std::size_t> leaving;
    while (taken > *budget_ && !idle.empty()) {
        auto oldest = idle.begin();
        for (auto one = idle.begin(); one != idle.end(); ++one) {
            if (states_[*one].last_use < states_[*oldest].last_use) oldest = one;
        }
        taken -= sights[*oldest].bytes;
        leaving.push_back(*oldest);
        idle.erase(oldest);
    }
    if (taken > *budget_) return false;
    for (const std::size_t model : leaving) {
        orders[model] = Order::let_go;
        states_[model].loaded = false;
    }
    return true;
}

void Keeper::already_loaded(std::size_t model, Time last_use) {
    states_[model].loaded = true;
    states_[model].last_use = last_use;
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
