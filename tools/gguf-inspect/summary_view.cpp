// The default view: one screen.
#include <fmt/format.h>

#include <algorithm>
#include <initializer_list>

#include "common/numbers.hpp"
#include "gguf-inspect/facts.hpp"
#include "gguf-inspect/sheet.hpp"
#include "gguf-inspect/views.hpp"
#include "ggufmap/text.hpp"

namespace ggufmap::inspect {
namespace {

using cli::human_count;

constexpr std::size_t shown_types = 5;
constexpr std::size_t shown_findings = 6;

/// The parts that are there, with commas between.
std::string joined(std::initializer_list<std::string> parts) {
    std::string text;
    for (const std::string& part : parts)
        if (!part.empty()) text += (text.empty() ? "" : ", ") + part;
    return text;
}

/// `pattern` with the value in it, or nothing where it is unknown.
template <typename T>
std::string with(const std::optional<T>& value, const char* pattern) {
    return value ? fmt::format(fmt::runtime(pattern), *value) : std::string();
}
std::string with(const std::optional<Span>& span, const char* pattern) {
    if (!span) return {};
    const std::string text = span->least == span->most ? std::to_string(span->most)
                                                       : fmt::format("{}-{}", span->least, span->most);
    return fmt::format(fmt::runtime(pattern), text);
}

/// "1 head", "8 heads", "2-8 heads"; nothing where the number is unknown.
std::string counted(const std::optional<std::uint64_t>& count, const char* noun) {
    return with(count, "{} ") + (count ? noun : "") + (count && *count != 1 ? "s" : "");
}
std::string counted(const std::optional<Span>& span, const char* noun) {
    if (!span) return {};
    return with(span, "{} ") + noun + (span->most != 1 ? "s" : "");
}

std::string kind_in_words(const Facts& facts) {
    switch (facts.kind) {
        case ModelKind::model:
            return {};
        case ModelKind::vocabulary:
            return "vocabulary, no weights";
        case ModelKind::adapter:
            return "adapter (LoRA or control vector)";
        case ModelKind::projector:
            return "projector (mmproj) for images or sound";
        case ModelKind::imatrix:
            return "importance matrix";
        case ModelKind::shard:
            return "one shard of a model";
        case ModelKind::other:
            break;
    }
    return facts.tensors == 0 ? "metadata only" : "not a language model";
}

std::string types_in_words(const Facts& facts) {
    std::string text;
    for (std::size_t i = 0; i < std::min(facts.types.size(), shown_types); ++i)
        text += fmt::format("{}{} {}", i == 0 ? "" : ", ", facts.types[i].type,
                            cli::human_percent(facts.types[i].percent));
    if (facts.types.size() > shown_types) text += fmt::format(", {} more", facts.types.size() - shown_types);
    return text;
}

std::string rope_in_words(const Facts& facts) {
    const std::string scaling = facts.rope_scaling && *facts.rope_scaling != "none"
                                    ? *facts.rope_scaling + with(facts.rope_factor, " x {:g}") +
                                          with(facts.rope_original_context, " from {}")
                                    : std::string();
    return joined({with(facts.rope_base, "base {:g}"), counted(facts.rope_dimensions, "dimension"), scaling});
}

std::string chat_in_words(const Facts& facts) {
    if (!facts.tokens) return {};
    return facts.chat_template_bytes ? fmt::format("template of {} bytes", *facts.chat_template_bytes)
                                     : "no template";
}

std::string vocabulary_in_words(const Facts& facts) {
    const std::string tokenizer =
        facts.tokenizer ? *facts.tokenizer + with(facts.pre_tokenizer, " ({})") : std::string();
    return joined({counted(facts.tokens, "token"), tokenizer, counted(facts.merges, "merge")});
}

void add_model_rows(const Facts& facts, Sheet& sheet) {
    sheet.row("name", facts.name.value_or(""));
    sheet.row("kind", kind_in_words(facts));
    sheet.row("architecture", joined({facts.architecture.value_or(""), facts.size_label.value_or("")}));
    if (facts.tensors != 0) {
        const bool sparse = facts.parameters.active != facts.parameters.total;
        sheet.row("parameters",
                  joined({human_count(facts.parameters.total),
                          sparse ? human_count(facts.parameters.active) + " active" : std::string()}));
        sheet.row("weights",
                  joined({with(facts.file_type, "{}"), with(facts.bits_per_weight, "{:.2f} bits each")}));
        sheet.row("types", types_in_words(facts));
    }
    sheet.row("context",
              joined({counted(facts.context, "token"), with(facts.sliding_window, "sliding window {}")}));
    sheet.row("layers", joined({with(facts.layers, "{}"), with(facts.embedding, "embedding {}"),
                                with(facts.feed_forward, "feed-forward {}")}));
    sheet.row("attention", joined({counted(facts.heads, "head"), counted(facts.kv_heads, "KV head"),
                                   with(facts.head_size, "{} wide")}));
    if (facts.experts.value_or(0) != 0)
        sheet.row("experts",
                  joined({with(facts.experts, "{}"), with(facts.experts_used, "{} used for a token"),
                          facts.experts_shared.value_or(0) != 0 ? with(facts.experts_shared, "{} shared")
                                                                : std::string()}));
    sheet.row("rope", rope_in_words(facts));
    sheet.row("vocabulary", vocabulary_in_words(facts));
    sheet.row("chat", chat_in_words(facts));
    sheet.row("license", facts.license.value_or(""));
}

void add_file_rows(const Facts& facts, const Gguf& head, bool exact, Sheet& sheet) {
    const auto size = [&](std::uint64_t bytes) {
        return exact ? fmt::format("{} bytes", bytes) : cli::human_size(bytes);
    };
    if (facts.shards_wanted > 1)
        sheet.row("shards", facts.shards == facts.shards_wanted
                                ? fmt::format("{}, all found", facts.shards)
                                : fmt::format("{} of {}, examined alone", facts.shards, facts.shards_wanted));
    sheet.row("file", joined({facts.file_bytes ? size(*facts.file_bytes) : std::string(),
                              fmt::format("GGUF v{}", head.version()),
                              fmt::format("alignment {}", head.alignment())}));
    sheet.row("header", joined({size(facts.header_bytes), counted(std::optional(facts.keys), "key"),
                                counted(std::optional(facts.tensors), "tensor")}));
    if (facts.data_offset && facts.shards == 1)
        sheet.row("data", fmt::format("{} at offset {} ({:#x})", size(facts.tensor_bytes), *facts.data_offset,
                                      *facts.data_offset));
    if (facts.shards > 1) sheet.row("data", size(facts.tensor_bytes));
}

void print_findings(const Subject& subject, cli::Io& io) {
    const Paint paint(io.terminal(cli::Stream::out));
    const auto& findings = subject.findings;
    Sheet none;
    none.row("findings", "none so far (--check reads more)");
    if (findings.empty()) return none.print(io);
    const bool sharded = subject.model->shards().size() > 1;
    for (std::size_t i = 0; i < std::min(findings.size(), shown_findings); ++i) {
        const Finding& finding = findings[i];
        Error::Where where = finding.where;
        if (!sharded && subject.findings[i].where.file == subject.model->shards()[0].file.name())
            where.file.clear();
        const std::string severity(name_of(finding.severity));
        io.out("  " + (finding.severity == Severity::error ? paint.red(severity) : paint.yellow(severity)) +
               std::string(15 - severity.size(), ' ') +
               wrapped(printable(in_words(where, finding.text)), 17, io.terminal(cli::Stream::out).width) +
               "\n");
    }
    if (findings.size() > shown_findings)
        io.out(fmt::format("  and {} more findings: --check shows them\n", findings.size() - shown_findings));
}

std::string plain(const cli::Cell& cell) {
    if (const auto* text = std::get_if<std::string>(&cell)) return *text;
    if (const auto* number = std::get_if<std::uint64_t>(&cell)) return std::to_string(*number);
    if (const auto* number = std::get_if<double>(&cell)) return fmt::format("{}", *number);
    return {};
}

}  // namespace

cli::Status show_summary(const Subject& subject, const cli::Args& args, cli::Io& io) {
    const cli::Style style = subject.style(args);
    const cli::Status status = subject.fails(args.has("--strict")) ? cli::Status::no : cli::Status::ok;
    const Facts facts = facts_of(*subject.model);
    if (style.format != cli::Format::table) {
        cli::Report report(io, style, {{"field", "FIELD"}, {"value", "VALUE"}});
        report.row({"path", subject.name});
        for (const auto& [name, cell] : cells_of(facts)) report.row({name, plain(cell)});
        report.finish();
        return status;
    }
    io.out(Paint(io.terminal(cli::Stream::out)).bold(printable(subject.name)) + "\n");
    Sheet sheet;
    add_model_rows(facts, sheet);
    add_file_rows(facts, subject.model->head(), style.exact_bytes, sheet);
    sheet.print(io);
    print_findings(subject, io);
    if (args.count("MODEL") > 1) io.out("\n");
    return status;
}

}  // namespace ggufmap::inspect
