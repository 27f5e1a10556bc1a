#include "ggufmap/ollama.hpp"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "ggufmap/error.hpp"
#include "ggufmap/hf/stub.hpp"
#include "hf_support.hpp"

using namespace ggufmap;
using namespace ggufmap::ollama;
using test::ModelOfText;
using Json = nlohmann::json;
namespace fs = std::filesystem;

namespace {

struct Quiet final : Progress {
    void add(std::uint64_t more) override { bytes += more; }
    bool stop_requested() override { return stop; }
    std::uint64_t bytes = 0;
    bool stop = false;
};

const std::string llama =
    "kv general.architecture str llama\nkv general.file_type u32 15\nkv general.sampling.temp f32 0.7\n"
    "tensor token_embd.weight F16 1000 1000\ntensor output.weight F16 1000 240\n";

struct World {
    ModelOfText of{llama};
    Quiet progress;
    std::string models = (of.folder.path() / "models").string();

    World() { fs::create_directory(models); }
    Plan plan(const Extras& extras = {}) {
        const auto digests = sha256_of({&of.model.shards()[0].file}, 2, progress);
        return make_plan(of.model, nullptr, parse_name("mine:8b"), digests, extras);
    }
};

Json json_file(const std::string& path) {
    std::ifstream file(path);
    return Json::parse(file);
}

}  // namespace

TEST_CASE("names are as Ollama takes them") {
    CHECK(parse_name("llama3.2").tag == "latest");
    CHECK(parse_name("a:b_c").tag == "b_c");
    for (const char* name : {"", ":x", "a:", "-a", "a/b", "..", "a b", "a:b:c"}) {
        CAPTURE(name);
        CHECK_THROWS_AS(parse_name(name), Error);
    }
    CHECK_THROWS_AS(parse_name(std::string(81, 'a')), Error);
}

TEST_CASE("config and params say what ollama show shows") {
    const ModelOfText of(llama);
    CHECK(config_json(of.model, true) ==
          "{\"model_format\":\"gguf\",\"model_family\":\"llama\",\"model_families\":[\"llama\",\"clip\"],"
          "\"model_type\":\"1.24M\",\"file_type\":\"Q4_K_M\",\"architecture\":\"amd64\",\"os\":\"linux\"}\n");
    CHECK(params_json(of.model.head(), {"<|im_end|>"}) ==
          "{\"stop\":[\"<|im_end|>\"],\"temperature\":0.7}\n");
    CHECK(params_json(ModelOfText("kv a str b\n").model.head(), {}).empty());
}

TEST_CASE("blobs come under their digests, the manifest names them all") {
    for (const Link link : {Link::automatic, Link::hard, Link::symbolic}) {
        World world;
        const Plan plan = world.plan({.params = "{}", .system = "be kind"});
        const auto placed = install(plan, world.models, link, false, world.progress);
        const Json manifest = json_file(manifest_path(world.models, plan.name));
        CHECK(manifest["schemaVersion"] == 2);
        CHECK(manifest["layers"].size() == 3);
        std::vector<Json> layers(manifest["layers"]);
        layers.push_back(manifest["config"]);
        for (const Json& layer : layers) {
            std::string name = layer["digest"];
            name[6] = '-';  // sha256:... is sha256-... on disk
            const File blob = File::open(world.models + "/blobs/" + name);
            CHECK(blob.size() == layer["size"]);
            CHECK("sha256-" + sha256_of({&blob}, 1, world.progress)[0] == name);
        }
        CHECK(placed.front().how == (link == Link::symbolic ? "symlink" : placed.front().how));
        if (link == Link::hard) CHECK(placed.front().how == "hard link");
    }
}

TEST_CASE("a name is not taken over unasked, and a stopped run leaves no manifest") {
    World world;
    const Plan plan = world.plan();
    world.progress.stop = true;
    CHECK_THROWS_AS(install(plan, world.models, Link::symbolic, false, world.progress), Error);
    CHECK_FALSE(fs::exists(manifest_path(world.models, plan.name)));
    world.progress.stop = false;
    const auto placed = install(plan, world.models, Link::symbolic, false, world.progress);
    CHECK(placed.front().how == "there already");
    CHECK_THROWS_WITH_AS(install(plan, world.models, Link::symbolic, false, world.progress),
                         doctest::Contains("exists already"), Error);
    install(plan, world.models, Link::symbolic, true, world.progress);
}

TEST_CASE("a symlink names the model that was hashed, or there is none") {
    World world;
    const Plan plan = world.plan();
    const std::string model = world.of.model.shards()[0].file.name();
    const std::string blob = world.models + "/blobs/sha256-" + plan.layers[0].digest;

    // "link/.." is the parent of where the link leads to.
    fs::create_directories(world.of.folder.path() / "far" / "away");
    fs::create_directory_symlink("far/away", world.of.folder.path() / "link");
    fs::copy(model, world.of.folder.path() / "far" / "m.gguf");
    const Model roundabout = Model::open((world.of.folder.path() / "link" / ".." / "m.gguf").string());
    Plan far = plan;
    far.layers[0].file = &roundabout.shards()[0].file;
    install(far, world.models, Link::symbolic, false, world.progress);
    CHECK(fs::equivalent(blob, world.of.folder.path() / "far" / "m.gguf"));
    CHECK(hf::modelfile(roundabout, {}) ==
          "FROM " + (fs::canonical(world.of.folder.path()) / "far" / "m.gguf").string() + "\n");
    fs::remove_all(world.models + "/blobs");
    fs::remove_all(world.models + "/manifests");

    fs::rename(model, model + ".old");
    fs::copy(model + ".old", model);
    CHECK_THROWS_WITH_AS(install(plan, world.models, Link::symbolic, false, world.progress),
                         doctest::Contains("another file has taken its name"), Error);
    CHECK_FALSE(fs::exists(fs::symlink_status(blob)));
    CHECK_FALSE(fs::exists(manifest_path(world.models, plan.name)));
}

TEST_CASE("a model that is written to after it was hashed is not registered") {
    for (const Link link : {Link::hard, Link::symbolic}) {
        World world;
        const Plan plan = world.plan();
        std::ofstream(world.of.model.shards()[0].file.name(), std::ios::app) << "more";
        CHECK_THROWS_WITH_AS(install(plan, world.models, link, false, world.progress),
                             doctest::Contains("the file changed"), Error);
        CHECK_FALSE(fs::exists(fs::symlink_status(world.models + "/blobs/sha256-" + plan.layers[0].digest)));
        CHECK_FALSE(fs::exists(manifest_path(world.models, plan.name)));
    }
}

TEST_CASE("a blob of another size is not ours to replace") {
    World world;
    const Plan plan = world.plan();
    fs::create_directory(world.models + "/blobs");
    std::ofstream(world.models + "/blobs/sha256-" + plan.layers[0].digest) << "short";
    CHECK_THROWS_WITH_AS(install(plan, world.models, Link::automatic, false, world.progress),
                         doctest::Contains("is there already with 5 bytes"), Error);
    CHECK_FALSE(fs::exists(manifest_path(world.models, plan.name)));
}

TEST_CASE("a blob of the right size is read before it is believed") {
    World world;
    const Plan plan = world.plan();
    fs::create_directory(world.models + "/blobs");
    std::ofstream(world.models + "/blobs/sha256-" + plan.layers[0].digest)
        << std::string(plan.layers[0].size, '\0');
    CHECK_THROWS_WITH_AS(install(plan, world.models, Link::automatic, false, world.progress),
                         doctest::Contains("its content is not what its name says"), Error);
    CHECK_FALSE(fs::exists(manifest_path(world.models, plan.name)));
}

TEST_CASE("a digest is kept only as long as the file is the same") {
    const ModelOfText of(llama);
    const File& file = of.model.shards()[0].file;
    CHECK_FALSE(stored_digest(file));
    const std::string hex(64, 'a');
    store_digest(file, hex);
    CHECK(stored_digest(file) == hex);
    fs::last_write_time(file.name(), fs::file_time_type::clock::now() + std::chrono::hours(1));
    CHECK_FALSE(stored_digest(File::open(file.name())));
    CHECK_THROWS_AS(store_digest(file, hex), Error);
}

TEST_CASE("a kept digest of a copy is not believed, and no list of the user is replaced") {
    const ModelOfText of(llama);
    const File& file = of.model.shards()[0].file;
    std::ofstream(file.name() + ".sha256") << "theirs";
    store_digest(file, std::string(64, 'a'));
    CHECK(fs::file_size(file.name() + ".sha256") == 6);

    // Same bytes, size and mtime in another inode: what arrives in an archive.
    const std::string copy = file.name() + "-copy";
    fs::copy(file.name(), copy);
    fs::last_write_time(copy, fs::last_write_time(file.name()));
    const File arrived = File::open(copy);
    fs::copy(digest_cache_path(file), digest_cache_path(arrived));
    CHECK_FALSE(stored_digest(arrived));

    fs::remove(digest_cache_path(file));
    std::ofstream(digest_cache_path(file)) << "theirs";
    CHECK_FALSE(stored_digest(file));
    CHECK_THROWS_WITH_AS(store_digest(file, std::string(64, 'a')), doctest::Contains("not of our making"),
                         Error);
}
