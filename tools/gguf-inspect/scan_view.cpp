// --scan: weights that no quantiser writes.
#include <fmt/format.h>

#include <algorithm>

#include "common/report.hpp"
#include "gguf-inspect/integrity.hpp"
#include "gguf-inspect/scan_words.hpp"
#include "gguf-inspect/words.hpp"
#include "ggufmap/text.hpp"

namespace ggufmap::inspect {
namespace {

using cli::Args;
using cli::Io;
using cli::Status;

std::string_view depth_word(ScanDepth depth) {
    switch (depth) {
        case ScanDepth::values:
            return "values";
        case ScanDepth::scales:
            return "scales";
        case ScanDepth::zeros:
            return "zeros";
        case ScanDepth::unknown:
            break;
    }
    return "not scanned";
}

// All of it, for programs.
std::vector<cli::Column> columns() {
    using cli::Shows;
    return {{"tensor", "TENSOR"},
            {"type", "TYPE", Shows::word},
            {"depth", "LOOKED AT", Shows::word},
            {"blocks", "BLOCKS", Shows::number},
            {"nan", "NAN", Shows::number},
            {"infinite", "INFINITE", Shows::number},
            {"absurd", "ABSURD", Shows::number},
            {"zero_scale_blocks", "ZERO SCALES", Shows::number},
            {"zero_blocks", "ZERO BLOCKS", Shows::number},
            {"trailing_zeros", "ZERO END", Shows::size},
            {"first_bad", "FIRST AT", Shows::number},
            {"finding", "FINDING", Shows::word}};
}

std::vector<cli::Cell> cells(const Selected& one, const TensorScan& scan, const ScanNote& note) {
    const std::string name(one.tensor->info->name);
    const std::string type = type_name(one.tensor->info->type);
    if (scan.error) {
        std::vector<cli::Cell> unknown(columns().size());
        unknown.front() = name;
        unknown[1] = type;
        unknown.back() = "unreadable";
        return unknown;
    }
    const bool numbers = scan.depth == ScanDepth::values || scan.depth == ScanDepth::scales;
    const auto known = [](bool is, std::uint64_t value) { return is ? cli::Cell(value) : cli::Cell(); };
    return {name,
            type,
            std::string(depth_word(scan.depth)),
            known(numbers, scan.blocks),
            known(numbers, scan.nan),
            known(numbers, scan.infinite),
            known(numbers, scan.absurd),
            known(scan.depth == ScanDepth::scales, scan.zero_scale_blocks),
            known(numbers, scan.zero_blocks),
            scan.trailing_zeros,
            cli::or_unknown(scan.first_bad),
            note.codes};
}

}  // namespace

ScanNote scan_note(const ModelTensor& tensor, const TensorScan& scan, const ZeroTail* tail) {
    ScanNote note{std::string(tensor.info->name), {}, scan.bad_numbers() || tail != nullptr};
    const auto add = [&](const std::string& code) { note.codes += (note.codes.empty() ? "" : ",") + code; };
    if (scan.nan > 0) add(fmt::format("nan={}", scan.nan));
    if (scan.infinite > 0) add(fmt::format("infinite={}", scan.infinite));
    if (scan.absurd > 0) add(fmt::format("absurd={}", scan.absurd));
    if (scan.first_bad) add(fmt::format("first=0x{:x}", *scan.first_bad));
    if (tail != nullptr) {
        add(fmt::format("file-zero-from=0x{:x}", tail->range.offset));
    } else if (scan.all_zero()) {
        // Biases and norms of one dimension may be zero; a matrix that is nothing but zeros never is.
        add("all-zero");
        note.bad |= tensor.info->dimension_count > 1;
    } else if (scan.all_scales_zero()) {
        add("all-scales-zero");
        note.bad = true;
    } else if (scan.zero_blocks > 0) {
        // A hole of a download, or pruned: not for us to say.
        add(fmt::format("zero-blocks={}/{}", scan.zero_blocks, scan.countable_blocks()));
    }
    return note;
}

const ZeroTail* tail_of(const std::vector<ZeroTail>& tails, const Selected& one) {
    const auto found = std::find_if(tails.begin(), tails.end(), [&](const ZeroTail& tail) {
        return tail.shard == one.where.shard && tail.range.overlaps(one.where.range);
    });
    return found == tails.end() ? nullptr : &*found;
}

std::vector<ZeroTail> tails_of(const Model& model, const WeightReport& report) {
    std::vector<std::optional<TensorScan>> scans(model.tensors().size());
    for (std::size_t i = 0; i < report.tensors.size(); ++i) {
        if (!report.tensors[i].expert)
            scans[static_cast<std::size_t>(report.tensors[i].tensor - model.tensors().data())] =
                report.scans[i];
    }
    return zero_tails(model, scans);
}

std::vector<ScanNote> scan_notes(const Model& model, const WeightReport& report) {
    const std::vector<ZeroTail> tails = tails_of(model, report);
    std::vector<ScanNote> notes;
    for (std::size_t i = 0; i < report.tensors.size(); ++i) {
        if (report.scans[i].error) continue;
        ScanNote note =
            scan_note(*report.tensors[i].tensor, report.scans[i], tail_of(tails, report.tensors[i]));
        if (!note.codes.empty()) notes.push_back(std::move(note));
    }
    return notes;
}

bool bad(const std::vector<ScanNote>& notes) {
    return std::any_of(notes.begin(), notes.end(), [](const ScanNote& note) { return note.bad; });
}

namespace {

// Programs see everything, people only what is odd, and in words: 80 columns hold no more.
void print_rows(const WeightReport& report, const std::vector<ZeroTail>& tails, bool all,
                cli::Report& table) {
    for (std::size_t i = 0; i < report.tensors.size(); ++i) {
        const ScanNote note =
            scan_note(*report.tensors[i].tensor, report.scans[i], tail_of(tails, report.tensors[i]));
        std::vector<cli::Cell> row = cells(report.tensors[i], report.scans[i], note);
        if (all) {
            table.row(row);
        } else if (!note.codes.empty() && !report.scans[i].error) {
            table.row({row[0], row[1], row.back()});
        }
    }
    table.finish();
}

void print_summary(const Weights& weights, const WeightReport& report, const std::vector<ZeroTail>& tails,
                   bool failed, Io& io) {
    const auto count = [&](const auto& which) {
        return static_cast<std::size_t>(std::count_if(report.scans.begin(), report.scans.end(), which));
    };
    const std::size_t unreadable = count([](const TensorScan& scan) { return scan.error != nullptr; });
    const std::size_t unknown = count(
        [](const TensorScan& scan) { return scan.depth == ScanDepth::unknown && scan.error == nullptr; });
    io.out(fmt::format("{}: {}, {} scanned", printable(weights.name), failed ? "FAILED" : "OK",
                       counted(report.tensors.size() - unknown - unreadable, "tensor")));
    if (unreadable > 0) io.out(fmt::format(", {} unreadable", unreadable));
    if (unknown > 0) io.out(fmt::format(", {} of types whose layout is not known", unknown));
    io.out("\n");
    for (const ZeroTail& tail : tails) {
        io.out(fmt::format(
            "{}: nothing but zeros from offset 0x{:x} on, in tensor '{}': an interrupted download\n",
            printable(weights.model.shards()[tail.shard].file.name()), tail.range.offset,
            printable(tail.first->info->name)));
    }
}

}  // namespace

void write_scan(const Weights& weights, const WeightReport& report) {
    weights.json->key("scan");
    cli::Report table(*weights.json, columns());
    print_rows(report, tails_of(weights.model, report), true, table);
}

Status show_scan(const Weights& weights, const Args& args, Io& io) {
    WeightRequest request;
    request.tensors = false;
    request.scan = true;
    request.selection = weights.selection;
    const WeightReport report = digest_weights(weights.model, request, weights.read);
    if (!report.complete) return Status::trouble;
    const std::vector<ZeroTail> tails = tails_of(weights.model, report);
    const std::vector<ScanNote> notes = scan_notes(weights.model, report);
    const bool unreadable = std::any_of(report.scans.begin(), report.scans.end(),
                                        [](const TensorScan& scan) { return scan.error != nullptr; });
    const bool failed = bad(notes) || unreadable;
    if (weights.json != nullptr) {
        begin_object(weights);
        write_scan(weights, report);
        weights.json->end_object();
    } else if (weights.style.format != cli::Format::table) {
        cli::Report table(io, weights.style, columns());
        print_rows(report, tails, true, table);
    } else if (!args.has("--quiet") || failed) {
        if (!notes.empty()) {
            using cli::Shows;
            cli::Report table(
                io, weights.style,
                {{"tensor", "TENSOR"}, {"type", "TYPE", Shows::word}, {"finding", "FINDING", Shows::word}});
            print_rows(report, tails, false, table);
        }
        print_summary(weights, report, tails, failed, io);
    }
    Complaints complaints(args, io);
    for (std::size_t i = 0; i < report.scans.size(); ++i) {
        if (report.scans[i].error)
            complaints.tell(*report.scans[i].error,
                            fmt::format("tensor '{}'", report.tensors[i].tensor->info->name));
    }
    return worst(complaints.status(), failed ? Status::no : Status::ok);
}

}  // namespace ggufmap::inspect
