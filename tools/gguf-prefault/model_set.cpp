#include "gguf-prefault/model_set.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <utility>

#include "common/numbers.hpp"
#include "gguf-prefault/budget.hpp"
#include "ggufmap/error.hpp"

namespace ggufmap::prefault_tool {
namespace {

using Clock = std::chrono::steady_clock;

std::vector<Keeper::Rule> rules_of(const KeeperConfig& config) {
    std::vector<Keeper::Rule> rules;
    for (const ModelConfig& model : config.models) rules.push_back(model.rule);
    return rules;
}

// The same from whatever directory the configuration is read.
std::string key_of(const ModelConfig& model) {
    if (model.path.starts_with("ollama:") || model.path.starts_with("shm:")) return model.path;
    return std::filesystem::absolute(model.path).lexically_normal().string();
}

}  // namespace

ModelSet::ModelSet(const KeeperConfig& config, const Places& places, const PageCache& cache,
                   const ProcessTable& processes, Tell tell)
    : processes_(processes),
      tell_(std::move(tell)),
      host_budget_(config.host_budget),
      sights_(config.models.size()),
      last_told_(config.models.size()),
      looked_for_(config.models.size()),
      told_no_room_(config.models.size()),
      keeper_(rules_of(config), budget()) {
    for (const ModelConfig& model : config.models)
        models_.push_back(std::make_unique<KeptModel>(model, places, cache, processes));
}

// What is locked here is not available to others, but to our models.
std::optional<std::uint64_t> ModelSet::budget() const {
    if (!host_budget_) return std::nullopt;
    AvailableMemory memory = available_memory();
    for (const auto& model : models_) {
        if (model->there()) memory.bytes += model->locked_bytes().value_or(0);
    }
    return budget_bytes(*host_budget_, memory);
}

std::chrono::milliseconds ModelSet::interval() const {
    using std::chrono::milliseconds;
    // Models that appear or are replaced are seen in a few seconds, idle ones let go with a quarter to spare.
    constexpr milliseconds least{500};
    constexpr milliseconds most{5000};
    milliseconds interval = most;
    for (const auto& model : models_) {
        if (const auto idle = model->config().rule.unload_after_idle)
            interval = std::clamp(milliseconds(*idle) / 4, least, interval);
    }
    return interval;
}

void ModelSet::tell(std::size_t number, const std::string& text) {
    tell_(models_[number]->config().name + ": " + text);
}

void ModelSet::tell_once(std::size_t number, const std::string& trouble) {
    if (std::exchange(last_told_[number], trouble) != trouble) tell(number, trouble);
}

bool ModelSet::in_trouble() const {
    return std::any_of(last_told_.begin(), last_told_.end(), [](const auto& told) { return !told.empty(); });
}

void ModelSet::note_opened() {
    for (const std::size_t number : watch_.opened()) sights_[number].opened = true;
}

// An open of our own: its event is taken at once, so that those of others still count.
void ModelSet::opening(std::size_t number, const std::function<void()>& open) {
    const std::scoped_lock lock(opens_);
    note_opened();
    open();
    for (const std::size_t other : watch_.opened()) {
        if (!watch_.share(number, other)) sights_[other].opened = true;
    }
}

bool ModelSet::opened() const {
    return std::any_of(sights_.begin(), sights_.end(), [](const auto& sight) { return sight.opened; });
}

void ModelSet::refresh(std::size_t number) {
    KeptModel& model = *models_[number];
    looked_for_[number] = true;
    const std::string no_such_model = model.config().path + ": no such model";
    try {
        bool changed = false;
        opening(number, [&] { changed = model.refresh(); });
        if (!changed) {
            if (!model.there()) tell_once(number, no_such_model);
            return;
        }
        keeper_.changed(number);
        if (model.there())
            watch_.watch(number, model.model());
        else
            watch_.forget(number);
        last_told_[number] = model.there() ? "" : no_such_model;
        tell(number, model.there() ? cli::human_size(model.wanted_bytes()) + " to look after"
                                   : model.config().path + ": has gone");
    } catch (const Error& error) {
        keeper_.changed(number);
        tell_once(number, error.what());
    }
}

// Whoever maps one of the models or has it open, ourselves apart.
void ModelSet::mark_used() {
    std::vector<MapsIdentity> mapped;
    std::vector<FileIdentity> opened;
    std::vector<std::size_t> numbers;
    for (std::size_t i = 0; i < models_.size(); ++i) {
        sights_[i].in_use = false;
        if (!models_[i]->there()) continue;
        for (const Shard& shard : models_[i]->model().shards()) {
            mapped.push_back(maps_identity(shard.file));
            opened.push_back(shard.file.identity());
            numbers.push_back(i);
        }
    }
    // Two models may name the same file, which is then found under the first of them only.
    const auto use = [&](std::size_t file) {
        for (std::size_t i = 0; i < opened.size(); ++i) {
            if (opened[i].same_file(opened[file])) sights_[numbers[i]].in_use = true;
        }
    };
    const int self = ::getpid();
    for (const Mapper& mapper : processes_.mappers(mapped, ProcessTable::Detail::areas).mappers) {
        if (mapper.pid == self) continue;
        for (const MappedArea& area : mapper.areas) use(area.file);
    }
    for (const Opener& opener : processes_.openers(opened).openers) {
        if (opener.pid != self) use(opener.file);
    }
}

void ModelSet::carry_out(std::size_t number, Keeper::Order order, Progress& progress) {
    KeptModel& model = *models_[number];
    try {
        if (order == Keeper::Order::let_go) {
            const std::uint64_t stayed = model.let_go();
            tell(number, stayed == 0 ? std::string("let go")
                                     : fmt::format("let go, {} stayed", cli::human_size(stayed)));
        } else if (order == Keeper::Order::load) {
            loading_ = number;
            const std::uint64_t read = model.load(progress, [&](const auto& open) { opening(number, open); });
            tell(number, fmt::format("loaded, {} read", cli::human_size(read)));
        }
        last_told_[number].clear();
    } catch (const Error& error) {
        loading_.reset();
        if (error.error_number() == EINTR) throw;
        tell_once(number, error.what());
    }
    loading_.reset();
}

// Once for each time that it comes to that.
void ModelSet::tell_no_room() {
    std::uint64_t taken = 0;
    for (std::size_t i = 0; i < models_.size(); ++i) {
        if (keeper_.state(i).loaded) taken += sights_[i].bytes;
    }
    for (std::size_t i = 0; i < models_.size(); ++i) {
        const bool no_room = keeper_.state(i).no_room;
        if (no_room && !told_no_room_[i])
            tell(i, fmt::format("not loaded: it takes {}, others that are locked or in use {}, and [host] "
                                "budget is {}",
                                cli::human_size(sights_[i].bytes), cli::human_size(taken),
                                cli::human_size(budget().value_or(0))));
        told_no_room_[i] = no_room;
    }
}

void ModelSet::round(Progress& progress) {
    note_opened();
    for (std::size_t i = 0; i < models_.size(); ++i) {
        refresh(i);
        progress.add(0);  // many models take a while
    }
    mark_used();
    for (std::size_t i = 0; i < models_.size(); ++i) {
        sights_[i].there = models_[i]->there();
        sights_[i].bytes = models_[i]->wanted_bytes();
    }
    keeper_.set_budget(budget());
    const std::vector<Keeper::Order> orders = keeper_.decide(Clock::now(), sights_);
    for (Keeper::Sight& sight : sights_) sight.opened = false;  // what is opened from now on is for the next
    tell_no_room();
    for (const Keeper::Order now : {Keeper::Order::let_go, Keeper::Order::load}) {
        for (std::size_t i = 0; i < orders.size(); ++i) {
            if (orders[i] == now) carry_out(i, now, progress);
        }
    }
}

std::vector<ModelState> ModelSet::states() const {
    std::vector<ModelState> states;
    for (std::size_t i = 0; i < models_.size(); ++i) {
        const KeptModel& model = *models_[i];
        const Keeper::State& known = keeper_.state(i);
        ModelState state{model.config().name,
                         model.config().path,
                         looked_for_[i] ? "missing" : "idle",
                         0,
                         {},
                         {},
                         sights_[i].in_use,
                         {}};
        if (model.there()) {
            state.state = loading_ == i   ? "loading"
                          : known.loaded  ? "loaded"
                          : known.no_room ? "no room"
                                          : "idle";
            state.selected = model.wanted_bytes();
            state.resident = model.resident().resident;
            state.locked = model.locked_bytes();
        }
        if (known.last_use != Keeper::Time())
            state.idle_seconds = static_cast<std::uint64_t>(
                std::chrono::duration_cast<std::chrono::seconds>(Clock::now() - known.last_use).count());
        states.push_back(std::move(state));
    }
    return states;
}

ModelSet::Known ModelSet::known() const {
    Known result;
    for (std::size_t i = 0; i < models_.size(); ++i) {
        if (keeper_.state(i).last_use != Keeper::Time())
            result.emplace(key_of(models_[i]->config()), keeper_.state(i));
    }
    return result;
}

void ModelSet::resume(const Known& earlier, Progress& progress) {
    for (std::size_t i = 0; i < models_.size(); ++i) {
        const auto known = earlier.find(key_of(models_[i]->config()));
        if (known == earlier.end()) continue;
        if (!known->second.loaded) {
            keeper_.used(i, known->second.last_use);
            continue;
        }
        refresh(i);
        if (!models_[i]->there()) continue;
        keeper_.resume(i, known->second);
        carry_out(i, Keeper::Order::load, progress);
    }
}

void ModelSet::round_after(const Known& earlier, Progress& progress) {
    std::vector<bool> was_loaded(models_.size());
    for (std::size_t i = 0; i < models_.size(); ++i) {
        const auto known = earlier.find(key_of(models_[i]->config()));
        refresh(i);
        if (known == earlier.end() || !models_[i]->there()) continue;
        keeper_.resume(i, known->second);
        was_loaded[i] = known->second.loaded;
    }
    round(progress);
    for (std::size_t i = 0; i < models_.size(); ++i) {
        if (was_loaded[i] && keeper_.state(i).loaded &&
            models_[i]->resident().resident < models_[i]->wanted_bytes())
            carry_out(i, Keeper::Order::load, progress);
    }
}

}  // namespace ggufmap::prefault_tool
