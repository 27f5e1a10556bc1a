// --hash: manifests that llama-gguf-hash, xxhsum and sha256sum verify.
#include <fmt/format.h>

#include <algorithm>

#include "common/report.hpp"
#include "common/tool.hpp"
#include "gguf-inspect/integrity.hpp"
#include "gguf-inspect/scan_words.hpp"
#include "ggufmap/manifest.hpp"
#include "ggufmap/resident.hpp"
#include "ggufmap/text.hpp"

namespace ggufmap::inspect {
namespace {

using cli::Args;
using cli::Io;
using cli::Status;

bool contains(const std::vector<std::string>& words, std::string_view word) {
    return std::find(words.begin(), words.end(), word) != words.end();
}

DigestKind kind_named(std::string_view word) {
    for (const DigestKind kind :
         {DigestKind::xxh64, DigestKind::sha1, DigestKind::sha256, DigestKind::uuid}) {
        if (word == name_of(kind)) return kind;
    }
    return DigestKind::xxh3_128;
}

WeightRequest request_from(const Weights& weights, const Args& args) {
    const std::vector<std::string> words = args.list("--hash");
    const std::vector<std::string> levels = args.list("--per");
    WeightRequest request;
    // In the order in which llama-gguf-hash prints them.
    for (const std::string_view word : {"xxh3", "xxh64", "sha1", "sha256", "uuid"}) {
        if (contains(words, word)) request.kinds.push_back(kind_named(word));
    }
    const bool only_file = words.size() == 1 && words.front() == "file";
    if (request.kinds.empty()) request.kinds = {DigestKind::xxh3_128};
    const bool everything = weights.selection.everything();
    request.tensors = levels.empty() ? !only_file : contains(levels, "tensor");
    request.model = levels.empty() ? !only_file && everything : contains(levels, "model");
    request.files = contains(words, "file") || contains(levels, "file");
    request.scan = args.has("--scan");
    request.selection = weights.selection;
    if (!everything && (request.model || request.files))
        throw Error(ErrorKind::usage, {},
                    "a selection has digests of tensors only, not of the model or its files");
    return request;
}

std::string label(const Weights& weights, const Selected& one) {
    std::string text = fmt::format("{}:{}", weights.name, one.tensor->info->name);
    if (one.expert) text += fmt::format("[{}]", *one.expert);
    return text;
}

// Everything that a digest can be of, in the order of a manifest.
struct Line {
    enum class What { tensor, model, file } what;
    std::string name;
    const Digests* digests;
    std::string thing;  // for messages
};

std::vector<Line> lines_of(const Weights& weights, const WeightReport& report, const WeightRequest& request) {
    std::vector<Line> lines;
    for (std::size_t i = 0; request.tensors && i < report.tensors.size(); ++i) {
        const Selected& one = report.tensors[i];
        lines.push_back({Line::What::tensor, label(weights, one), &report.digests[i],
                         fmt::format("tensor '{}'", one.tensor->info->name)});
    }
    if (report.model) lines.push_back({Line::What::model, weights.name, &*report.model, "weights"});
    for (std::size_t i = 0; i < report.files.size(); ++i)
        lines.push_back({Line::What::file, weights.model.shards()[i].file.name(), &report.files[i], ""});
    return lines;
}

void print_manifest(const std::vector<Line>& lines, const std::vector<DigestKind>& kinds, Io& io) {
    for (const Line& line : lines) {
        for (std::size_t k = 0; k < kinds.size(); ++k) {
            const std::string& hex = line.digests->hex[k];
            if (hex.empty() || line.digests->error) continue;
            io.out(line.what == Line::What::file ? file_line(kinds[k], hex, line.name)
                                                 : weights_line(kinds[k], hex, line.name));
            io.out("\n");
        }
    }
}

void print_table(const std::vector<Line>& lines, const std::vector<DigestKind>& kinds, const Args& args,
                 Io& io) {
    const cli::Style style = cli::Style::from(args);
    constexpr std::string_view words[] = {"tensor", "model", "file"};
    const std::vector<cli::Column> columns = {
        {"of", "OF"}, {"name", "NAME"}, {"kind", "KIND"}, {"digest", "DIGEST"}};
    const auto fill = [&](cli::Report& report) {
        for (const Line& line : lines) {
            for (std::size_t k = 0; k < kinds.size(); ++k) {
                const std::string& hex = line.digests->hex[k];
                if (hex.empty() && !line.digests->error) continue;
                report.row({std::string(words[static_cast<std::size_t>(line.what)]), line.name,
                            std::string(name_of(kinds[k])),
                            line.digests->error ? cli::Cell() : cli::Cell(hex)});
            }
        }
        report.finish();
    };
    if (style.format != cli::Format::json) {
        cli::Report report(io, style, columns);
        return fill(report);
    }
    JsonWriter json(cli::json_sink(io));
    json.begin_object();
    json.key("schema");
    json.string("gguf-inspect/1");
    json.key("digests");
    cli::Report report(json, columns);
    fill(report);
    json.end_object();
    json.finish();
}

// --in-memory: digests of what is wholly resident; says how much that was.
Status show_resident(const Weights& weights, const WeightRequest& request, const Args& args, Io& io) {
    const ResidentDigests found =
        digest_resident(weights.model, request.kinds, weights.selection, weights.read);
    std::vector<Line> lines;
    for (std::size_t i = 0; i < found.tensors.size(); ++i) {
        if (found.resident[i])
            lines.push_back({Line::What::tensor, label(weights, found.tensors[i]), &found.digests[i], ""});
    }
    if (!found.complete) return Status::trouble;
    if (cli::Style::from(args).format == cli::Format::table) {
        print_manifest(lines, request.kinds, io);
    } else {
        print_table(lines, request.kinds, args, io);
    }
    io.flush();
    if (!args.has("--quiet"))
        cli::say(
            args, io,
            fmt::format("{}: {} of {} wholly in memory: {} of {} bytes", printable(weights.name),
                        lines.size(), counted(found.tensors.size(), "tensor"), found.digested, found.bytes));
    return Status::ok;
}

}  // namespace

Status show_digests(const Weights& weights, const Args& args, Io& io) {
    const WeightRequest request = request_from(weights, args);
    if (args.has("--in-memory")) return show_resident(weights, request, args, io);
    const WeightReport report = digest_weights(weights.model, request, weights.read);
    if (!report.complete) return Status::trouble;
    const std::vector<Line> lines = lines_of(weights, report, request);
    if (cli::Style::from(args).format == cli::Format::table) {
        print_manifest(lines, request.kinds, io);
    } else {
        print_table(lines, request.kinds, args, io);
    }
    Status status = Status::ok;
    for (const Line& line : lines) {
        if (line.digests->error && line.what != Line::What::model)
            status = worst(status, tell(*line.digests->error, line.thing, args, io));
    }
    if (!request.scan) return status;
    const std::vector<ScanNote> notes = scan_notes(weights.model, report);
    for (const ScanNote& note : notes)
        io.out(fmt::format("scan      {}  {}:{}\n", note.codes, printable(weights.name),
                           printable(note.tensor)));
    return worst(status, bad(notes) ? Status::no : Status::ok);
}

}  // namespace ggufmap::inspect
