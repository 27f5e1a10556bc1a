#include "gguf-prefault/config.hpp"

#include <fmt/format.h>

// toml++ asserts that a table's name begins like one, which "[[[" does not, and with NDEBUG lets the compiler
// rely on it. Without its assertions it says what is wrong.
#undef NDEBUG
#define TOML_ASSERT(expression) static_cast<void>(0)
#include <toml++/toml.h>

#include <algorithm>
#include <filesystem>

#include "common/files.hpp"
#include "gguf-prefault/budget.hpp"
#include "ggufmap/error.hpp"

namespace ggufmap::prefault_tool {
namespace {

// One table of the file; every key that is there must be asked for.
class Table {
public:
    Table(const toml::table& table, std::string place, const std::string& file)
        : table_(table), place_(std::move(place)), file_(file) {}

    [[noreturn]] void fail(const toml::source_region& where, std::string_view key,
                           const std::string& reason) const {
        throw Error(ErrorKind::usage, {file_, fmt::format("line {}", where.begin.line)},
                    fmt::format("{}{}: {}", place_, key, reason));
    }

    template <typename Value>
    std::optional<Value> get(std::string_view key, std::string_view wanted) const {
        const toml::node* const node = table_.get(key);
        if (node == nullptr) return std::nullopt;
        if (const auto value = node->value_exact<Value>()) return value;
        fail(node->source(), key, fmt::format("wanted {}", wanted));
    }

    // Runs `read` and blames this key for what it throws.
    template <typename Read>
    auto reading(std::string_view key, Read read) const {
        try {
            return read();
        } catch (const Error& error) {
            fail(table_.get(key)->source(), key, error.reason());
        }
    }

    const toml::node* find(std::string_view key) const { return table_.get(key); }

    void allow_only(std::initializer_list<std::string_view> keys) const {
        for (const auto& [key, node] : table_) {
            if (std::find(keys.begin(), keys.end(), key.str()) == keys.end())
                fail(key.source(), key.str(),
                     fmt::format("unknown key; known are {}", fmt::join(keys, ", ")));
        }
    }
    const toml::table& raw() const { return table_; }

private:
    const toml::table& table_;
    std::string place_;
    const std::string& file_;
};

std::optional<std::string> budget_of(const Table& table) {
    const auto budget = table.get<std::string>("budget", "a string such as \"6G\", \"50%\" or \"auto\"");
    if (budget) table.reading("budget", [&] { return budget_bytes(*budget, AvailableMemory()); });
    return budget;
}

Keeper::Warm warm_of(const Table& table) {
    constexpr std::string_view wanted = "\"start\", \"on-open\" or \"never\"";
    const std::string word = table.get<std::string>("warm", wanted).value_or("on-open");
    if (word == "start") return Keeper::Warm::start;
    if (word == "on-open") return Keeper::Warm::on_open;
    if (word == "never") return Keeper::Warm::never;
    table.fail(table.find("warm")->source(), "warm", fmt::format("wanted {}, not \"{}\"", wanted, word));
}

std::vector<Selection> selections_of(const Table& table) {
    constexpr std::string_view wanted = "an array of strings such as \"layer=0-7;part=attn\"";
    std::vector<Selection> selections;
    const toml::node* const node = table.find("select");
    if (node == nullptr) return selections;
    if (!node->is_array()) table.fail(node->source(), "select", fmt::format("wanted {}", wanted));
    for (const toml::node& one : *node->as_array()) {
        const auto text = one.value_exact<std::string>();
        if (!text) table.fail(one.source(), "select", fmt::format("wanted {}", wanted));
        selections.push_back(table.reading("select", [&] { return Selection::parse(*text); }));
    }
    return selections;
}

// "ollama:..." and "shm:..." are no paths.
std::string resolved(const std::string& path, const std::string& file) {
    if (path.starts_with("ollama:") || path.starts_with("shm:")) return path;
    return (std::filesystem::path(file).parent_path() / path).string();
}

ModelConfig model_of(const Table& table, std::string name, const std::string& file,
                     const toml::source_region& where) {
    table.allow_only({"path", "warm", "select", "use_mlock", "unload_after_idle_seconds", "budget"});
    ModelConfig model;
    model.name = std::move(name);
    const auto path = table.get<std::string>("path", "a string");
    if (!path) table.fail(where, "path", "missing");
    model.path = resolved(*path, file);
    model.rule.warm = warm_of(table);
    model.rule.lock = table.get<bool>("use_mlock", "true or false").value_or(false);
    constexpr std::string_view idle = "unload_after_idle_seconds";
    if (const auto seconds = table.get<std::int64_t>(idle, "a number of seconds")) {
        constexpr std::int64_t longest = 1'000'000'000;  // about 30 years
        if (*seconds < 1 || *seconds > longest)
            table.fail(table.find(idle)->source(), idle, fmt::format("wanted 1 to {}", longest));
        model.rule.unload_after_idle = std::chrono::seconds(*seconds);
    }
    model.selections = selections_of(table);
    model.budget = budget_of(table);
    return model;
}

toml::table parse(std::string_view text, const std::string& file) {
    try {
        return toml::parse(text, file);
    } catch (const toml::parse_error& error) {
        throw Error(ErrorKind::usage, {file, fmt::format("line {}", error.source().begin.line)},
                    std::string(error.description()));
    }
}

}  // namespace

KeeperConfig parse_config(std::string_view text, const std::string& file) {
    const toml::table root = parse(text, file);
    const Table top(root, "", file);
    top.allow_only({"host", "models"});
    const auto table_at = [&](const Table& parent, const toml::node& node, std::string_view key,
                              const std::string& place) {
        if (!node.is_table()) parent.fail(node.source(), key, "wanted a table");
        return Table(*node.as_table(), place, file);
    };
    KeeperConfig config;
    if (const toml::node* const host = top.find("host")) {
        const Table table = table_at(top, *host, "host", "host.");
        table.allow_only({"budget"});
        config.host_budget = budget_of(table);
    }
    if (const toml::node* const models = top.find("models")) {
        const Table table = table_at(top, *models, "models", "models.");
        for (const auto& [key, node] : table.raw()) {
            const std::string name(key.str());
            config.models.push_back(
                model_of(table_at(table, node, name, "models." + name + "."), name, file, key.source()));
        }
    }
    if (config.models.empty()) throw Error(ErrorKind::usage, {file}, "no [models.NAME]");
    return config;
}

KeeperConfig read_config(const std::string& file) { return parse_config(cli::read_text_file(file), file); }

}  // namespace ggufmap::prefault_tool
