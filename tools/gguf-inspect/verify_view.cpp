// --verify: is this the model that a manifest, or its own name, promises? --in-memory alone: is the page
// cache what the disk has?
#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>

#include "common/report.hpp"
#include "common/tool.hpp"
#include "gguf-inspect/integrity.hpp"
#include "ggufmap/resident.hpp"
#include "ggufmap/source.hpp"
#include "ggufmap/text.hpp"
#include "ggufmap/verify.hpp"

namespace ggufmap::inspect {
namespace {

using cli::Args;
using cli::Io;
using cli::Status;

std::optional<DigestKind> named_kind(const Args& args) {
    if (!args.has("--hash")) return std::nullopt;
    const std::vector<std::string> words = args.list("--hash");
    if (words.empty()) return DigestKind::xxh3_128;
    if (words.size() > 1 || words.front() == "file")
        throw Error(ErrorKind::usage, {}, "--verify uses one kind of digest: give one with --hash, or none");
    for (const DigestKind kind :
         {DigestKind::xxh64, DigestKind::sha1, DigestKind::sha256, DigestKind::uuid}) {
        if (words.front() == name_of(kind)) return kind;
    }
    return DigestKind::xxh3_128;
}

std::string_view word(CheckSubject subject) {
    constexpr std::string_view words[] = {"tensor", "weights", "file"};
    return words[static_cast<std::size_t>(subject)];
}

std::vector<cli::Column> columns() {
    using cli::Shows;
    return {{"verdict", "VERDICT", Shows::word}, {"what", "WHAT", Shows::word}, {"name", "NAME"},
            {"kind", "KIND", Shows::word},       {"wanted", "WANTED"},          {"found", "FOUND"}};
}

std::vector<cli::Cell> cells(const Check& check) {
    const auto hex = [&](const std::optional<DigestBytes>& digest) {
        return digest && check.kind ? cli::Cell(hex_of(*check.kind, *digest)) : cli::Cell();
    };
    return {std::string(name_of(check.verdict)),
            std::string(word(check.subject)),
            check.name,
            check.kind ? cli::Cell(std::string(name_of(*check.kind))) : cli::Cell(),
            hex(check.wanted),
            hex(check.found)};
}

bool any(const Verification& result, CheckSubject subject, Verdict verdict) {
    return std::any_of(result.checks.begin(), result.checks.end(), [&](const Check& check) {
        return check.subject == subject && check.verdict == verdict;
    });
}

bool covers_header(const Verification& result) {
    return std::any_of(result.checks.begin(), result.checks.end(), [](const Check& check) {
        return check.subject == CheckSubject::file && check.verdict != Verdict::unchecked;
    });
}

// All weights have been compared by themselves, so a difference in a file lies outside them.
bool differs_outside(const Verification& result) {
    const bool tensors_same = std::all_of(result.checks.begin(), result.checks.end(), [](const Check& check) {
        return check.subject != CheckSubject::tensor || check.verdict == Verdict::same;
    });
    return any(result, CheckSubject::file, Verdict::different) &&
           any(result, CheckSubject::tensor, Verdict::same) && tensors_same;
}

// Nothing but digests of files, some of which have the length of MD5 and are not what the files have.
bool may_be_md5(const Verification& result) {
    const bool files = std::all_of(result.checks.begin(), result.checks.end(),
                                   [](const Check& check) { return check.subject == CheckSubject::file; });
    return files && std::any_of(result.checks.begin(), result.checks.end(), [](const Check& check) {
               return check.subject == CheckSubject::file && check.verdict == Verdict::different &&
                      check.kind == DigestKind::xxh3_128;
           });
}

// "39 tensors the same, 1 different".
std::string counts(const Verification& result) {
    std::string text;
    for (const Verdict verdict : {Verdict::same, Verdict::different, Verdict::missing, Verdict::added,
                                  Verdict::unreadable, Verdict::unchecked}) {
        const std::uint64_t count = result.count(verdict);
        if (count > 0 || verdict == Verdict::same)
            text += fmt::format("{}{} {}", text.empty() ? "" : ", ", count, name_of(verdict));
    }
    return text;
}

// What is wrong, and with what result.
void print_verdict(const Weights& weights, const Verification& result, bool quiet, Io& io) {
    for (const Check& check : result.checks) {
        if (check.verdict == Verdict::same || check.verdict == Verdict::unchecked) continue;
        io.out(fmt::format("{:<10}  {:<7}  {}\n", name_of(check.verdict), word(check.subject),
                           printable(check.name)));
    }
    if (differs_outside(result))
        io.out("the tensors are the same: the difference is in the header or in the padding\n");
    if (quiet && result.good()) return;
    io.out(fmt::format("{}: {}: {}\n", printable(weights.name), result.good() ? "OK" : "FAILED",
                       counts(result)));
}

// What has not been looked at, or may be meant otherwise.
void print_remarks(const Weights& weights, const Verification& result, bool in_memory,
                   std::optional<DigestKind> kind, Io& io) {
    const bool by_kind = std::any_of(result.checks.begin(), result.checks.end(), [&](const Check& check) {
        return check.verdict == Verdict::unchecked && kind && check.kind != kind;
    });
    if (by_kind)
        io.out(fmt::format("{}: unchecked is what the manifest has other digests of than {}\n",
                           printable(weights.name), name_of(*kind)));
    if (may_be_md5(result))
        io.out(fmt::format(
            "{}: 32 digits are taken for XXH128's: lines of md5sum, which look the same, never fit\n",
            printable(weights.name)));
    if (in_memory) {
        io.out(fmt::format("{}: {} of {} bytes were in memory and have been checked\n",
                           printable(weights.name), result.checked, result.bytes));
    } else if (weights.selection.everything() && !covers_header(result)) {
        io.out(fmt::format("{}: header and padding are not covered: no digest of the file\n",
                           printable(weights.name)));
    }
}

Status print(const Weights& weights, const Verification& result, const Args& args, Io& io) {
    const cli::Style& style = weights.style;
    const auto fill = [&](cli::Report& report) {
        for (const Check& check : result.checks) report.row(cells(check));
        report.finish();
    };
    if (weights.json != nullptr) {
        JsonWriter& json = *weights.json;
        begin_object(weights);
        json.key("good");
        json.boolean(result.good());
        json.key("bytes");
        json.number(result.bytes);
        json.key("checked_bytes");
        json.number(result.checked);
        json.key("covers_header");
        json.boolean(covers_header(result));
        json.key("checks");
        cli::Report report(json, columns());
        fill(report);
        json.end_object();
    } else if (style.format != cli::Format::table) {
        cli::Report report(io, style, columns());
        fill(report);
    } else {
        const bool quiet = args.has("--quiet");
        print_verdict(weights, result, quiet, io);
        if (!quiet) print_remarks(weights, result, args.has("--in-memory"), named_kind(args), io);
    }
    Complaints complaints(args, io);
    for (const Check& check : result.checks) {
        if (!check.error) continue;
        complaints.tell(*check.error, check.subject == CheckSubject::tensor
                                          ? fmt::format("tensor '{}'", check.name)
                                          : std::string());
    }
    return worst(complaints.status(), result.good() ? Status::ok : Status::no);
}

Verification verify_names(const Weights& weights) {
    Verification result;
    for (std::uint32_t i = 0; i < weights.model.shards().size(); ++i) {
        const File& file = weights.model.shards()[i].file;
        const auto named = digest_in_name(file);
        if (!named)
            throw Error(
                ErrorKind::usage, {weights.name},
                "its name is no digest: --verify=name takes blobs of Ollama and of the Hugging Face cache");
        Check check = verify_named(weights.model, i, *named, weights.read);
        result.complete &= check.verdict != Verdict::unchecked;
        result.checks.push_back(std::move(check));
    }
    result.bytes = result.checked = weights.model.file_bytes();
    return result;
}

std::string read_all(ByteSource& source) {
    // 500,000 tensors with four digests each, and room; a model given by mistake is not read to its end.
    constexpr std::size_t most_bytes = std::size_t{512} << 20;
    std::string text;
    std::vector<std::byte> buffer(std::size_t{1} << 16);
    while (const std::size_t got = source.read(buffer)) {
        text += as_text(Bytes(buffer).first(got));
        const bool binary = text.size() == got && text.find('\0') != std::string::npos;
        if (binary || text.size() > most_bytes)
            throw Error(ErrorKind::usage, {source.name()}, "is no manifest");
    }
    return text;
}

}  // namespace

Manifest read_manifest(const std::string& path, Io& io) {
    const bool standard_input = path == "-";
    // Not File, which models are: a manifest may be a pipe, as <(command) is.
    const Fd opened(standard_input ? -1 : ::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!standard_input && !opened) throw io_error({path}, "cannot open", errno);
    PipeSource source(standard_input ? io.input_fd() : opened.get(),
                      standard_input ? "standard input" : path);
    return parse_manifest(read_all(source), source.name());
}

Status show_verification(const Weights& weights, const Args& args, Io& io) {
    if (weights.manifest == nullptr) {
        if (!weights.selection.everything() || args.has("--in-memory"))
            throw Error(ErrorKind::usage, {}, "--verify=name is about the whole file on the disk");
        if (args.has("--hash"))
            throw Error(ErrorKind::usage, {},
                        "--verify=name has its kind of digest from the name: no --hash");
        const Verification result = verify_names(weights);
        return result.complete ? print(weights, result, args, io) : Status::trouble;
    }
    const VerifyPlan plan = plan_verification(weights.model, *weights.manifest, named_kind(args));
    if (weights.last) *weights.manifest = {};  // it may be as large as a header, and is in the plan now
    const Verification result =
        verify(weights.model, plan, weights.selection, args.has("--in-memory"), weights.read);
    if (!result.complete) return Status::trouble;
    if (result.checks.empty())
        throw Error(ErrorKind::usage, {args.text("--verify").value_or("")},
                    "has no digest of what was to be verified");
    if (!args.has("--in-memory") && result.count(Verdict::unchecked) == result.checks.size())
        throw Error(ErrorKind::usage, {weights.name}, "the manifest has no digest of that kind for it");
    return print(weights, result, args, io);
}

Status show_cache_faults(const Weights& weights, const Args& args, Io& io) {
    if (!weights.selection.everything())
        throw Error(ErrorKind::usage, {}, "--in-memory alone compares whole files: no selection");
    const CacheComparison result = compare_with_disk(weights.model, weights.read);
    if (!result.complete) return Status::trouble;
    const std::vector<cli::Column> columns = {{"file", "FILE"},
                                              {"offset", "OFFSET", cli::Shows::number},
                                              {"bytes", "BYTES", cli::Shows::number},
                                              {"tensor", "TENSOR"}};
    const auto fill = [&](cli::Report& report) {
        for (const CacheFault& fault : result.faults)
            report.row(
                {weights.model.shards()[fault.where.shard].file.name(), fault.where.range.offset,
                 fault.where.range.size,
                 fault.tensor == nullptr ? cli::Cell() : cli::Cell(std::string(fault.tensor->info->name))});
        report.finish();
    };
    if (weights.json != nullptr) {
        JsonWriter& json = *weights.json;
        begin_object(weights);
        json.key("bytes");
        json.number(result.bytes);
        json.key("compared_bytes");
        json.number(result.compared);
        json.key("faults");
        cli::Report report(json, columns);
        fill(report);
        json.end_object();
    } else {
        if (weights.style.format != cli::Format::table || !result.faults.empty()) {
            cli::Report report(io, weights.style, columns);
            fill(report);
        }
        const bool tells = !args.has("--quiet") || !result.faults.empty();
        if (weights.style.format == cli::Format::table && tells)
            io.out(fmt::format("{}: {}: {} of {} bytes were in memory and have been compared with the disk\n",
                               printable(weights.name), result.faults.empty() ? "OK" : "FAILED",
                               result.compared, result.bytes));
    }
    return result.faults.empty() ? Status::ok : Status::no;
}

}  // namespace ggufmap::inspect
