#include "ggufmap/memory.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <functional>
#include <string>
#include <vector>

#include "ggufmap/error.hpp"
#include "support/fixture_tree.hpp"
#include "support/make_gguf.hpp"

using namespace ggufmap;
using test::FixtureTree;

namespace {

constexpr std::uint64_t mib = 1 << 20;

const char* const meminfo =
    "MemTotal:        6000000 kB\nMemFree:          500000 kB\nMemAvailable:    4000000 kB\n"
    "Cached:          3500000 kB\nShmem:            100000 kB\nSwapTotal:       2000000 kB\n"
    "SwapFree:        1500000 kB\n";

// A model of `architecture` with tensors for each of its layers ("attn_k.weight"), and a block_count that may
// claim more. Keys are given as in make_gguf, without the architecture: "attention.head_count u32 8".
Model header(const std::string& architecture, const std::vector<std::string>& keys, std::uint32_t layers,
             const std::function<std::vector<std::string>(std::uint32_t)>& tensors = {},
             std::uint32_t claimed_more = 0) {
    std::string text = "kv general.architecture str " + architecture + "\n";
    const std::string start = "kv " + architecture + ".";
    text += start + "block_count u32 " + std::to_string(layers + claimed_more) + "\n";
    for (const std::string& key : keys) text += start + key + "\n";
    for (std::uint32_t i = 0; i < layers; ++i) {
        for (const std::string& name : tensors ? tensors(i) : std::vector<std::string>{"attn_q.weight"})
            text += "tensor blk." + std::to_string(i) + "." + name + " F32 1\n";
    }
    const std::string bytes = test::make_gguf(text);
    MemorySource source(as_bytes(bytes));
    return Model::header_only(parse(source), "m");
}

}  // namespace

TEST_CASE("the host's memory in bytes") {
    FixtureTree tree;
    tree.write("proc/meminfo", meminfo);
    const HostMemory host = read_host_memory(tree.roots());
    CHECK(host.total == 6000000 * 1024ULL);
    CHECK(host.available == 4000000 * 1024ULL);
    CHECK(host.swap_free == 1500000 * 1024ULL);
    CHECK(host.mlocked == 0);
    CHECK_THROWS_AS(read_host_memory(FixtureTree().roots()), Error);
}

TEST_CASE("version 2: every enclosing group bounds what is available") {
    FixtureTree tree;
    const std::string group = "sys/fs/cgroup/user.slice/app.scope/";
    tree.write("proc/meminfo", meminfo)
        .write("proc/self/cgroup", "0::/user.slice/app.scope\n")
        .write("proc/self/mountinfo", "31 23 0:28 / /sys/fs/cgroup rw shared:4 - cgroup2 cgroup2 rw\n")
        .write("sys/fs/cgroup/memory.stat", "inactive_file 1\n")  // the root group has no memory.current
        .write("sys/fs/cgroup/user.slice/memory.current", "524288000\n")
        .write("sys/fs/cgroup/user.slice/memory.max", "max\n")
        .write(group + "memory.current", std::to_string(800 * mib))
        .write(group + "memory.max", std::to_string(1024 * mib))
        .write(group + "memory.high", std::to_string(1000 * mib))
        .write(group + "memory.swap.max", "0\n")
        .write(group + "memory.events", "low 0\nhigh 3\nmax 12\noom 1\noom_kill 1\n")
        .write(group + "memory.stat", "anon 1\ninactive_file " + std::to_string(500 * mib) +
                                          "\nactive_file " + std::to_string(200 * mib) + "\nfile_dirty " +
                                          std::to_string(100 * mib) + "\n");
    const AvailableMemory memory = available_memory(tree.roots());
    REQUIRE(memory.cgroups.size() == 2);
    CHECK(memory.cgroups[0].path == "/user.slice/app.scope");
    CHECK(memory.cgroups[0].reclaimable == 600 * mib);
    CHECK(memory.cgroups[0].limit_hits == 12);
    CHECK(memory.cgroups[0].oom_kills == 1);
    CHECK(memory.cgroups[0].swap_limit == 0);
    CHECK(memory.swap_allowed() == 0);
    CHECK(AvailableMemory{}.swap_allowed() == UINT64_MAX);
    CHECK_FALSE(memory.cgroups[1].available());
    CHECK(memory.tightest_cgroup == 0);
    CHECK(memory.bytes == 800 * mib);  // high 1000 - used 800 + reclaimable 600
}

TEST_CASE("version 1 in a container: the group is the root of what is mounted") {
    FixtureTree tree;
    tree.write("proc/meminfo", meminfo)
        .write("proc/self/cgroup", "4:cpu,memory:/docker/abc\n0::/\n")
        .write("proc/self/mountinfo",
               "30 23 0:27 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"
               "31 23 0:28 /docker/abc /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory,cpu\n")
        .write("sys/fs/cgroup/memory/memory.usage_in_bytes", std::to_string(300 * mib))
        .write("sys/fs/cgroup/memory/memory.limit_in_bytes", std::to_string(400 * mib))
        .write("sys/fs/cgroup/memory/memory.failcnt", "7\n")
        .write("sys/fs/cgroup/memory/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n")
        .write("sys/fs/cgroup/memory/memory.stat",
               "inactive_file 1\ntotal_inactive_file " + std::to_string(50 * mib) + "\n");
    const AvailableMemory memory = available_memory(tree.roots());
    REQUIRE(memory.cgroups.size() == 1);
    CHECK(memory.cgroups[0].version == CgroupMemory::Version::v1);
    CHECK(memory.cgroups[0].limit_hits == 7);
    CHECK(memory.cgroups[0].oom_kills == 2);
    CHECK(memory.bytes == 150 * mib);
}

TEST_CASE("a namespace of its own below the mount of others: the group is found by its processes") {
    FixtureTree tree;
    tree.write("proc/meminfo", meminfo)
        .write("proc/self/cgroup", "0::/\n")
        .write("proc/self/mountinfo", "31 23 0:28 /../.. /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n");
    for (const std::string group : {"a", "b", "a/one", "a/two", "b/one"})
        tree.write("sys/fs/cgroup/" + group + "/memory.current", "0\n")
            .write("sys/fs/cgroup/" + group + "/memory.max",
                   std::to_string((group == "b" ? 100 : 200) * mib) + "\n")
            .write("sys/fs/cgroup/" + group + "/cgroup.procs",
                   group == "b/one" ? "1\n" + std::to_string(::getpid()) + "\n" : "1\n");
    const AvailableMemory memory = available_memory(tree.roots());
    REQUIRE(memory.cgroups.size() == 2);
    CHECK(memory.cgroups[0].path == "/b/one");
    CHECK(memory.cgroups[1].path == "/b");
    CHECK(memory.bytes == 100 * mib);
}

TEST_CASE("no limit is no bound: version 1 writes nearly 2^63 for none") {
    FixtureTree tree;
    tree.write("proc/meminfo", meminfo)
        .write("proc/self/cgroup", "4:memory:/a\n")
        .write("proc/self/mountinfo", "31 23 0:28 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n")
        .write("sys/fs/cgroup/memory/a/memory.usage_in_bytes", "5\n")
        .write("sys/fs/cgroup/memory/a/memory.limit_in_bytes", "9223372036854771712\n");
    const AvailableMemory memory = available_memory(tree.roots());
    CHECK(memory.cgroups.size() == 1);
    CHECK_FALSE(memory.tightest_cgroup);
    CHECK(memory.bytes == memory.host.available);
}

TEST_CASE("zRAM devices that are swap, with the ratio so far") {
    FixtureTree tree;
    tree.write("sys/block/zram0/disksize", "4294967296\n")
        .write("sys/block/zram0/mm_stat", "  4000000  1000000  1250000 0 1300000 10 0 0 0\n")
        .write("sys/block/zram1/disksize", "4294967296\n")  // with a file system on it
        .write("sys/block/zram1/mm_stat", "0 0 0 0 0 0 0 0 0\n")
        .write("proc/swaps",
               "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"
               "/dev/vda2                               partition\t1048572\t\t0\t\t-2\n"
               "/dev/zram0                              partition\t4194300\t\t4000\t\t100\n");
    const std::vector<Zram> devices = read_zram(tree.roots());
    REQUIRE(devices.size() == 1);
    CHECK(devices[0].device == "zram0");
    CHECK(devices[0].compressed == 1000000);
    CHECK(devices[0].ratio() == doctest::Approx(3.2));
    CHECK_FALSE(Zram{}.ratio());
    CHECK(read_zram(FixtureTree().roots()).empty());
}

TEST_CASE("pressure, where the kernel measures it") {
    FixtureTree tree;
    tree.write("proc/pressure/memory",
               "some avg10=1.53 avg60=0.40 avg300=0.10 total=1234567\n"
               "full avg10=0.12 avg60=0.03 avg300=0.01 total=765432\n");
    const auto pressure = read_pressure("memory", tree.roots());
    REQUIRE(pressure);
    CHECK(pressure->some_avg10 == doctest::Approx(1.53));
    CHECK(pressure->full_avg60 == doctest::Approx(0.03));
    CHECK(pressure->some_total_us == 1234567);
    CHECK_FALSE(read_pressure("io", tree.roots()));
}

TEST_CASE("the attention cache of Llama 3 8B at 8192 tokens takes 1 GiB in f16") {
    const Model model = header("llama",
                               {"context_length u32 8192", "embedding_length u32 4096",
                                "attention.head_count u32 32", "attention.head_count_kv u32 8"},
                               32);
    CHECK(kv_cache(model, 0, KvType::f16)->bytes == 1024 * mib);
    CHECK(kv_cache(model, 0, KvType::f16)->layers == 32);
    CHECK(kv_cache(model, 4096, KvType::q8_0)->bytes == 272 * mib);
    CHECK(kv_cache(model, 4096, KvType::q4_0)->bytes == 144 * mib);
}

TEST_CASE("rows of blocks are rounded up, f16 has none") {
    const Model model = header("llama", {"embedding_length u32 80", "attention.head_count u32 2"}, 2);
    CHECK(kv_cache(model, 10, KvType::f16)->bytes == 2 * 10 * (80 + 80) * 2);
    CHECK(kv_cache(model, 10, KvType::q8_0)->bytes == 2 * 10 * (3 + 3) * 34);
}

TEST_CASE("layers without attention take nothing, compressed attention takes K alone") {
    const Model hybrid = header("test",
                                {"embedding_length u32 1024", "attention.head_count array u32 0 16 0 16",
                                 "attention.head_count_kv array u32 0 8 0 8"},
                                4);
    CHECK(kv_cache(hybrid, 100, KvType::f16)->layers == 2);
    CHECK(kv_cache(hybrid, 100, KvType::f16)->bytes == 2 * 100 * (8 * 64 + 8 * 64) * 2);
    const Model latent = header(
        "test",
        {"attention.head_count u32 128", "attention.head_count_kv u32 1", "attention.key_length u32 576",
         "attention.value_length u32 512", "attention.key_length_mla u32 192"},
        2);
    CHECK(kv_cache(latent, 10, KvType::f16)->bytes == 2 * 10 * 576 * 2);
}

TEST_CASE("linear attention keeps a state instead of K and V") {
    // Qwen3 Next 80B: llama.cpp tells 75.38 MiB of recurrent states.
    const std::vector<std::string> keys = {
        "full_attention_interval u32 4", "attention.head_count u32 16",    "attention.head_count_kv u32 2",
        "attention.key_length u32 256",  "attention.value_length u32 256", "ssm.conv_kernel u32 4",
        "ssm.inner_size u32 4096",       "ssm.state_size u32 128",         "ssm.group_count u32 16"};
    const auto both = [](std::uint32_t layer) -> std::vector<std::string> {
        if (layer % 4 == 3) return {"attn_k.weight"};
        return {"attn_qkv.weight", "ssm_a"};
    };
    const auto cache = kv_cache(header("qwen3next", keys, 48, both), 262144, KvType::f16);
    REQUIRE(cache);
    CHECK(cache->layers == 12);
    CHECK(cache->state_bytes == 36 * (3 * (4096 + 2 * 16 * 128) + 128 * 4096) * 4);
    CHECK(cache->bytes - cache->state_bytes == 12 * 262144ULL * 2 * 512 * 2);
    CHECK_FALSE(cache->at_most);
}

TEST_CASE("recurrent models have states alone, which no context makes larger") {
    const std::vector<std::string> mamba = {"embedding_length u32 1536", "attention.head_count u32 0",
                                            "ssm.conv_kernel u32 4", "ssm.inner_size u32 3072",
                                            "ssm.state_size u32 16"};
    const auto bytes = [](const Model& model, std::uint64_t context) {
        const auto cache = kv_cache(model, context, KvType::f16);
        return cache && cache->layers == 0 ? cache->bytes : UINT64_MAX;
    };
    const Model model =
        header("mamba", mamba, 48, [](std::uint32_t) { return std::vector<std::string>{"ssm_in.weight"}; });
    CHECK(bytes(model, 10) == 48 * (3 * 3072 + 16 * 3072) * 4);
    CHECK(bytes(model, 1 << 20) == bytes(model, 10));
    const Model rwkv = header("rwkv7", {"embedding_length u32 2048", "wkv.head_size u32 64"}, 24,
                              [](std::uint32_t) { return std::vector<std::string>{"time_mix_key.weight"}; });
    CHECK(bytes(rwkv, 10) == 24 * 2048 * (2 + 64) * 4);
    // Where the numbers are not there, at least the cache does not grow.
    CHECK(bytes(header("mamba", {"attention.head_count u32 0"}, 4), 10) == 0);
}

TEST_CASE("hybrids: a layer without a tensor for K has no K") {
    const std::vector<std::string> keys = {"embedding_length u32 1024", "attention.head_count u32 16",
                                           "shortconv.l_cache u32 3"};
    const Model model = header("lfm2", keys, 4, [](std::uint32_t layer) -> std::vector<std::string> {
        if (layer == 2) return {"attn_k.weight"};
        return {"shortconv.conv.weight"};
    });
    CHECK(kv_cache(model, 100, KvType::f16)->layers == 1);
    CHECK(kv_cache(model, 100, KvType::f16)->state_bytes == 3 * 1024 * 2 * 4);
    // Both in one layer (falcon-h1).
    const Model both = header("lfm2", keys, 4, [](std::uint32_t) {
        return std::vector<std::string>{"attn_k.weight", "ssm_a"};
    });
    CHECK(kv_cache(both, 100, KvType::f16)->layers == 4);
    CHECK(kv_cache(both, 100, KvType::f16)->state_bytes == 4 * 1024 * 2 * 4);
}

TEST_CASE("sliding windows hold the window and a batch, in the layers that the architecture says") {
    const std::vector<std::string> keys = {"attention.head_count u32 1", "attention.key_length u32 8",
                                           "attention.value_length u32 8",
                                           "attention.sliding_window u32 1000"};
    constexpr std::uint64_t token = (8 + 8) * 2;
    const auto cache = [&](const char* architecture, std::uint32_t layers,
                           std::vector<std::string> more = {}) {
        more.insert(more.end(), keys.begin(), keys.end());
        return *kv_cache(header(architecture, more, layers), 100000, KvType::f16);
    };
    const auto expected = [](std::uint64_t full, std::uint64_t windowed, std::uint64_t window = 1536) {
        return token * (full * 100000 + windowed * window);
    };
    CHECK(cache("gemma3", 62).bytes == expected(10, 52));
    CHECK(cache("gemma3", 62).windowed == 52);
    CHECK(cache("gemma2", 5).bytes == expected(2, 3));
    CHECK(cache("cohere2", 8).bytes == expected(2, 6));
    CHECK(cache("gpt-oss", 4).bytes == expected(2, 2));
    CHECK(cache("llama4", 8).bytes == expected(2, 6, 8704));
    CHECK(cache("smallthinker", 5).bytes == expected(2, 3, 4608));
    CHECK(cache("exaone4", 64).bytes == expected(16, 48));
    CHECK(cache("phi3", 4).bytes == expected(4, 0));
    CHECK_FALSE(cache("phi3", 4).at_most);
    CHECK(cache("gemma3", 4, {"attention.sliding_window_pattern u32 2"}).bytes == expected(2, 2));
    CHECK(cache("new", 3, {"attention.sliding_window_pattern array bool true true false"}).bytes ==
          expected(1, 2));
    // Layers with a window may have heads of another size.
    CHECK(cache("new", 2,
                {"attention.sliding_window_pattern array bool true false", "attention.key_length_swa u32 4",
                 "attention.value_length_swa u32 4"})
              .bytes == expected(1, 0) + token / 2 * 1536);
    CHECK(cache("new", 3).bytes == expected(3, 0));
    CHECK(cache("new", 3).at_most);
    CHECK_FALSE(cache("gemma3", 62).at_most);
    CHECK(kv_cache(header("gemma3", keys, 6), 100, KvType::f16)->bytes == 6 * token * 100);
}

TEST_CASE("layers that use another's K and V, or only guess at tokens ahead, keep none") {
    const std::vector<std::string> heads = {"attention.head_count u32 1", "attention.key_length u32 8",
                                            "attention.value_length u32 8"};
    const auto layers = [&](const char* architecture, std::uint32_t count, const std::string& key) {
        std::vector<std::string> keys = heads;
        keys.push_back(key);
        return kv_cache(header(architecture, keys, count), 100, KvType::f16)->layers;
    };
    CHECK(layers("gemma3n", 35, "attention.shared_kv_layers u32 15") == 20);
    CHECK(layers("gemma3n", 30, "attention.sliding_window u32 512") == 20);
    CHECK(layers("glm4moe", 47, "nextn_predict_layers u32 1") == 46);
}

TEST_CASE("encoders keep nothing") {
    const std::vector<std::string> keys = {"embedding_length u32 768", "attention.head_count u32 12"};
    std::vector<std::string> bert = keys;
    bert.emplace_back("attention.causal bool false");
    CHECK(kv_cache(header("bert", bert, 12), 512, KvType::f16)->bytes == 0);
    CHECK(kv_cache(header("dream", keys, 12), 512, KvType::f16)->layers == 0);
    CHECK(kv_cache(header("llama", keys, 12), 512, KvType::f16)->layers == 12);
}

TEST_CASE("numbers that are absent or absurd give no answer") {
    CHECK_FALSE(kv_cache(header("test", {}, 2), 10, KvType::f16));
    CHECK_FALSE(
        kv_cache(header("test",
                        {"attention.key_length u64 4611686018427387904", "attention.value_length u64 1",
                         "attention.head_count u64 4611686018427387904"},
                        2),
                 10, KvType::f16));
    const std::vector<std::string> small_heads = {
        "attention.key_length u64 64", "attention.value_length u64 64", "attention.head_count u64 1"};
    CHECK(kv_cache(header("test", small_heads, 1), 10, KvType::f16));
    CHECK_FALSE(kv_cache(header("test", small_heads, 1), 0, KvType::f16));
    CHECK_FALSE(kv_cache(header("test", small_heads, 1, {}, 4000000000U), 10, KvType::f16));
    CHECK_FALSE(kv_cache(header("rwkv7",
                                {"wkv.head_size u64 4611686018427387904",
                                 "embedding_length u64 4611686018427387904", "attention.head_count u32 0"},
                                1),
                         0, KvType::f16));
}

TEST_CASE("page tables: eight bytes for each started page") {
    CHECK(page_table_bytes(0) == 0);
    CHECK(page_table_bytes(1) == 8);
    CHECK(page_table_bytes(8ULL << 30) == 16 * mib);
}
