#include "ggufmap/memory.hpp"

#include <doctest/doctest.h>

#include <array>

#include "ggufmap/error.hpp"
#include "ggufmap/write.hpp"
#include "support/fixture_tree.hpp"

using namespace ggufmap;
using test::FixtureTree;

namespace {

constexpr std::uint64_t mib = 1 << 20;

const char* const meminfo =
    "MemTotal:        6000000 kB\nMemFree:          500000 kB\nMemAvailable:    4000000 kB\n"
    "Cached:          3500000 kB\nShmem:            100000 kB\nSwapTotal:       2000000 kB\n"
    "SwapFree:        1500000 kB\n";

// A header with a tensor for each of its layers, and a block_count that may claim more.
Gguf header(const std::function<void(HeaderWriter&)>& add, std::uint32_t layers,
            std::uint32_t claimed_more = 0) {
    HeaderWriter writer;
    writer.add("general.architecture", "test");
    writer.add("test.block_count", layers + claimed_more);
    add(writer);
    const std::array<std::uint64_t, 1> dimensions = {32};
    for (std::uint32_t i = 0; i < layers; ++i)
        writer.add_tensor("blk." + std::to_string(i) + ".attn_q.weight", dimensions, 0, i * 128);
    const std::string bytes = writer.bytes();
    MemorySource source(as_bytes(bytes));
    return parse(source);
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
    const Gguf gguf = header(
        [](HeaderWriter& writer) {
            writer.add("test.context_length", std::uint32_t{8192});
            writer.add("test.embedding_length", std::uint32_t{4096});
            writer.add("test.attention.head_count", std::uint32_t{32});
            writer.add("test.attention.head_count_kv", std::uint32_t{8});
        },
        32);
    CHECK(kv_cache(gguf, 0, KvType::f16)->bytes == 1024 * mib);
    CHECK(kv_cache(gguf, 0, KvType::f16)->layers == 32);
    CHECK(kv_cache(gguf, 4096, KvType::q8_0)->bytes == 272 * mib);
    CHECK(kv_cache(gguf, 4096, KvType::q4_0)->bytes == 144 * mib);
}

TEST_CASE("layers without attention take nothing, compressed attention takes K alone") {
    const std::array<std::uint32_t, 4> heads = {0, 8, 0, 8};
    const Gguf hybrid = header(
        [&](HeaderWriter& writer) {
            writer.add("test.embedding_length", std::uint32_t{1024});
            writer.add("test.attention.head_count", std::uint32_t{16});
            writer.add("test.attention.head_count_kv", std::span<const std::uint32_t>(heads));
        },
        4);
    CHECK(kv_cache(hybrid, 100, KvType::f16)->layers == 2);
    CHECK(kv_cache(hybrid, 100, KvType::f16)->bytes == 2 * 100 * (8 * 64 + 8 * 64) * 2);
    const Gguf latent = header(
        [](HeaderWriter& writer) {
            writer.add("test.attention.head_count", std::uint32_t{128});
            writer.add("test.attention.head_count_kv", std::uint32_t{1});
            writer.add("test.attention.key_length", std::uint32_t{576});
            writer.add("test.attention.value_length", std::uint32_t{512});
            writer.add("test.attention.key_length_mla", std::uint32_t{192});
        },
        2);
    CHECK(kv_cache(latent, 10, KvType::f16)->bytes == 2 * 10 * 576 * 2);
}

TEST_CASE("numbers that are absent or absurd give no answer") {
    CHECK_FALSE(kv_cache(header([](HeaderWriter&) {}, 2), 10, KvType::f16));
    const Gguf huge = header(
        [](HeaderWriter& writer) {
            writer.add("test.attention.key_length", std::uint64_t{1} << 62);
            writer.add("test.attention.value_length", std::uint64_t{1});
            writer.add("test.attention.head_count", std::uint64_t{1} << 62);
        },
        2);
    CHECK_FALSE(kv_cache(huge, 10, KvType::f16));
    const auto small_heads = [](HeaderWriter& writer) {
        writer.add("test.attention.key_length", std::uint64_t{64});
        writer.add("test.attention.value_length", std::uint64_t{64});
        writer.add("test.attention.head_count", std::uint64_t{1});
    };
    CHECK(kv_cache(header(small_heads, 1), 10, KvType::f16));
    CHECK_FALSE(kv_cache(header(small_heads, 1, 4000000000U), 10, KvType::f16));
}

TEST_CASE("page tables: eight bytes for each started page") {
    CHECK(page_table_bytes(0) == 0);
    CHECK(page_table_bytes(1) == 8);
    CHECK(page_table_bytes(8ULL << 30) == 16 * mib);
}
