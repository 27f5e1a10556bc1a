// --why: findings as text or rows.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include "gguf-residency/doctor.hpp"
#include "ggufmap/text.hpp"

namespace ggufmap::residency {
namespace {

using cli::Shows;

std::vector<cli::Column> columns() {
    return {{"model", "MODEL"},
            {"weight", "WEIGHT", Shows::number},
            {"measured", "MEASURED"},
            {"costs", "COSTS"},
            {"command", "COMMAND"}};
}

void add_rows(cli::Report& report, const std::vector<std::pair<std::string, Finding>>& all) {
    for (const auto& [model, finding] : all) {
        report.row({model, static_cast<std::uint64_t>(finding.weight), finding.measured, finding.costs,
                    finding.command.empty() ? cli::Cell() : cli::Cell(finding.command)});
    }
    report.finish();
}

void print_text(const View& view, const Facts& facts, const std::vector<Finding>& findings, bool heading) {
    if (findings.empty())
        view.io.out(fmt::format("{}: nothing stands out\n", printable(facts.model)));
    else if (heading)
        view.io.out(fmt::format("{}:\n", printable(facts.model)));
    int number = 0;
    for (const Finding& finding : findings) {
        view.io.out(
            fmt::format("{}. {}\n   {}\n", ++number, printable(finding.measured), printable(finding.costs)));
        if (!finding.command.empty()) view.io.out(fmt::format("   -> {}\n", finding.command));
    }
    const std::vector<std::string> unknown = unknown_of(facts);
    if (unknown.empty()) return;
    const bool root_sees = ::geteuid() != 0 && (!facts.resident_bytes || facts.not_permitted != 0);
    view.io.out(
        fmt::format("unknown: {}{}\n", fmt::join(unknown, "; "), root_sees ? "; root would see" : ""));
}

}  // namespace

cli::Status show_why(const View& view, Models models) {
    std::vector<std::pair<std::string, Finding>> all;
    for (const Model& model : models) {
        const Facts facts = gather_facts(view, model);
        const std::vector<Finding> findings = findings_of(facts);
        if (view.style.format == cli::Format::table) print_text(view, facts, findings, models.size() > 1);
        for (const Finding& finding : findings) all.emplace_back(model.name(), finding);
    }
    if (view.style.format == cli::Format::table) return cli::Status::ok;
    if (view.style.format != cli::Format::json) {
        cli::Report report(view.io, view.style, columns());
        add_rows(report, all);
        return cli::Status::ok;
    }
    JsonWriter json(cli::json_sink(view.io));
    begin_document(json, view);
    json.key("findings");
    cli::Report report(json, columns());
    add_rows(report, all);
    json.end_object();
    json.finish();
    return cli::Status::ok;
}

}  // namespace ggufmap::residency
