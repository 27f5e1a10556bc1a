// When models come and go: decisions about a set of models, from what is seen of them. Knows no files and no
// clock; who carries the orders out is the caller.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "ggufmap/export.hpp"

namespace ggufmap {

class GGUFMAP_API Keeper {
public:
    using Time = std::chrono::steady_clock::time_point;

    enum class Warm {
        start,    ///< at once
        on_open,  ///< when somebody opens it
        never     ///< only let go
    };
    struct Rule {
        Warm warm = Warm::on_open;
        bool lock = false;  ///< locked once it is loaded: never let go
        /// Let go when nobody has used it for so long; nothing: only when others need the room.
        std::optional<std::chrono::seconds> unload_after_idle = {};
    };
    /// A model at one moment.
    struct Sight {
        bool there = false;       ///< its files exist
        bool in_use = false;      ///< another process maps it or has it open
        bool opened = false;      ///< somebody has opened it since the last moment
        std::uint64_t bytes = 0;  ///< what would be resident if it were loaded
    };
    enum class Order { leave, load, let_go };
    struct State {
        bool loaded = false;
        Time last_use{};
        bool no_room = false;  ///< wanted, but the budget is taken by models that are in use or locked
    };

    /// `budget`: bytes that all loaded models may take together; nothing: no bound.
    Keeper(std::vector<Rule> rules, std::optional<std::uint64_t> budget);

    /// From now on. What is loaded beyond it goes at the next decide(), as far as it is idle and not locked.
    void set_budget(std::optional<std::uint64_t> budget) { budget_ = budget; }
    /// One order for each model; what is to be let go must go before anything is loaded. States then are as
    /// if the orders had been carried out.
    std::vector<Order> decide(Time now, std::span<const Sight> sights);
    /// The model has appeared, gone or been replaced: it is not loaded, and has not had its start.
    void changed(std::size_t model) {
        states_[model].loaded = false;
        started_[model] = false;
    }
    /// Goes on from what another set of rules, or another process, knew of it. It has had its start.
    void resume(std::size_t model, const State& state);

    /// It was used then, whoever saw that.
    void used(std::size_t model, Time when) { states_[model].last_use = when; }

    const State& state(std::size_t model) const { return states_[model]; }

private:
    bool wanted(std::size_t model, const Sight& sight);
    std::uint64_t let_go_until(std::uint64_t taken, std::size_t keep, std::span<const Sight> sights,
                               std::vector<std::size_t>& leaving, const std::vector<Order>& orders) const;
    void let_go(const std::vector<std::size_t>& models, std::vector<Order>& orders);
    bool make_room(std::size_t for_model, std::span<const Sight> sights, std::vector<Order>& orders);
    void shrink(std::span<const Sight> sights, std::vector<Order>& orders);

    std::vector<Rule> rules_;
    std::optional<std::uint64_t> budget_;
    std::vector<State> states_;
    std::vector<bool> started_;  ///< by model: was loaded at the start
};

}  // namespace ggufmap
