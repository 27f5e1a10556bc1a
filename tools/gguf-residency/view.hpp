// What every view is given, and the views.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "common/args.hpp"
#include "common/io.hpp"
#include "common/report.hpp"
#include "common/status.hpp"
#include "ggufmap/memory.hpp"
#include "ggufmap/model.hpp"
#include "ggufmap/pagecache.hpp"
#include "ggufmap/process.hpp"
#include "ggufmap/select.hpp"

namespace ggufmap::residency {

struct Rates;

struct View {
    const cli::Args& args;
    cli::Io& io;
    cli::Style style;
    Selection selection;
    const PageCache& cache;
    const ProcessTable& processes;
    KernelRoots roots;
    std::string noun = "resident";  ///< what the cache's pages are: "in the page tables of 123 (llama)"
    /// --pid: bytes that the process has touched since its referenced bits were cleared.
    std::optional<std::uint64_t> referenced = {};
    /// --watch: since the last view; nothing in the first. Null without --watch.
    const std::optional<Rates>* rates = nullptr;
};

using Models = std::span<const Model>;

/// Opens the object that is the whole document: "schema", and "rates" where it is one of several.
void begin_document(JsonWriter& json, const View& view);

/// Each prints to view.io and says how it ended. Errors of single models are told and remembered.
cli::Status show_heat(const View& view, Models models);
cli::Status show_layers(const View& view, Models models);
cli::Status show_tensors(const View& view, Models models);
cli::Status show_experts(const View& view, Models models);
cli::Status show_pages(const View& view, Models models);
cli::Status show_processes(const View& view, Models models);
cli::Status show_budget(const View& view, Models models);
cli::Status show_why(const View& view, Models models);
cli::Status show_ranges(const View& view, Models models);
cli::Status write_picture(const View& view, Models models);  ///< --svg
/// --json of the views above; `experts`: stacked tensors taken apart.
cli::Status show_document(const View& view, Models models, bool experts = false);

}  // namespace ggufmap::residency
