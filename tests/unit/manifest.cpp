#include "ggufmap/manifest.hpp"

#include <doctest/doctest.h>

#include "ggufmap/error.hpp"

using namespace ggufmap;

namespace {

const std::string hex16 = "0123456789abcdef";
const std::string hex32 = hex16 + hex16;
const std::string hex40 = hex32 + "01234567";
const std::string hex64 = hex32 + hex32;

// In a list as by itself.
ManifestLine only_entry(const std::string& line) {
    const Manifest manifest = parse_manifest(line + "\n", "m");
    REQUIRE(manifest.entries.size() == 1);
    const ManifestEntry& entry = manifest.entries[0];
    const auto alone = parse_manifest_line(line.ends_with('\r') ? line.substr(0, line.size() - 1) : line);
    REQUIRE(alone);
    CHECK(alone->digest == entry.digest);
    CHECK(alone->name == entry.name);
    return *alone;
}

}  // namespace

TEST_CASE("manifest lines of every tool are recognised") {
    struct Case {
        std::string line;
        DigestKind kind;
        bool of_file;
        std::string hex;
    };
    const Case cases[] = {
        {"xxh64     " + hex16 + "  a b.gguf:x", DigestKind::xxh64, false, hex16},
        {"xxh3      " + hex32 + "  a b.gguf:x", DigestKind::xxh3_128, false, hex32},
        {"sha256    " + hex64 + "  a b.gguf:x", DigestKind::sha256, false, hex64},
        {"uuid      22af203c-548b-59c2-98ea-aa52c8be05d8  a b.gguf:x", DigestKind::uuid, false,
         "22af203c-548b-59c2-98ea-aa52c8be05d8"},
        {hex16 + "  a b.gguf:x", DigestKind::xxh64, true, hex16},
        {hex32 + "  a b.gguf:x", DigestKind::xxh3_128, true, hex32},
        {hex40 + "  a b.gguf:x", DigestKind::sha1, true, hex40},
        {hex64 + " *a b.gguf:x", DigestKind::sha256, true, hex64},
        {"XXH3_" + hex16 + "  a b.gguf:x", DigestKind::xxh3_64, true, hex16},
        {"XXH3 (a b.gguf:x) = " + hex16, DigestKind::xxh3_64, true, hex16},
        {"SHA256 (a b.gguf:x) = " + hex64, DigestKind::sha256, true, hex64},
        {"SHA1 (a b.gguf:x) = " + hex40 + "\r", DigestKind::sha1, true, hex40},
        {"0123456789ABCDEF  a b.gguf:x", DigestKind::xxh64, true, hex16},
    };
    for (const Case& wanted : cases) {
        CAPTURE(wanted.line);
        const ManifestLine found = only_entry(wanted.line);
        CHECK(found.kind == wanted.kind);
        CHECK(found.of_file == wanted.of_file);
        CHECK(hex_of(found.kind, found.digest) == wanted.hex);
        CHECK(found.name == "a b.gguf:x");
    }
}

TEST_CASE("lines too long for any name are none of a manifest") {
    const std::string good = hex16 + "  m.gguf\n";
    const Manifest manifest = parse_manifest(hex16 + "  " + std::string(20'000, 'x') + "\n" + good, "m");
    CHECK(manifest.unknown == std::vector<std::uint32_t>{1});
    CHECK(manifest.entries.size() == 1);
}

TEST_CASE("what is written is read back, whatever the name") {
    for (const std::string name : {"m.gguf", "a\\b\nc\rd", "(x) = y", " lead", "two  spaces"}) {
        CAPTURE(name);
        for (const DigestKind kind : {DigestKind::xxh64, DigestKind::xxh3_128, DigestKind::xxh3_64,
                                      DigestKind::sha1, DigestKind::sha256}) {
            const std::string hex = digest_hex(kind, {});
            const ManifestLine file = only_entry(file_line(kind, hex, name));
            CHECK(file.kind == kind);
            CHECK(hex_of(file.kind, file.digest) == hex);
            CHECK(file.name == name);
            CHECK(file.of_file);
        }
        if (name.starts_with(' ')) continue;  // llama-gguf-hash splits its lines at spaces
        const ManifestLine weights = only_entry(weights_line(DigestKind::sha1, hex40, name));
        CHECK(weights.name == name);
        CHECK_FALSE(weights.of_file);
    }
}

TEST_CASE("lines that are none are counted, and nothing else is an error") {
    const Manifest manifest = parse_manifest(
        "\xEF\xBB\xBF" + hex64 + "  x\n# made today\n\nmd5  zz\n" + "scan      nan=1  m.gguf:x\n" + hex16,
        "m");
    CHECK(manifest.entries.size() == 1);
    CHECK(manifest.entries[0].line == 1);
    CHECK(manifest.unknown == std::vector<std::uint32_t>{4, 6});
    CHECK_THROWS_AS(parse_manifest("<html>\n", "m"), Error);
    CHECK_THROWS_AS(parse_manifest("", "m"), Error);
    CHECK_THROWS_AS(parse_manifest("\\" + hex64 + "  bad\\x\n", "m"), Error);
}

TEST_CASE("names live as long as any copy of the manifest") {
    Manifest copy;
    {
        const Manifest manifest = parse_manifest(hex16 + "  m.gguf\n\\" + hex16 + "  a\\\\b\n", "m");
        copy = manifest;
    }
    REQUIRE(copy.entries.size() == 2);
    CHECK(copy.entries[0].name == "m.gguf");
    CHECK(copy.entries[1].name == "a\\b");
}
