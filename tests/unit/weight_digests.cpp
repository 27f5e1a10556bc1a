#include "ggufmap/weight_digests.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>

#include "ggufmap/manifest.hpp"
#include "ggufmap/verify.hpp"
#include "support/shared_files.hpp"
#include "support/small_model.hpp"
#include "support/temporary_directory.hpp"

using namespace ggufmap;

namespace {

const std::vector<DigestKind> all_kinds = {DigestKind::xxh3_128, DigestKind::xxh64, DigestKind::sha1,
                                           DigestKind::sha256, DigestKind::uuid};

std::string slurp(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

std::string model_bytes() {
    return test::small_model(
        HeaderWriter(),
        {{"blk.0.a", {100}, 0}, {"empty", {0}, 0}, {"blk.0.b", {300'000}, 0}, {"blk.1.a", {33}, 0}});
}

WeightReport digest(const Model& model, WeightRequest request, unsigned jobs = 2) {
    ReadOptions options;
    options.jobs = jobs;
    if (request.kinds.empty()) request.kinds = all_kinds;
    return digest_weights(model, request, options);
}

// Everything that can be said about a model, as a manifest.
std::string full_manifest(const Model& model) {
    WeightRequest request;
    request.kinds = {DigestKind::xxh3_128};
    request.model = request.files = true;
    const WeightReport report = digest(model, request);
    std::string text;
    for (std::size_t i = 0; i < report.tensors.size(); ++i)
        text += weights_line(DigestKind::xxh3_128, report.digests.hex(i, 0),
                             "m.gguf:" + std::string(report.tensors[i].tensor->info->name)) +
                "\n";
    text += weights_line(DigestKind::xxh3_128, report.model.hex(0, 0), "m.gguf") + "\n";
    return text + file_line(DigestKind::xxh3_128, report.files.hex(0, 0), "m.gguf") + "\n";
}

}  // namespace

TEST_CASE("digests are those of the bytes, in whatever pass they are made") {
    const test::TemporaryDirectory directory;
    const std::string bytes = model_bytes();
    const Model model = Model::open(directory.write("m.gguf", bytes));
    std::string payload;
    for (const ModelTensor& tensor : model.tensors())
        payload += bytes.substr(tensor.range->offset, tensor.range->size);

    for (const bool whole : {false, true}) {
        for (const bool files : {false, true}) {
            for (const bool scan : {false, true}) {
                for (const unsigned jobs : {1U, 3U}) {
                    WeightRequest request;
                    request.model = whole;
                    request.files = files;
                    request.scan = scan;
                    const WeightReport report = digest(model, request, jobs);
                    for (std::size_t k = 0; k < all_kinds.size(); ++k) {
                        for (std::size_t i = 0; i < report.tensors.size(); ++i) {
                            const Range range = report.tensors[i].where.range;
                            const std::string wanted =
                                all_kinds[k] == DigestKind::uuid
                                    ? ""
                                    : digest_hex(all_kinds[k],
                                                 as_bytes(bytes).subspan(range.offset, range.size));
                            CHECK(report.digests.hex(i, k) == wanted);
                        }
                        if (whole)
                            CHECK(report.model.hex(0, k) == digest_hex(all_kinds[k], as_bytes(payload)));
                        if (files && all_kinds[k] != DigestKind::uuid)
                            CHECK(report.files.hex(0, k) == digest_hex(all_kinds[k], as_bytes(bytes)));
                    }
                    REQUIRE(report.scans.size() == (scan ? report.tensors.size() : 0));
                    if (scan) CHECK(report.scans[2].bytes == 1'200'000);
                }
            }
        }
    }
}

TEST_CASE("files that hold tensors out of order are still digested") {
    const test::TemporaryDirectory directory;
    HeaderWriter header;  // "second" lies before "first"
    header.add_tensor("first", std::vector<std::uint64_t>{8}, 0, 32);
    header.add_tensor("second", std::vector<std::uint64_t>{8}, 0, 0);
    std::string bytes = header.bytes();
    bytes.resize((bytes.size() + 31) / 32 * 32);
    const std::string second(32, '2');
    const std::string first(32, '1');
    bytes += second + first;
    const Model model = Model::open(directory.write("m.gguf", bytes));
    WeightRequest request;
    request.model = request.files = true;
    const WeightReport report = digest(model, request);
    CHECK(report.model.hex(0, 3) == digest_hex(DigestKind::sha256, as_bytes(first + second)));
    CHECK(report.files.hex(0, 3) == digest_hex(DigestKind::sha256, as_bytes(bytes)));
    CHECK(report.digests.hex(1, 3) == digest_hex(DigestKind::sha256, as_bytes(second)));
}

TEST_CASE("digests equal those of llama-gguf-hash, also over shards") {
    const std::filesystem::path upstream = test::shared_folder() / "models/upstream";
    const std::pair<std::string, std::vector<std::string>> cases[] = {
        {"llama-q4km", {"llama-q4km.gguf", "split10/llama-q4km-00003-of-00006.gguf"}},
        {"mixed-align4096", {"mixed-align4096.gguf"}},
        {"moe-q8_0", {"moe-q8_0.gguf", "splitsize/moe-q8_0-00001-of-00004.gguf"}}};
    for (const auto& [name, files] : cases) {
        const std::string manifest = slurp(upstream / (name + ".manifest"));
        if (manifest.empty()) {
            MESSAGE("skipped: no fixtures of llama-gguf-hash beside the checkout");
            return;
        }
        for (const std::string& file : files) {
            CAPTURE(file);
            const Model model = Model::open((upstream / file).string());
            WeightRequest request;
            request.kinds = {DigestKind::xxh64, DigestKind::sha1, DigestKind::sha256, DigestKind::uuid};
            request.model = true;
            const WeightReport report = digest(model, request);
            std::string lines;
            const auto add = [&](const DigestTable& digests, std::size_t thing, const std::string& label) {
                for (std::size_t k = 0; k < 3; ++k)
                    lines += weights_line(request.kinds[k], digests.hex(thing, k), label) + "\n";
            };
            for (std::size_t i = 0; i < report.tensors.size(); ++i)
                add(report.digests, i, name + ".gguf:" + std::string(report.tensors[i].tensor->info->name));
            add(report.model, 0, name + ".gguf");
            CHECK(lines == manifest);
            CHECK(weights_line(DigestKind::uuid, report.model.hex(0, 3), name + ".gguf") + "\n" ==
                  slurp(upstream / (name + ".uuid")));
        }
    }
}

TEST_CASE("a flipped bit anywhere is found and named") {
    const test::TemporaryDirectory directory;
    const std::string bytes = model_bytes();
    const std::string path = directory.write("m.gguf", bytes);
    const Model intact = Model::open(path);
    const Manifest manifest = parse_manifest(full_manifest(intact), "manifest");
    const std::uint64_t first_bytes = intact.tensors()[2].range->offset;
    std::mt19937_64 random(20260101);
    int in_tensors = 0;
    int outside = 0;
    for (int round = 0; round < 200; ++round) {
        // Half of them in the header and the first tensors, which are little beside the large one.
        const std::uint64_t at = random() % (round % 2 == 0 ? bytes.size() : first_bytes);
        std::string flipped = bytes;
        flipped[at] = static_cast<char>(flipped[at] ^ 1 << (random() % 8));
        directory.write("m.gguf", flipped);
        CAPTURE(at);
        std::optional<Model> model;
        try {
            model = Model::open(path);
            model->require_complete();
        } catch (const Error& error) {  // no longer a model at all
            CHECK(error.blames_model());
            ++outside;
            continue;
        }
        Verification result;
        try {
            result = verify(*model, plan_verification(*model, manifest), {}, false, {});
        } catch (const Error& error) {
            CHECK(error.blames_model());
            ++outside;
            continue;
        }
        CHECK_FALSE(result.good());
        const auto hit =
            std::find_if(model->tensors().begin(), model->tensors().end(), [&](const ModelTensor& tensor) {
                return tensor.range->contains({at, 1});
            });
        hit == model->tensors().end() ? ++outside : ++in_tensors;
        for (const Check& check : result.checks) {
            if (check.subject == CheckSubject::file) CHECK(check.verdict == Verdict::different);
            if (hit == model->tensors().end() || check.subject != CheckSubject::tensor) continue;
            CHECK((check.verdict == Verdict::different) == (check.name == hit->info->name));
        }
    }
    CHECK(in_tensors > 20);
    CHECK(outside > 20);
}

TEST_CASE("what changes while it is read has no digest") {
    const test::TemporaryDirectory directory;
    const std::string path = directory.write("m.gguf", model_bytes());
    const Model model = Model::open(path);
    WeightRequest request;
    request.kinds = {DigestKind::xxh3_128};
    request.model = request.files = request.scan = true;
    ReadOptions options;
    options.progress = [&](std::uint64_t) {
        const timespec times[2] = {{0, UTIME_OMIT}, {1, 0}};
        REQUIRE(::utimensat(AT_FDCWD, path.c_str(), times, 0) == 0);
    };
    const WeightReport report = digest_weights(model, request, options);
    for (std::size_t i = 0; i < report.digests.size(); ++i) CHECK(report.digests.error(i) != nullptr);
    for (const TensorScan& scan : report.scans) CHECK(scan.error);
    CHECK(report.model.error(0) != nullptr);
    CHECK(report.files.error(0) != nullptr);
}
