#include "ggufmap/select.hpp"

#include <doctest/doctest.h>

#include "ggufmap/error.hpp"
#include "support/small_model.hpp"
#include "support/temporary_directory.hpp"

using namespace ggufmap;

namespace {

struct Fixture {
    test::TemporaryDirectory dir;
    Model model;

    Fixture() : model(Model::open(dir.write("m.gguf", bytes()))) {}

    static std::string bytes() {
        HeaderWriter header;
        header.add("general.architecture", "llama");
        header.add("llama.expert_count", std::uint32_t{4});
        header.add("llama.expert_used_count", std::uint32_t{1});
        return test::small_model(std::move(header), {{"token_embd.weight", {64, 10}, 1},
                                                     {"blk.0.attn_q.weight", {64, 64}, 1},
                                                     {"blk.0.attn_norm.weight", {64}, 0},
                                                     {"blk.0.ffn_gate_inp.weight", {64, 4}, 0},
                                                     {"blk.0.ffn_up_exps.weight", {64, 8, 4}, 1},
                                                     {"blk.1.attn_q.weight", {64, 64}, 1},
                                                     {"blk.1.ffn_up.weight", {64, 8}, 1},
                                                     {"output_norm.weight", {64}, 0},
                                                     {"output.weight", {64, 10}, 1}});
    }
    std::string names(const Selection& selection) const {
        std::string all;
        for (const Selected& one : selection.of(model)) {
            all += one.tensor != nullptr ? std::string(one.tensor->info->name) : "header";
            if (one.expert) all += "#" + std::to_string(*one.expert);
            all += " ";
        }
        return all;
    }
};

}  // namespace

TEST_CASE_FIXTURE(Fixture, "kinds of conditions narrow, conditions of a kind add up") {
    CHECK(names(Selection::parse("layer=0;part=attn")) == "blk.0.attn_q.weight ");
    CHECK(names(Selection::parse("layer=0-1;part=attn,norm")) ==
          "blk.0.attn_q.weight blk.0.attn_norm.weight blk.1.attn_q.weight ");
    CHECK(names(Selection::parse("tensor=*attn_q*")) == "blk.0.attn_q.weight blk.1.attn_q.weight ");
    CHECK(names(Selection::parse("part=header,output")) == "header output.weight ");
    CHECK(names(Selection::parse("part=embed")) == "token_embd.weight ");
    CHECK(names(Selection::parse("part=experts")) == "blk.0.ffn_up_exps.weight ");
    CHECK(names(Selection::parse("part=ffn")) == "blk.0.ffn_gate_inp.weight blk.1.ffn_up.weight ");
}

TEST_CASE_FIXTURE(Fixture, "experts are slices of stacked tensors along the last dimension") {
    CHECK(names(Selection::parse("expert=1-2")) == "blk.0.ffn_up_exps.weight#1 blk.0.ffn_up_exps.weight#2 ");
    const Range whole = *model.find_tensor("blk.0.ffn_up_exps.weight")->range;
    const auto slices = Selection::parse("expert=0-3").of(model);
    REQUIRE(slices.size() == 4);
    CHECK(slices[2].where.range == Range{whole.offset + 2 * 64 * 8 * 2, 64 * 8 * 2});
    CHECK(Selection::parse("expert=0-3").ranges(model) == std::vector<ShardRange>{{0, whole}});
}

TEST_CASE_FIXTURE(Fixture, "slices side by side are one range") {
    const std::vector<ShardRange> all = Selection::parse("expert=0-3").ranges(model);
    REQUIRE(all.size() == 1);
    CHECK(all.front().range == *model.find_tensor("blk.0.ffn_up_exps.weight")->range);
    CHECK(Selection::parse("expert=0,2").ranges(model).size() == 2);
}

TEST_CASE_FIXTURE(Fixture, "everything is every byte, header and padding included") {
    CHECK(Selection().everything());
    CHECK(Selection().ranges(model) == std::vector<ShardRange>{{0, {0, model.file_bytes()}}});
    CHECK(Selection().of(model).size() == 1 + model.tensors().size());
}

TEST_CASE_FIXTURE(Fixture, "ranges cut tensors") {
    const Range q = *model.find_tensor("blk.1.attn_q.weight")->range;
    Selection selection;
    selection.restrict_to({{0, {q.offset + 10, 20}}, {0, {q.offset + 100, 5}}, {0, {0, 1}}});
    const auto parts = selection.of(model);
    REQUIRE(parts.size() == 3);
    CHECK(parts[0].tensor == nullptr);
    CHECK(parts[1].where.range == Range{q.offset + 10, 20});
    CHECK(parts[2].where.range == Range{q.offset + 100, 5});
}

TEST_CASE_FIXTURE(Fixture, "what matches nothing is said, not passed over") {
    for (const char* wrong : {"layer=7", "expert=4", "tensor=nope*", "part=brain", "layer=1-0", "layer=-1",
                              "layer=", "layer", "colour=red", "layer=0,,1", "layer=99999999999"})
        CHECK_THROWS_AS(Selection::parse(wrong).of(model), Error);
}

TEST_CASE_FIXTURE(Fixture, "a selection as one text is blamed as it was given") {
    for (const char* text : {"layer=0,part=attn", "part=attn,layer=0", "expert=x"}) {
        try {
            Selection::parse(text);
            FAIL("taken: ", text);
        } catch (const Error& error) {
            CHECK(error.reason().starts_with("selection '" + std::string(text) + "': "));
        }
    }
}

TEST_CASE_FIXTURE(Fixture, "active parameters count the experts that a token uses") {
    const Parameters parameters = count_parameters(model);
    CHECK(parameters.total - parameters.active == 64 * 8 * 3);
}

TEST_CASE_FIXTURE(Fixture, "regions cover the file without holes") {
    std::uint64_t position = 0;
    for_each_region(model.shards()[0], [&](const Region& region) {
        CHECK(region.range.offset == position);
        position = region.range.end();
    });
    CHECK(position == model.file_bytes());
}

TEST_CASE("roles are read off names") {
    CHECK(role_of("blk.12.ffn_gate_exps.weight").stacked_experts);
    CHECK(role_of("blk.12.ffn_gate_exps.weight").layer == 12);
    CHECK(role_of("blk.12.ffn_gate_inp.weight").router);
    CHECK(role_of("blk.3.ffn_up_shexp.weight").part == Part::ffn);
    CHECK(role_of("enc.blk.3.attn_q.weight").stack == "enc");
    CHECK(role_of("v.blk.3.ln1.weight").part == Part::norm);
    CHECK(role_of("token_embd_norm.weight").part == Part::norm);
    CHECK(role_of("output_norm.weight").part == Part::norm);
    CHECK(role_of("rope_freqs.weight").part == Part::attn);
    CHECK(role_of("blk.x.attn_q.weight").part == Part::other);
    CHECK_FALSE(role_of("blk.99999999999.attn_q.weight").layer);
    CHECK(role_of("").part == Part::other);
}

TEST_CASE("a dimension of 2^60 experts is not looped over") {
    const test::TemporaryDirectory dir;
    const std::string bytes = test::small_model(
        HeaderWriter(),
        {{"blk.0.ffn_up_exps.weight", {0, 1ULL << 60}, 24}, {"blk.1.ffn_up_exps.weight", {1, 100'000}, 24}});
    const Model model = Model::open(dir.write("m.gguf", bytes));
    CHECK(expert_slices(*model.tensors()[0].info) == 0);
    CHECK(expert_slices(*model.tensors()[1].info) == 0);
    CHECK_THROWS_AS(Selection::parse("expert=0").of(model), Error);
}
