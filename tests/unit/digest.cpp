#include "ggufmap/digest.hpp"

#include <doctest/doctest.h>

using namespace ggufmap;

// Values of the stock tools: printf abc | xxhsum -H{3,2,1} / sha1sum / sha256sum.
TEST_CASE("digests are those of the stock tools, in one piece or in many") {
    const std::pair<DigestKind, const char*> expected[] = {
        {DigestKind::xxh3_64, "78af5f94892f3950"},
        {DigestKind::xxh3_128, "06b05ab6733a618578af5f94892f3950"},
        {DigestKind::xxh64, "44bc2cf5ad770999"},
        {DigestKind::sha1, "a9993e364706816aba3e25717850c26c9cd0d89d"},
        {DigestKind::sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
    };
    for (const auto& [kind, hex] : expected) {
        CHECK(digest_hex(kind, as_bytes("abc")) == hex);
        Digest pieces(kind);
        pieces.update(as_bytes("a"));
        pieces.update(as_bytes(""));
        pieces.update(as_bytes("bc"));
        CHECK(pieces.hex() == hex);
    }
}

TEST_CASE("a copy has been fed the same and goes its own way") {
    const std::string text(100'000, 'x');
    const auto feed = [](Digest& digest, std::string_view more) { digest.update(as_bytes(more)); };
    for (const DigestKind kind : {DigestKind::xxh3_64, DigestKind::xxh3_128, DigestKind::xxh64,
                                  DigestKind::sha1, DigestKind::sha256, DigestKind::uuid}) {
        Digest first(kind);
        feed(first, text);
        Digest second = first.copy();
        feed(second, "b");
        feed(first, "a");
        CHECK(first.hex() == digest_hex(kind, as_bytes(text + "a")));
        CHECK(second.hex() == digest_hex(kind, as_bytes(text + "b")));
    }
}
