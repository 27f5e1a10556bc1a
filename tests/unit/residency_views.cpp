// gguf-residency: what its views compute, with a fake page cache and fake processes.
#include <doctest/doctest.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "gguf-residency/budget.hpp"
#include "gguf-residency/doctor.hpp"
#include "gguf-residency/gguf_residency.hpp"
#include "gguf-residency/heat.hpp"
#include "gguf-residency/hot.hpp"
#include "gguf-residency/lens.hpp"
#include "gguf-residency/procs.hpp"
#include "gguf-residency/record.hpp"
#include "gguf-residency/require.hpp"
#include "gguf-residency/screen.hpp"
#include "gguf-residency/shell_word.hpp"
#include "gguf-residency/short_names.hpp"
#include "gguf-residency/svg.hpp"
#include "gguf-residency/watch.hpp"
#include "ggufmap/error.hpp"
#include "support/fake_io.hpp"
#include "support/fake_page_cache.hpp"
#include "support/fake_process_table.hpp"
#include "support/make_gguf.hpp"
#include "support/warm_file.hpp"

using namespace ggufmap;
using namespace ggufmap::residency;
using std::chrono::milliseconds;
using test::FakePageCache;
using test::FakeProcessTable;
using test::WarmFile;

namespace {

const std::uint64_t page = page_size();
constexpr std::uint64_t mib = 1 << 20;

const char* const moe =
    "kv general.architecture str llama\nkv llama.expert_count u32 4\nkv llama.expert_used_count u32 1\n"
    "kv general.alignment u32 4096\nalignment 4096\n"
    "tensor token_embd.weight F32 1024 2\ntensor blk.0.attn_q.weight F32 1024 4\n"
    "tensor blk.0.ffn_up_exps.weight F32 1024 4 4\ntensor output.weight F32 1024\n";

struct Fixture {
    WarmFile disk{test::make_gguf(moe)};
    std::vector<Model> models;
    Fixture() { models.push_back(Model::from(disk.open())); }
    const Model& model() const { return models.front(); }
    Range tensor(const char* name) const { return *model().find_tensor(name)->range; }
};

Mapper mapper(int pid, Range range) {
    Mapper result;
    result.pid = pid;
    result.command = "llama";
    MappedArea area;
    area.range = range;
    result.areas = {area};
    result.cost = MappingCost{};
    return result;
}

Need need(std::uint64_t weights, std::uint64_t context) {
    return {.model = "m",
            .weights = weights,
            .every_token = weights,
            .context = context,
            .context_tokens = 1,
            .resident_already = 0};
}

// A mixture of experts of which each token uses an eighth.
Need sparse(std::uint64_t shared, std::uint64_t experts) {
    return {.model = "m",
            .weights = shared + experts,
            .every_token = shared + experts / 8,
            .context = 0,
            .context_tokens = 1,
            .resident_already = 0,
            .experts = experts};
}

MappedModel other(std::string path, std::string cgroup, MappingCost cost) {
    Mapper mapper;
    mapper.pid = 7;
    mapper.cgroup = std::move(cgroup);
    mapper.cost = cost;
    return {std::move(path), false, {mapper}, false, cost.locked};
}

const Finding* find(const std::vector<Finding>& findings, std::string_view words) {
    for (const Finding& finding : findings) {
        if (finding.measured.find(words) != std::string::npos) return &finding;
    }
    return nullptr;
}

}  // namespace

TEST_CASE("the heat map has a row for each layer and single rows for what is in none") {
    const Fixture fixture;
    FakePageCache cache(fixture.model().file_bytes());
    const HeatMap map = heat_map(LayerTally(measure(cache, fixture.model())).layers());
    REQUIRE(map.columns == std::vector<Part>{Part::attn, Part::experts});
    std::vector<std::string> labels;
    for (const HeatRow& row : map.rows) labels.push_back(row.label);
    CHECK(labels == std::vector<std::string>{"header", "embed", "0", "output"});
    CHECK(map.rows[2].cells.size() == 2);
    CHECK(map.rows[1].cells.size() == 1);
    const auto widths = column_widths(map, 50, 4);
    CHECK(widths[0] + widths[1] == 50);
    CHECK(widths[1] > widths[0]);
    CHECK(column_widths(map, 3, 4) == std::vector<unsigned>{4, 4});
}

TEST_CASE("labels of the heat map hold no control byte of a name") {
    const WarmFile disk(test::make_gguf("tensor \"a\\x1b[31m.blk.7.ffn_up.weight\" F32 1024\n"));
    const Model model = Model::from(disk.open());
    const HeatMap map = heat_map(LayerTally(measure(FakePageCache(model.file_bytes()), model)).layers());
    REQUIRE(map.rows.size() > 1);
    CHECK(map.rows[1].label.find("blk") == std::string::npos);
    CHECK(map.rows[1].label.ends_with(" 7"));
    for (const HeatRow& row : map.rows) CHECK(row.label.find('\x1b') == std::string::npos);
}

TEST_CASE("many layers share rows, layers of different stacks and rows without layers do not") {
    std::string text = "tensor token_embd.weight F32 1024\ntensor enc.blk.0.ffn_up.weight F32 1024\n";
    for (int layer = 0; layer < 10; ++layer)
        text += "tensor blk." + std::to_string(layer) + ".ffn_up.weight F32 1024\n";
    const WarmFile disk(test::make_gguf(text));
    const Model model = Model::from(disk.open());
    FakePageCache cache(model.file_bytes());
    const HeatMap map = heat_map(LayerTally(measure(cache, model)).layers());
    const HeatMap few = grouped(map, 4);
    std::vector<std::string> labels;
    std::uint64_t bytes = 0;
    for (const HeatRow& row : few.rows) {
        labels.push_back(row.label);
        bytes += row.total.total;
    }
    CHECK(labels == std::vector<std::string>{"header", "embed", "0-2", "3-5", "6-8", "9", "enc 0"});
    CHECK(few.rows[2].cells.front().total == 3 * 4096);
    CHECK(bytes == model.file_bytes());
    CHECK(grouped(map, 11).rows.size() == map.rows.size());
    CHECK(fitting(map, 13).rows.size() == 13);
    for (const std::size_t rows : {12U, 9U, 8U, 7U}) CHECK(fitting(map, rows).rows.size() <= rows);
    CHECK(fitting(map, 0).rows.size() == 4);  // one a stack, and two that are in no layer
}

TEST_CASE("a picture escapes names") {
    const std::string svg = heat_svg({{}, {}}, "<a & \"b\">", "");
    CHECK(svg.find("&lt;a &amp; &quot;b&quot;&gt;") != std::string::npos);
    CHECK(svg.find("<a &") == std::string::npos);
    const std::string odd = heat_svg({{}, {}}, "a\xEF\xBF\xBF\xEF\xBF\xBEz", "");
    CHECK(odd.find("a\xEF\xBF\xBD\xEF\xBF\xBDz") != std::string::npos);
}

TEST_CASE("a picture keeps the total and the end of a long name, and says what its colours mean") {
    HeatMap map;
    map.rows.push_back({"a stack with quite a long name, longer than anybody reads 7", {}, {}, {}});
    const std::string svg = heat_svg(map, std::string(500, 'x') + "é.gguf", "3 of 4");
    CHECK(svg.find("xé.gguf</text>") != std::string::npos);
    CHECK(svg.find(std::string(200, 'x')) == std::string::npos);
    CHECK(svg.find(">3 of 4</text>") != std::string::npos);
    CHECK(svg.find("longer than anybody reads 7</text>") != std::string::npos);
    CHECK(svg.find("\"end\">a stack") == std::string::npos);
    CHECK(svg.find(">unknown</text>") != std::string::npos);
}

TEST_CASE("the page tables of one process answer like a page cache") {
    const Fixture fixture;
    const Range attn = fixture.tensor("blk.0.attn_q.weight");
    FakeProcessTable table;
    table.scan.mappers = {mapper(7, {attn.offset, 2 * page}), mapper(8, {0, page})};
    PageMap touched({attn.offset, 2 * page}, page);
    touched.set(1);
    table.pages.emplace(7, touched);
    const PageMapCache pages = pages_of_process(table, fixture.models, 7);
    const LayerTally tally(measure(pages, fixture.model()));
    CHECK(tally.total().resident == page);
    CHECK(tally.layers()[1][Part::attn].resident == page);
    CHECK_FALSE(tally.total().dirty);
    CHECK_THROWS_AS(pages_of_process(table, fixture.models, 9, nullptr), Error);
    // One that ended in between has no pages, and that is no error.
    CHECK(LayerTally(measure(pages_of_process(table, fixture.models, 8), fixture.model())).total().resident ==
          0);
}

TEST_CASE("a recording counts the looks in which a tensor had new pages") {
    const Fixture fixture;
    const File& file = fixture.model().shards()[0].file;
    const Range attn = fixture.tensor("blk.0.attn_q.weight");
    Recording recording(fixture.models, Selection::parse("layer=0"));
    const auto look_at = [&](std::uint64_t pages, int time) {
        PageMapCache now;
        now.add(file, Range{attn.offset, pages * page});
        recording.add(now, milliseconds(time));
    };
    look_at(0, 0);
    look_at(1, 100);
    look_at(1, 200);
    look_at(3, 300);
    look_at(0, 400);  // taken away again: what was seen stays seen
    REQUIRE(recording.entries().size() == 2);
    CHECK(recording.entries()[0].samples == 2);
    CHECK(recording.entries()[0].first == doctest::Approx(0.1));
    CHECK(recording.entries()[0].portion.bytes.resident == 3 * page);
    CHECK(recording.entries()[1].samples == 0);
    CHECK_FALSE(recording.entries()[1].first);
}

TEST_CASE("processes: shared pages count once, copies and old versions are named") {
    const Fixture fixture;
    FakeProcessTable table;
    Mapper one = mapper(1, {0, page});
    one.areas[0].cost = one.cost = MappingCost{.mapped = 8 * page, .rss = 8 * page, .pss = 4 * page};
    one.anonymous_rss = 16 * mib;
    Mapper two = one;
    two.pid = 2;
    two.anonymous_rss = 0;
    table.scan.mappers = {one, two};
    table.scan.stale = {mapper(3, {0, page})};
    Opener reader;
    reader.pid = 4;
    reader.anonymous_rss = 16 * mib;
    Opener past_the_cache = reader;
    past_the_cache.direct = true;
    past_the_cache.pid = 5;
    past_the_cache.anonymous_rss = 0;
    past_the_cache.shared_rss = 16 * mib;
    Opener first;
    first.pid = 1;
    table.opened.openers = {reader, past_the_cache, first};
    table.scan.not_permitted = 6;
    const ProcessReport report = find_processes(table, fixture.models);
    REQUIRE(report.rows.size() == 5);
    CHECK(report.total.pss == 8 * page);
    CHECK(report.total.rss == 16 * page);
    CHECK(report.sight.not_permitted == 6);
    CHECK(report.rows[0].remark.find("a copy of the weights") != std::string::npos);
    CHECK(report.rows[1].remark.empty());
    CHECK(report.rows[2].stale);
    CHECK(report.rows[2].remark.find("older version") != std::string::npos);
    CHECK(report.rows[3].remark.find("private memory: a copy") != std::string::npos);
    CHECK(report.rows[3].remark.find("shared memory") == std::string::npos);
    CHECK(report.rows[4].remark.find("O_DIRECT") != std::string::npos);
    CHECK(report.rows[4].remark.find("shared memory: a copy") != std::string::npos);
    CHECK(report.rows[4].remark.find("private memory") == std::string::npos);
}

TEST_CASE("processes: no total counts shared pages twice") {
    const Fixture fixture;
    FakeProcessTable table;
    Mapper parent = mapper(1, {0, 8 * page});
    // 8 pages that both have locked, 4 copies that a child has from its parent.
    parent.areas[0].cost = MappingCost{.rss = 8 * page, .pss = 4 * page, .locked = 8 * page};
    MappedArea copies = parent.areas[0];
    copies.cost =
        MappingCost{.rss = 4 * page, .pss = 2 * page, .anonymous = 4 * page, .anonymous_pss = 2 * page};
    parent.areas.push_back(copies);
    parent.cost = MappingCost{};
    parent.page_tables = 100;
    Mapper child = parent;
    child.pid = 2;
    table.scan.mappers = {parent, child};
    table.scan.stale = {parent};
    table.scan.stale[0].areas[0].cost = table.scan.stale[0].areas[1].cost = MappingCost{};
    PageMap all({0, 8 * page}, page);
    all.set(0, 8);
    for (const int pid : {1, 2}) table.pages.emplace(pid, all);
    CHECK(locked_once(table, table.scan.mappers) == 8 * page);
    const ProcessReport report = find_processes(table, fixture.models);
    CHECK(report.total.pss == 12 * page);
    CHECK(report.total.locked == 8 * page);
    CHECK(report.total.anonymous_pss == 4 * page);
    CHECK(report.page_tables == 200);
    // A third that is the second one's very memory costs nothing more.
    Mapper clone = child;
    clone.pid = 3;
    clone.memory_of = 2;
    table.scan.mappers.push_back(clone);
    const ProcessReport with_clone = find_processes(table, fixture.models);
    CHECK(with_clone.total.pss == 12 * page);
    CHECK(with_clone.total.anonymous_pss == 4 * page);
    CHECK(with_clone.page_tables == 200);
    CHECK(with_clone.rows[3].remark == "its memory is that of process 2");
}

TEST_CASE("processes: one that maps two models has a row for each, with that model's figures") {
    Fixture fixture;
    const WarmFile second(test::make_gguf(moe));
    fixture.models.push_back(Model::from(second.open()));
    FakeProcessTable table;
    Mapper both = mapper(1, {0, page});
    both.areas.push_back(both.areas[0]);
    both.areas[1].file = 1;
    both.areas[0].cost = MappingCost{.rss = page};
    both.areas[1].cost = MappingCost{.rss = 2 * page};
    table.scan.mappers = {both};
    const ProcessReport report = find_processes(table, fixture.models);
    REQUIRE(report.rows.size() == 2);
    CHECK(report.rows[0].mapper.cost->rss == page);
    CHECK(report.rows[1].mapper.cost->rss == 2 * page);
    CHECK(report.total.rss == 3 * page);
}

TEST_CASE("processes: a terminal shows every remark, and no line is wider than it") {
    const Fixture fixture;
    FakeProcessTable table;
    Mapper one = mapper(1234567, {0, page});
    one.command = "a-runtime-with-a-long-name";
    one.cgroup = "/system.slice/docker-0123456789abcdef0123.scope";
    one.areas[0].cost = one.cost = MappingCost{.mapped = 1000 * mib, .rss = 1000 * mib, .pss = 1000 * mib};
    one.anonymous_rss = 1000 * mib;
    one.page_tables = 1020 * mib;
    Mapper two = one;
    two.pid = 2;
    two.anonymous_rss = 0;
    two.cost->anonymous = two.areas[0].cost->anonymous = 5 * mib;
    table.scan.mappers = {one, two};
    const std::vector<std::string> words = {"--procs", "m"};
    const cli::Args args(residency_tool(), words);
    FakePageCache cache(page);
    const auto shown = [&](unsigned width) {
        test::FakeIo io;
        io.terminal_of_out = {width != 0, width, 24, false};
        CHECK(show_processes({args, io, {}, {}, cache, table, {}}, fixture.models) == cli::Status::ok);
        for (std::size_t at = 0; width != 0 && at < io.output().size();) {
            const std::size_t end = io.output().find('\n', at);
            const std::string line = io.output().substr(at, end - at);
            const auto ellipses = std::count(line.begin(), line.end(), '\xE2');  // one column, three bytes
            CHECK(line.size() <= width + 2 * static_cast<std::size_t>(ellipses));
            at = end + 1;
        }
        std::string text = io.output();
        for (std::size_t at = 0; (at = text.find("\n  ")) != std::string::npos;) text.replace(at, 3, " ");
        std::replace(text.begin(), text.end(), '\n', ' ');
        return text.erase(0, text.find_first_not_of(' '));
    };
    const auto has = [](const std::string& text, std::string_view part) {
        return text.find(part) != std::string::npos;
    };
    CHECK(has(shown(0), "LOCKED"));
    CHECK(has(shown(140), "CONTROL GROUP"));
    CHECK(has(shown(80), "1234567: 1000.0 MiB of private memory"));
    CHECK(has(shown(80), "COPIES"));
    CHECK_FALSE(has(shown(80), "LOCKED"));
    CHECK_FALSE(has(shown(80), "CONTROL GROUP"));
    CHECK(has(shown(40), "2: PSS 1000.0 MiB; mapped 1000.0 MiB; copies 5.0 MiB;"));
    table.scan = {};
    CHECK(shown(80) == "no process maps it or has it open ");
    table.scan.all_seen = false;
    CHECK(shown(80).starts_with("none of the processes that may be looked at maps it"));
}

TEST_CASE("processes: what looks like a copy is measured by what is mapped of the model") {
    const Fixture fixture;
    FakeProcessTable table;
    Mapper one = mapper(1, {0, page});
    one.areas[0].cost = one.cost = MappingCost{.mapped = 100 * mib};
    one.anonymous_rss = 20 * mib;
    Mapper two = one;
    two.areas[0].cost = two.cost = MappingCost{.mapped = 40 * mib};
    two.pid = 2;
    table.scan.mappers = {one, two};
    const ProcessReport report = find_processes(table, fixture.models);
    CHECK(report.rows[0].remark.empty());
    CHECK(report.rows[1].remark.find("a copy of the weights") != std::string::npos);
}

TEST_CASE("verdicts: everything stays, half of what a token needs does, or less") {
    const Supply supply{100 * mib, "host", 0, 0, 0, 0};
    const auto verdict = [&](std::vector<Need> needs) {
        return make_budget(supply, std::move(needs)).verdict;
    };
    CHECK(verdict({need(80 * mib, 20 * mib)}) == Verdict::resident);
    CHECK(verdict({need(81 * mib, 20 * mib)}) == Verdict::lazy);
    CHECK(verdict({need(160 * mib, 20 * mib)}) == Verdict::lazy);
    CHECK(verdict({need(161 * mib, 20 * mib)}) == Verdict::thrash);
    CHECK(verdict({need(10 * mib, 101 * mib)}) == Verdict::thrash);
    CHECK(make_budget(supply, {need(160 * mib, 20 * mib)}).read_per_token == 80 * mib);
    const auto two = {need(50 * mib, 5 * mib), need(50 * mib, 5 * mib)};
    CHECK(make_budget(supply, two).verdict == Verdict::lazy);
    CHECK(make_budget(supply, two).left_for_weights == 90 * mib);
    CHECK(make_budget(supply, two).read_per_token == 10 * mib);
    CHECK(verdict({need(UINT64_MAX, UINT64_MAX)}) == Verdict::thrash);
}

TEST_CASE("a context that is unknown is missing from the sum") {
    const Supply supply{100 * mib, "host", 0, 0, 0, 0};
    Need unknown = need(80 * mib, 0);
    CHECK_FALSE(lacks_context(make_budget(supply, {unknown})));
    unknown.context.reset();
    CHECK(lacks_context(make_budget(supply, {need(1, 0), unknown})));
}

TEST_CASE("a model that one process locks and another maps is locked as a whole") {
    MappedModel both = other("/m/a.gguf", "/a", {.pss = 10 * mib, .locked = 20 * mib});
    both.mappers.push_back(both.mappers.front());
    both.mappers.back().cost = MappingCost{.pss = 10 * mib};
    CHECK(evictable_bytes(both) == 0);
    both.locked = 5 * mib;
    CHECK(evictable_bytes(both) == 15 * mib);
}

TEST_CASE("weights that are in memory for good are not wanted again") {
    const Supply supply{30 * mib, "host", 0, 0, 0, 0};
    Need held = need(100 * mib, 20 * mib);
    CHECK(make_budget(supply, {held}).verdict == Verdict::thrash);
    held.held = 90 * mib;
    const Budget budget = make_budget(supply, {held});
    CHECK(budget.verdict == Verdict::resident);
    CHECK(wanted_by(budget) == 30 * mib);
    CHECK(budget.left_for_weights == 100 * mib);
    held.held = 80 * mib;
    CHECK(make_budget(supply, {held}).read_per_token == 10 * mib);
    CHECK(make_budget(supply, {held, need(50 * mib, 0)}).kept == std::vector{90 * mib, 0 * mib});
}

TEST_CASE("several models share the memory in their order") {
    const Supply supply{100 * mib, "host", 0, 0, 0, 0};
    const Need dense = need(90 * mib, 0);
    const Need experts = sparse(10 * mib, 60 * mib);
    CHECK(make_budget(supply, {experts, dense}).read_per_token == 60 * mib);
    CHECK(make_budget(supply, {experts, dense}).verdict == Verdict::thrash);
    const Budget other = make_budget(supply, {dense, experts});
    CHECK(other.read_per_token == 7 * mib + mib / 2);
    CHECK(other.verdict == Verdict::lazy);
}

TEST_CASE("experts: what stays is used by the tokens that choose it") {
    const Supply supply{100 * mib, "host", 0, 0, 0, 0};
    // Half of the experts stay, so of the 20 MiB that a token uses half are read again.
    const Budget half = make_budget(supply, {sparse(20 * mib, 160 * mib)});
    CHECK(half.read_per_token == 10 * mib);
    CHECK(half.verdict == Verdict::lazy);
    // All that one token uses fits, though most of the experts do not.
    const Budget few = make_budget(supply, {sparse(20 * mib, 640 * mib)});
    CHECK(few.read_per_token == 70 * mib);
    CHECK(few.verdict == Verdict::lazy);
    const Budget none = make_budget(supply, {sparse(110 * mib, 800 * mib)});
    CHECK(none.read_per_token == 110 * mib);
    CHECK(none.verdict == Verdict::thrash);
}

TEST_CASE("what stays: parts by worth, early layers first") {
    const Fixture fixture;
    const FakePageCache cache(fixture.model().file_bytes());
    const auto words = [&](std::uint64_t budget) {
        return in_words(hot_parts(cache, fixture.model(), budget));
    };
    CHECK(words(fixture.model().file_bytes()) == "header, embed, attn, experts, output");
    CHECK(words(0).empty());
    const std::uint64_t header = page_cover({0, fixture.tensor("token_embd.weight").offset}, page).size;
    CHECK(words(header + 5 * page) == "header, attn, output");
    CHECK(in_words({{Part::attn, 1000, 4, std::nullopt}, {Part::ffn, 1000, 6, std::nullopt}}) ==
          "1 % of ffn");
    CHECK(words(header + 9 * page) == "header, attn, 25 % of experts, output");
}

TEST_CASE("what other mapped models use is not there") {
    AvailableMemory memory;
    memory.host.available = 100 * mib;
    memory.cgroups.push_back({.path = "/app", .limit = 80 * mib, .usage = 60 * mib, .reclaimable = 30 * mib});
    MappedModel in_memory = other("/mnt/ram/c", "/app", {.pss = 40 * mib});
    in_memory.memory_only = true;
    const std::vector<MappedModel> others = {
        other("/m/a.gguf", "/app/x",
              {.pss = 20 * mib, .anonymous = 2 * mib, .anonymous_pss = 2 * mib, .locked = 8 * mib}),
        other("/m/b.gguf", "/other", {.pss = 30 * mib}), in_memory};
    const Supply supply = supply_of(memory, others, {}, std::nullopt, std::nullopt);
    CHECK(supply.bound_by == "control group /app");
    CHECK(supply.others == 10 * mib);
    CHECK(supply.available == 40 * mib);
    // What the group does not hold is not taken off: those pages are charged where they were read.
    memory.cgroups[0].usage = memory.cgroups[0].reclaimable = 6 * mib;
    memory.cgroups[0].limit = 50 * mib;
    CHECK(supply_of(memory, others, {}, std::nullopt, std::nullopt).available == 44 * mib);
    memory.cgroups.clear();
    CHECK(supply_of(memory, others, {}, std::nullopt, std::nullopt).available == 60 * mib);
    CHECK(supply_of(memory, others, {}, 7 * mib, std::nullopt).available == 7 * mib);
}

TEST_CASE("what there is: the tightest bound, and zRAM for private memory alone") {
    AvailableMemory memory;
    memory.host.available = 80 * mib;
    memory.host.swap_free = 1000 * mib;
    memory.cgroups.push_back({.path = "/app", .limit = 50 * mib});
    CHECK(supply_of(memory, {}, {}, std::nullopt, std::nullopt).bound_by == "control group /app");
    CHECK(supply_of(memory, {}, {}, 7 * mib, std::nullopt).available == 7 * mib);
    Zram device;
    device.disk_size = 100 * mib;
    device.stored = 20 * mib;
    device.memory_used = 5 * mib;
    const Supply supply = supply_of(memory, {}, {device}, std::nullopt, std::nullopt);
    CHECK(supply.zram_ratio == doctest::Approx(4));
    CHECK(supply.zram_gain == 60 * mib);
    // 10 MiB of context still take 2.5 MiB when compressed; page tables are not compressed at all.
    CHECK(make_budget(supply, {need(0, 10 * mib)}).zram_gain == 7 * mib + mib / 2);
    Need with_tables = need(0, 0);
    with_tables.page_tables = 10 * mib;
    CHECK(make_budget(supply, {with_tables}).memory == 50 * mib);
    CHECK(supply_of(memory, {}, {}, std::nullopt, 100 * mib).zram_gain == 60 * mib);
    // Full swap, or a group that may not use it, leaves nothing to gain.
    AvailableMemory tight = memory;
    tight.cgroups[0].swap_limit = 30 * mib;
    tight.cgroups[0].swap_usage = 10 * mib;
    CHECK(supply_of(tight, {}, {device}, std::nullopt, std::nullopt).zram_gain == 15 * mib);
    CHECK(supply_of(tight, {}, {}, std::nullopt, 100 * mib).zram_gain == 12 * mib);
    CHECK(supply_of(tight, {}, {device}, 7 * mib, std::nullopt).zram_gain == 60 * mib);
    tight.host.swap_free = 4 * mib;
    CHECK(supply_of(tight, {}, {device}, std::nullopt, std::nullopt).zram_gain == 3 * mib);
    // Several devices: what all have stored in what all have taken, whatever their order.
    Zram full = device;
    full.disk_size = full.stored = 80 * mib;
    full.memory_used = 45 * mib;
    for (const auto& both : {std::vector{device, full}, std::vector{full, device}}) {
        CHECK(supply_of(memory, {}, both, std::nullopt, std::nullopt).zram_ratio == doctest::Approx(2));
        CHECK(supply_of(memory, {}, both, std::nullopt, std::nullopt).zram_gain == 40 * mib);
    }
}

TEST_CASE("for one token all counts but the experts that it does not use") {
    const Fixture fixture;
    const Need moe_need =
        need_of(fixture.model(), FakePageCache(fixture.model().file_bytes()), 0, KvType::f16);
    const std::uint64_t experts = fixture.tensor("blk.0.ffn_up_exps.weight").size;
    CHECK(moe_need.every_token == fixture.model().file_bytes() - experts / 4 * 3);
    CHECK_FALSE(moe_need.context);
    CHECK(moe_need.resident_already == 0);
}

TEST_CASE("findings come by weight and quote what a shell would not take") {
    Facts facts;
    facts.model = "my model's.gguf";
    facts.model_bytes = 100 * mib;
    facts.resident_bytes = 100 * mib;
    facts.memory.bytes = 200 * mib;
    CHECK(findings_of(facts).empty());

    facts.mounts = {Mount{.file_system = "nfs4", .mount_point = "/models"}};
    facts.folios = FolioSize::single;
    facts.cachestat_ns = 33;
    facts.locked_limit = 8 * mib;
    facts.memory.cgroups.push_back({.path = "/app", .limit_hits = 3, .oom_kills = 1});
    const std::vector<Finding> findings = findings_of(facts);
    REQUIRE(findings.size() == 4);
    CHECK(findings[0].measured.find("hit its memory limit 3 times") != std::string::npos);
    CHECK(findings[1].measured == "nfs4 at /models");
    CHECK(findings[1].command == "cp 'my model'\\''s.gguf' /LOCAL/DISK/");
    CHECK(findings[2].measured.find("single pages") != std::string::npos);
    CHECK(find(findings, "RLIMIT_MEMLOCK of 8.0 MiB"));
    CHECK_FALSE(find(findings, "swappiness"));
}

TEST_CASE("words of commands survive a shell and a terminal") {
    CHECK(shell_word("/m/a-b.gguf") == "/m/a-b.gguf");
    CHECK(shell_word("-dash.gguf") == "./-dash.gguf");
    CHECK(shell_word("-a b") == "./'-a b'");
    CHECK(shell_word("it's") == "'it'\\''s'");
    CHECK(shell_word("a\n1\xff'\\b") == "$'a\\0121\\377\\'\\\\b'");
    CHECK(shell_word("") == "''");
}

TEST_CASE("commands name all files, real devices and real sizes") {
    Facts facts;
    facts.model = "s-00002-of-00003.gguf";
    facts.files = {"d x/s-00001-of-00003.gguf", "d x/s-00002-of-00003.gguf", "d x/s-00003-of-00003.gguf"};
    facts.model_bytes = 100 * mib;
    facts.mounts = {Mount{.file_system = "nfs4", .device = "0:50", .read_ahead_kib = 15}};
    facts.memory.bytes = 40 * mib;
    facts.memory.cgroups.push_back(
        {.path = "/app", .limit = 60 * mib, .usage = 30 * mib, .reclaimable = 10 * mib});
    facts.memory.tightest_cgroup = 0;
    auto findings = findings_of(facts);
    CHECK(find(findings, "40.0 MiB of memory")->command ==
          fmt::format("echo {} > /sys/fs/cgroup/app/memory.max", 120 * mib));
    CHECK(find(findings, "nfs4")->command == "cp 'd x/s'-*-of-00003.gguf /LOCAL/DISK/");
    CHECK(find(findings, "readahead of 15 KiB on 0:50")->command ==
          "echo 2048 > /sys/class/bdi/0:50/read_ahead_kb");
    facts.files = {"a", "-b"};
    facts.mounts[0].device_name = "/dev/vda1";
    facts.mounts[0].rotational = true;
    findings = findings_of(facts);
    CHECK(find(findings, "nfs4")->command == "cp a ./-b /LOCAL/DISK/");
    CHECK(find(findings, "readahead of 15 KiB on /dev/vda1")->command == "blockdev --setra 4096 /dev/vda1");
    CHECK_FALSE(find(findings, "rotating"));
    facts.resident_bytes = 0;
    CHECK(find(findings_of(facts), "rotating"));
}

TEST_CASE("what was not measured is told") {
    Facts facts;
    CHECK(unknown_of(facts).size() == 2);
    facts.resident_bytes = 0;
    facts.folios = FolioSize::large;
    CHECK(unknown_of(facts).empty());
    facts.not_permitted = 3;
    CHECK(unknown_of(facts).size() == 1);
}

TEST_CASE("memory is short for what is not there for good") {
    Facts facts;
    facts.model_bytes = 100 * mib;
    facts.memory.bytes = 60 * mib;
    facts.locked_limit = 50 * mib;
    REQUIRE(find(findings_of(facts), "60.0 MiB of memory available for a model of 100.0 MiB"));
    facts.held_bytes = 30 * mib;
    CHECK(find(findings_of(facts), "for a model of 100.0 MiB, 30.0 MiB of it there for good"));
    facts.held_bytes = 50 * mib;
    CHECK(findings_of(facts).empty());
}

TEST_CASE("settings matter where there is zRAM, tmpfs or more than one node") {
    Facts facts;
    facts.swappiness = 60;
    facts.page_cluster = 3;
    facts.memory.host.swap_total = mib;
    CHECK(findings_of(facts).empty());
    facts.zram.push_back({.device = "zram0"});
    facts.numa_nodes = 2;
    facts.mounts = {Mount{.file_system = "ext4"}, Mount{.file_system = "tmpfs"}};
    const auto findings = findings_of(facts);
    CHECK(find(findings, "vm.swappiness 60 with zRAM"));
    CHECK(find(findings, "vm.page-cluster 3"));
    CHECK(find(findings, "2 NUMA nodes"));
}

TEST_CASE("huge pages of a tmpfs are its mount's business, but for two words") {
    Facts facts;
    facts.mounts = {Mount{.file_system = "tmpfs", .mount_options = "rw,nosuid", .mount_point = "/my ram"}};
    const auto command = [&](const char* enabled, const char* options) -> std::string {
        facts.shmem_huge_pages = enabled;
        facts.mounts[0].mount_options = options;
        const auto findings = findings_of(facts);
        const Finding* finding = find(findings, "huge");
        return finding == nullptr ? "" : finding->command;
    };
    const std::string remount = "mount -o remount,huge=within_size '/my ram'";
    CHECK(command("never", "rw,size=1k") == remount);
    CHECK(command("always", "rw") == remount);
    CHECK(command("never", "rw,huge=advise") == remount);
    CHECK(command("never", "rw,huge=within_size") == "");
    CHECK(command("advise", "rw,huge=always") == "");
    CHECK(command("force", "rw") == "");
    CHECK(command("deny", "rw,huge=always") ==
          "echo never > /sys/kernel/mm/transparent_hugepage/shmem_enabled");
    CHECK(command("", "rw") == "");
}

TEST_CASE("swap matters where there is some and our group may use it") {
    Facts facts;
    facts.swappiness = 200;
    CHECK(findings_of(facts).empty());
    facts.memory.host.swap_total = mib;
    CHECK(find(findings_of(facts), "vm.swappiness 200"));
    facts.memory.cgroups.push_back({.path = "/app", .swap_limit = 0});
    CHECK(findings_of(facts).empty());
}

TEST_CASE("mount options that matter are found, with or without a value") {
    Facts facts;
    facts.mounts.emplace_back();
    Mount& mount = facts.mounts.front();
    mount.mount_point = "/my models";
    mount.mount_options = "rw,relatime,rw,vers=4.2,rsize=32768,fsc";
    CHECK(find(findings_of(facts), "rsize=32768"));
    mount.mount_options = "rw,strictatime,rw,dax=always,cache=none";
    const auto findings = findings_of(facts);
    CHECK(find(findings, "cache=none"));
    CHECK(find(findings, "dax"));
    const Finding* atime = find(findings, "strictatime");
    REQUIRE(atime);
    CHECK(atime->command == "mount -o remount,relatime '/my models'");
    mount.mount_options = "rw,noatime,rw,dax=inode,cache=loose,rsize=1048576";
    CHECK(findings_of(facts).empty());
}

TEST_CASE("on which node pages lie is added up, huge pages by their size") {
    std::map<std::uint32_t, std::uint64_t> bytes;
    add_node_bytes(
        "7f0000000000 default file=/m/N9=3.gguf mapped=3 N0=2 N1=1 kernelpagesize_kB=4\n"
        "7f0000100000 default file=/other mapped=9 N0=9 kernelpagesize_kB=4\n"
        "7f0000200000 default file=/m huge dirty=1 N1=1 kernelpagesize_kB=2048\n",
        {0x7f0000000000, 0x7f0000200000}, bytes);
    CHECK(bytes == std::map<std::uint32_t, std::uint64_t>{{0, 8192}, {1, 4096 + (2 << 20)}});
    Facts facts;
    facts.numa_nodes = 2;
    facts.node_bytes = bytes;
    CHECK(find(findings_of(facts), "2 NUMA nodes: of the model 8.0 KiB on node 0, 2.0 MiB on node 1"));
}

TEST_CASE("rates tell what came, what went and what is not known") {
    Moment before;
    Moment after;
    PageMap first({0, 100 * page}, page);
    first.set(0, 10);
    PageMap second({0, 100 * page}, page);
    second.set(5, 55);
    before.pages = {first};
    after.pages = {second};
    // One goes on, one has ended, one is new, one has the PID of another that has ended.
    before.major_faults = {{{1, 7}, 10}, {{2, 7}, 1000}, {{4, 7}, 1}};
    after.major_faults = {{{1, 7}, 30}, {{3, 8}, 500}, {{4, 8}, 600}};
    const auto text = [&] { return text_of(rates_between(before, after, std::chrono::seconds(2))); };
    CHECK(text() == "in 100.0 KiB/s  out 10.0 KiB/s  major faults 10/s");
    after.all_seen = false;
    CHECK(text() == "in 100.0 KiB/s  out 10.0 KiB/s  major faults at least 10/s");
    after.major_faults.clear();
    CHECK(text() == "in 100.0 KiB/s  out 10.0 KiB/s  major faults unknown");
    after.all_seen = true;
    CHECK(text() == "in 100.0 KiB/s  out 10.0 KiB/s  major faults 0/s");
    before.pages.push_back(first);
    after.pages.emplace_back();
    CHECK(text() == "in unknown  out unknown  major faults 0/s");
}

TEST_CASE("a screen shows what fits, below a heading that is wrapped") {
    test::FakeIo io;
    io.terminal_of_out = {true, 30, 8, false};
    Screen screen(io, {"in 1.0 MiB/s  out 0 B/s  major faults unknown  disk 0 B/s"});
    CHECK(screen.terminal(cli::Stream::out).height == 6);
    for (int line = 0; line < 9; ++line) screen.out("line " + std::to_string(line) + "\n");
    screen.print();
    CHECK(io.output() ==
          "\x1b[H\x1b[Jin 1.0 MiB/s  out 0 B/s\nmajor faults unknown\ndisk 0 B/s\n"
          "line 0\nline 1\nline 2\n... 6 more lines\n");
}

TEST_CASE("files that were replaced, removed or cut off while they are watched are named") {
    Fixture fixture;
    const std::string path = fixture.disk.path();
    const std::vector<bool> named = file_names(fixture.models);
    CHECK(named == std::vector<bool>{true});
    CHECK(changed_files(fixture.models, named).empty());
    const auto size = static_cast<off_t>(fixture.model().file_bytes());
    CHECK(::truncate(path.c_str(), size - 1) == 0);
    CHECK(changed_files(fixture.models, named) ==
          std::vector<std::string>{path + ": has " + std::to_string(size - 1) + " bytes now, had " +
                                   std::to_string(size) + " when it was opened"});
    ::unlink(path.c_str());
    CHECK(changed_files(fixture.models, named) ==
          std::vector<std::string>{path + ": has been removed; what is shown is the removed file"});
    CHECK(::symlink("/dev/null", path.c_str()) == 0);
    CHECK(changed_files(fixture.models, named) ==
          std::vector<std::string>{path + ": has been replaced; what is shown is the old file"});
    CHECK(changed_files(fixture.models, file_names(fixture.models)).size() == 1);  // of another size still
}

TEST_CASE("time a page says what folios the cache is made of") {
    CHECK(folio_size(0.4) == FolioSize::large);
    CHECK_FALSE(folio_size(18));
    CHECK(folio_size(33) == FolioSize::single);
}

TEST_CASE("a requirement about nothing is refused, not met") {
    const Fixture fixture;
    const auto refuse = [&](const char* text) { refuse_empty(Requirement::parse(text), fixture.model()); };
    CHECK_NOTHROW(refuse("95"));
    CHECK_NOTHROW(refuse("5:part=experts"));
    CHECK_THROWS_AS(refuse("95:part=ffn"), Error);
    CHECK_THROWS_AS(refuse("95:layer=900"), Error);
}

TEST_CASE("a requirement is a percentage and perhaps a selection") {
    CHECK(Requirement::parse("95").selection.everything());
    CHECK(Requirement::parse("99.5%:layer=0-7;part=attn").percent == doctest::Approx(99.5));
    CHECK_THROWS_AS(Requirement::parse("101"), Error);
    CHECK_THROWS_AS(Requirement::parse("95:"), Error);
    CHECK_THROWS_AS(Requirement::parse(":layer=0"), Error);
}

TEST_CASE("names of several models are as short as tells them apart") {
    using Names = std::vector<std::string>;
    CHECK(short_names({"m/a/x.gguf", "m/b/y.gguf"}) == Names{"x.gguf", "y.gguf"});
    CHECK(short_names({"m/ab/x.gguf", "m/ac/x.gguf"}) == Names{"ab/x.gguf", "ac/x.gguf"});
    CHECK(short_names({"x.gguf", "m/x.gguf"}) == Names{"x.gguf", "m/x.gguf"});
    CHECK(short_names({"/m/x.gguf", "/m/x.gguf"}) == Names{"x.gguf", "x.gguf"});
    CHECK(short_names({"shm:x", "/dev/shm/x"}) == Names{"shm:x", "x"});
    CHECK(short_names({}).empty());
}
