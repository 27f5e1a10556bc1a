#include "gguf-prefault/config.hpp"

#include <doctest/doctest.h>

#include "gguf-prefault/budget.hpp"
#include "gguf-prefault/state_table.hpp"
#include "ggufmap/error.hpp"

using namespace ggufmap;
using namespace ggufmap::prefault_tool;

namespace {

std::string refused(std::string_view text) {
    try {
        parse_config(text, "m.toml");
    } catch (const Error& error) {
        return error.what();
    }
    return "accepted";
}

}  // namespace

TEST_CASE("a configuration says what to do with each model") {
    const KeeperConfig config = parse_config(R"(
[host]
budget = "6G"
[models.small]
path = "small.gguf"
warm = "start"
select = ["part=attn", "layer=0-1"]
use_mlock = true
unload_after_idle_seconds = 600
budget = "50%"
[models."with space"]
path = "/models/other.gguf"
[models.tag]
path = "ollama:llama3"
warm = "never"
)",
                                             "/etc/gguf/m.toml");
    CHECK(config.host_budget == "6G");
    REQUIRE(config.models.size() == 3);
    const ModelConfig& small = config.models[0];
    CHECK(small.name == "small");
    CHECK(small.path == "/etc/gguf/small.gguf");
    CHECK(small.rule.warm == Keeper::Warm::start);
    CHECK(small.rule.lock);
    CHECK(small.rule.unload_after_idle == std::chrono::seconds(600));
    CHECK(small.selections.size() == 2);
    CHECK(small.budget == "50%");
    const ModelConfig& tag = config.models[1];
    CHECK(tag.path == "ollama:llama3");
    CHECK(tag.rule.warm == Keeper::Warm::never);
    const ModelConfig& spaced = config.models[2];
    CHECK(spaced.name == "with space");
    CHECK(spaced.path == "/models/other.gguf");
    CHECK(spaced.rule.warm == Keeper::Warm::on_open);
    CHECK_FALSE(spaced.rule.lock);
    CHECK_FALSE(spaced.rule.unload_after_idle.has_value());
}

TEST_CASE("a mistake in a configuration names line and key") {
    CHECK(refused("") == "m.toml: no [models.NAME]");
    CHECK(refused("[models.a]\n") == "m.toml: line 1: models.a.path: missing");
    CHECK(refused("[models.a]\npath = ''\n") == "m.toml: line 2: models.a.path: empty");
    CHECK(refused("[models.\"\"]\npath = 'm.gguf'\n") == "m.toml: line 1: models.\"\": a model wants a name");
    CHECK(refused("[models.a]\npath = 3\n") == "m.toml: line 2: models.a.path: wanted a string");
    CHECK(refused("[models.a]\npath = 'a'\nwarm = 'soon'\n") ==
          R"(m.toml: line 3: models.a.warm: wanted "start", "on-open" or "never", not "soon")");
    CHECK(refused("[models.a]\npath = 'a'\nselect = 'part=attn'\n") ==
          R"(m.toml: line 3: models.a.select: wanted an array of strings such as "layer=0-7;part=attn")");
    CHECK(refused("[models.a]\npath = 'a'\nselect = ['part=attn',\n'part=foot']\n")
              .starts_with("m.toml: line 3: models.a.select: "));
    CHECK(refused("[models.a]\npath = 'a'\nunload_after_idle_seconds = 0\n") ==
          "m.toml: line 3: models.a.unload_after_idle_seconds: wanted 1 to 1000000000");
    CHECK(refused("[models.a]\npath = 'a'\nuse_mlock = 1\n") ==
          "m.toml: line 3: models.a.use_mlock: wanted true or false");
    CHECK(refused("[host]\nbudget = 'much'\n").starts_with("m.toml: line 2: host.budget: "));
    CHECK(refused("[host]\nram = '1G'\n") == "m.toml: line 2: host.ram: unknown key; known are budget");
    CHECK(refused("models = 3\n") == "m.toml: line 1: models: wanted a table");
    CHECK(refused("[models.a]\npath = 'a'\npath = 'b'\n").starts_with("m.toml: line 3: "));
    CHECK(refused("[models.a\n").starts_with("m.toml: line 1: "));
}

TEST_CASE("budgets are sizes, shares of memory, or what is free") {
    AvailableMemory memory;
    memory.host.total = 1000;
    memory.bytes = 123;
    CHECK(budget_bytes("1K", memory) == 1024);
    CHECK(budget_bytes("50%", memory) == 500);
    CHECK(budget_bytes("auto", memory) == 123);
    CgroupMemory unlimited;
    CgroupMemory limited;
    limited.limit = 400;
    memory.cgroups = {unlimited, limited};
    CHECK(budget_bytes("50%", memory) == 200);
    CHECK_THROWS_AS(budget_bytes("50 %", memory), Error);
    CHECK_THROWS_AS(budget_bytes("half", memory), Error);
}

TEST_CASE("states travel as lines, whatever the names hold") {
    const std::vector<ModelState> states = {
        {"a\tb\n", "p", "loaded", 5, 4, std::nullopt, true, 7},
        {"c", "q", "no room", 6, std::nullopt, 0, false, std::nullopt},
    };
    const std::vector<ModelState> back = decode(encode(states), "socket");
    REQUIRE(back.size() == 2);
    CHECK(back[0].name == "a\\tb\\n");
    CHECK(back[0].resident == 4);
    CHECK_FALSE(back[0].locked.has_value());
    CHECK(back[0].in_use);
    CHECK(back[0].idle_seconds == 7);
    CHECK(back[1].state == "no room");
    CHECK(back[1].locked == 0);
    CHECK_FALSE(back[1].idle_seconds.has_value());
    CHECK_THROWS_AS(decode("nonsense\n", "socket"), Error);
}
