// The models of one configuration, and the rounds in which they come and go.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "gguf-prefault/kept_model.hpp"
#include "gguf-prefault/open_watch.hpp"
#include "gguf-prefault/state_table.hpp"
#include "ggufmap/keeper.hpp"

namespace ggufmap::prefault_tool {

class ModelSet {
public:
    using Tell = std::function<void(const std::string&)>;

    /// `tell` is given a line for each thing that happens.
    ModelSet(const KeeperConfig& config, const Places& places, const PageCache& cache,
             const ProcessTable& processes, Tell tell);

    /// Readable when a model was opened.
    int fd() const { return watch_.fd(); }
    /// How long nothing need be done, unless a model is opened.
    std::chrono::milliseconds interval() const;

    /// Looks at everything, lets go, loads. Throws Error (io, EINTR) where `progress` asks to stop.
    void round(Progress& progress);
    std::vector<ModelState> states() const;
    /// Somebody has opened a model after the last round had looked.
    bool opened() const;
    /// A model is missing or broken, or could not be locked or read.
    bool in_trouble() const;
    /// What is known of each model, by its absolute path.
    using Known = std::map<std::string, Keeper::State>;
    Known known() const;
    /// Keeps what another set had loaded: pages that are still there are not read again.
    void resume(const Known& earlier, Progress& progress);
    /// A round that goes on where an earlier process left off. What stays loaded is brought in again as far
    /// as it has left memory.
    void round_after(const Known& earlier, Progress& progress);

private:
    void refresh(std::size_t number);
    void note_opened();
    void opening(std::size_t number, const std::function<void()>& open);
    void tell_no_room();
    std::optional<std::uint64_t> budget() const;
    void mark_used();
    void carry_out(std::size_t number, Keeper::Order order, Progress& progress);
    void tell(std::size_t number, const std::string& text);
    void tell_once(std::size_t number, const std::string& trouble);

    const ProcessTable& processes_;
    Tell tell_;
    std::optional<std::string> host_budget_;  // as --budget takes it
    std::vector<std::unique_ptr<KeptModel>> models_;
    std::vector<Keeper::Sight> sights_;
    std::vector<std::string> last_told_;  // by model: its trouble, told once; empty: none
    std::vector<bool> looked_for_;        // by model: "missing" can be told
    std::vector<bool> told_no_room_;
    std::optional<std::size_t> loading_;
    std::mutex opens_;  // of our own, each with its event
    Keeper keeper_;
    OpenWatch watch_;
};

}  // namespace ggufmap::prefault_tool
