// --hash: manifests that llama-gguf-hash, xxhsum and sha256sum verify.
#include <fmt/format.h>

#include <algorithm>
#include <optional>

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

void refuse(bool condition, const char* reason) {
    if (condition) throw Error(ErrorKind::usage, {}, reason);
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
    refuse(!everything && (request.model || request.files),
           "a selection has digests of tensors only, not of the model or its files");
    const bool in_memory = args.has("--in-memory");
    refuse(in_memory && (request.files || contains(levels, "model")),
           "--in-memory has digests of tensors only, not of the model or its files");
    refuse(contains(words, "uuid") && (!request.model || in_memory),
           "uuid is of all weights only: not of tensors, files or a selection");
    refuse(request.files && request.kinds == std::vector{DigestKind::uuid},
           "files have no uuid: give another kind with it, such as --hash=file,uuid,sha256");
    return request;
}

std::string label(const Weights& weights, const Selected& one) {
    std::string text = weights.name;
    text += ':';
    text += one.tensor->info->name;
    if (one.expert) text += fmt::format("[{}]", *one.expert);
    return text;
}

constexpr std::string_view words[] = {"tensor", "model", "file"};

// One thing that there are digests of.
struct Entry {
    enum class What { tensor, model, file } what;
    const DigestTable& digests;
    std::size_t row;
    const Selected* tensor = nullptr;
};

// Calls `use` with all of them, in the order of a manifest.
template <typename Use>
void for_each_entry(const WeightReport& report, bool tensors, const Use& use) {
    for (std::size_t i = 0; tensors && i < report.tensors.size(); ++i)
        use(Entry{Entry::What::tensor, report.digests, i, &report.tensors[i]});
    if (report.model.size() > 0) use(Entry{Entry::What::model, report.model, 0});
    for (std::size_t i = 0; i < report.files.size(); ++i) use(Entry{Entry::What::file, report.files, i});
}

// A manifest for people, rows for scripts.
class Printer {
public:
    Printer(const Weights& weights, const std::vector<DigestKind>& kinds, Io& io)
        : weights_(weights), kinds_(kinds), io_(io), on_terminal_(io.terminal(cli::Stream::out).present) {
        const std::vector<cli::Column> columns = {
            {"of", "OF"}, {"name", "NAME"}, {"kind", "KIND"}, {"digest", "DIGEST"}};
        if (weights.json != nullptr) {
            begin_object(weights);
            weights.json->key("digests");
            report_.emplace(*weights.json, columns);
        } else if (weights.style.format != cli::Format::table) {
            report_.emplace(io, weights.style, columns);
        }
    }

    void print(const Entry& entry) {
        const bool failed = entry.digests.error(entry.row) != nullptr;
        const std::string name = shown_name(entry);
        for (std::size_t k = 0; k < kinds_.size(); ++k) {
            const std::string hex = entry.digests.hex(entry.row, k);
            if (report_ && (failed || !hex.empty())) {
                report_->row({std::string(words[static_cast<std::size_t>(entry.what)]), name,
                              std::string(name_of(kinds_[k])), failed ? cli::Cell() : cli::Cell(hex)});
            } else if (!report_ && !failed && !hex.empty()) {
                print_line(entry.what, kinds_[k], hex, name);
            }
        }
    }

    // In a manifest and in rows a finding stands where a digest does.
    void print(const ScanNote& note) {
        const std::string name = fmt::format("{}:{}", weights_.name, note.tensor);
        if (report_) {
            report_->row({std::string(words[0]), name, "scan", note.codes});
        } else {
            io_.out(fmt::format("scan      {}  {}\n", note.codes, printable(name)));
        }
    }

    // Behind it the JSON object of the model may have more members.
    void finish_digests() {
        if (report_) report_->finish();
    }

private:
    std::string shown_name(const Entry& entry) const {
        switch (entry.what) {
            case Entry::What::tensor:
                return label(weights_, *entry.tensor);
            case Entry::What::file:
                return weights_.model.shards()[entry.row].file.name();
            case Entry::What::model:
                break;
        }
        return weights_.name;
    }

    // Names stand in a manifest as they are, but a terminal must not obey them.
    void print_line(Entry::What what, DigestKind kind, std::string_view hex, std::string_view name) {
        const std::string line =
            what == Entry::What::file ? file_line(kind, hex, name) : weights_line(kind, hex, name);
        io_.out(on_terminal_ ? printable(line) : line);
        io_.out("\n");
    }

    const Weights& weights_;
    const std::vector<DigestKind>& kinds_;
    Io& io_;
    bool on_terminal_;
    std::optional<cli::Report> report_;
};

// The last members of the model's object.
void write_coverage(const ResidentDigests& found, std::uint64_t whole, JsonWriter& json) {
    const auto write = [&](const char* key, std::uint64_t number) {
        json.key(key);
        json.number(number);
    };
    write("tensors", found.tensors.size());
    write("resident_tensors", whole);
    write("bytes", found.bytes);
    write("resident_bytes", found.digested);
    json.end_object();
}

// --in-memory: digests of what is wholly resident; says how much that was.
Status show_resident(const Weights& weights, const WeightRequest& request, const Args& args, Io& io) {
    const ResidentDigests found =
        digest_resident(weights.model, request.kinds, weights.selection, weights.read);
    if (!found.complete) return Status::trouble;
    const auto whole =
        static_cast<std::uint64_t>(std::count(found.resident.begin(), found.resident.end(), true));
    Printer printer(weights, request.kinds, io);
    for (std::size_t i = 0; i < found.tensors.size(); ++i) {
        if (found.resident[i]) printer.print({Entry::What::tensor, found.digests, i, &found.tensors[i]});
    }
    printer.finish_digests();
    if (weights.json != nullptr) write_coverage(found, whole, *weights.json);
    io.flush();
    if (!args.has("--quiet")) {
        cli::say(args, io,
                 fmt::format("{}: {} of {} wholly in memory: {} of {} bytes", weights.name, whole,
                             counted(found.tensors.size(), "tensor"), found.digested, found.bytes));
    }
    return Status::ok;
}

// All that has no digest; that of all weights only where nothing else tells why.
Status complain(const WeightReport& report, bool tensors, const Args& args, Io& io) {
    Complaints complaints(args, io);
    for_each_entry(report, tensors, [&](const Entry& entry) {
        const Error* const error = entry.digests.error(entry.row);
        if (error == nullptr) return;
        if (entry.what == Entry::What::tensor) {
            complaints.tell(*error, fmt::format("tensor '{}'", report.tensors[entry.row].tensor->info->name));
        } else if (entry.what == Entry::What::file || complaints.status() == Status::ok) {
            complaints.tell(*error, entry.what == Entry::What::model ? "weights" : "");
        }
    });
    return complaints.status();
}

}  // namespace

Status show_digests(const Weights& weights, const Args& args, Io& io) {
    const WeightRequest request = request_from(weights, args);
    if (args.has("--in-memory")) return show_resident(weights, request, args, io);
    const WeightReport report = digest_weights(weights.model, request, weights.read);
    if (!report.complete) return Status::trouble;
    Printer printer(weights, request.kinds, io);
    for_each_entry(report, request.tensors, [&](const Entry& entry) { printer.print(entry); });
    const std::vector<ScanNote> notes =
        request.scan ? scan_notes(weights.model, report) : std::vector<ScanNote>();
    if (weights.json == nullptr) {
        for (const ScanNote& note : notes) printer.print(note);
    }
    printer.finish_digests();
    if (weights.json != nullptr) {
        if (request.scan) write_scan(weights, report);
        weights.json->end_object();
    }
    return worst(complain(report, request.tensors, args, io), bad(notes) ? Status::no : Status::ok);
}

}  // namespace ggufmap::inspect
