#include "ggufmap/process.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <linux/kcmp.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>

#include "ggufmap/error.hpp"
#include "support/fixture_tree.hpp"
#include "support/warm_file.hpp"

using namespace ggufmap;
using test::FixtureTree;
using test::WarmFile;
using Detail = ProcessTable::Detail;

namespace {

const std::uint64_t page = page_size();

const char* const maps =
    "55d0c0000000-55d0c0001000 r--p 00000000 fe:00 11                         /usr/bin/llama server\n"
    "7f0000000000-7f0000004000 r--s 00000000 fe:00 42                         /models/a\\012b.gguf\n"
    "7f0000004000-7f0000006000 rw-p 00008000 fe:00 42                         /models/m.gguf (deleted)\n"
    "7f0000006000-7f0000007000 r--p 00000000 fe:01 42                         /other/device\n"
    "7ffc00000000-7ffc00021000 rw-p 00000000 00:00 0                          [stack]\n";

const char* const smaps =
    "7f0000000000-7f0000004000 r--s 00000000 fe:00 42                         /models/m.gguf\n"
    "Size:                 16 kB\nRss:                  12 kB\nPss:                   6 kB\n"
    "Referenced:            8 kB\nAnonymous:             0 kB\nSwap:                  0 kB\n"
    "Locked:                2 kB\nVmFlags: rd sh mr lo\n"
    "7f0000004000-7f0000006000 rw-p 00008000 fe:00 42                         /models/m.gguf (deleted)\n"
    "Rss:                   8 kB\nPss:                   8 kB\nPss_Dirty:             3 kB\nAnonymous:       "
    "      4 kB\n"
    "Swap:                  4 kB\nSwapPss:               2 kB\n"
    "7f0000006000-7f0000007000 r--p 00000000 fe:01 42                         /other/device\n"
    "Rss:                 999 kB\n";

const std::array<MapsIdentity, 2> wanted = {MapsIdentity{makedev(0xfe, 0), 7},
                                            MapsIdentity{makedev(0xfe, 0), 42}};

FixtureTree& add_llama(FixtureTree& tree, const std::string& pid) {
    const std::string folder = "proc/" + pid + "/";
    return tree.write(folder + "maps", maps)
        .write(folder + "smaps", smaps)
        .write(folder + "cmdline", std::string("/opt/llama server\0-m\0m.gguf\0", 27))
        .write(folder + "comm", "worker\n")
        .write(folder + "status",
               "Name:\tworker\nUid:\t1000\t1000\t1000\t1000\nVmPTE:\t     96 kB\n"
               "RssAnon:\t    2048 kB\n")
        .write(folder + "stat", pid + " (a) b) S 1 2 3 4 5 6 77 0 12 0 9 9 0 0 20 0 1 0 4242 5\n")
        .write(folder + "cgroup", "0::/system.slice/docker-0123456789abcdef0123.scope\n");
}

const Mapper* find_self(const MapperScan& scan) {
    const auto self = std::find_if(scan.mappers.begin(), scan.mappers.end(),
                                   [](const Mapper& mapper) { return mapper.pid == ::getpid(); });
    return self == scan.mappers.end() ? nullptr : &*self;
}

}  // namespace

TEST_CASE("processes that map a file are found by device and inode, with what it costs them") {
    FixtureTree tree;
    add_llama(tree, "123");
    tree.write("proc/9/maps", "55d0c0000000-55d0c0001000 r--p 00000000 fe:00 11  /usr/bin/x\n");
    tree.write("proc/self/maps", maps);  // not a number: not a process
    tree.write("proc/77/comm", "ended between readdir and open\n");
    const KernelProcessTable table(tree.roots());
    const MapperScan scan = table.mappers(wanted, Detail::costs);
    CHECK(scan.processes == 2);
    CHECK(scan.not_permitted == 0);
    REQUIRE(scan.mappers.size() == 1);
    const Mapper& llama = scan.mappers[0];
    CHECK(llama.pid == 123);
    CHECK(llama.uid == 1000);
    CHECK(llama.command == "llama server");
    CHECK(llama.container == "docker 0123456789ab");
    CHECK(llama.page_tables == 96 * 1024);
    CHECK(llama.anonymous_rss == 2048 * 1024);
    CHECK(llama.major_faults == 12);
    CHECK(llama.started == 4242);
    REQUIRE(llama.areas.size() == 2);
    CHECK(llama.areas[0].file == 1);
    CHECK(llama.areas[0].shared);
    CHECK_FALSE(llama.areas[0].deleted);
    CHECK(llama.areas[1].range == Range{0x8000, 0x2000});
    CHECK(llama.areas[1].writable);
    CHECK(llama.areas[1].deleted);
    CHECK(llama.areas[1].path == "/models/m.gguf");
    REQUIRE(llama.cost);
    CHECK(llama.cost->mapped == 24 * 1024);
    CHECK(llama.cost->rss == 20 * 1024);
    CHECK(llama.cost->pss == 14 * 1024);
    CHECK(llama.cost->anonymous == 4 * 1024);
    CHECK(llama.cost->referenced == 8 * 1024);
    CHECK(llama.cost->locked == 12 * 1024);
    CHECK(llama.cost->swap == 4 * 1024);
    CHECK(llama.cost->anonymous_pss == 3 * 1024);
    CHECK(llama.cost->swap_pss == 2 * 1024);
    REQUIRE(llama.areas[1].cost);
    CHECK(llama.areas[1].cost->rss == 8 * 1024);
    CHECK(llama.areas[1].cost->locked == 0);
    CHECK_FALSE(table.mappers(wanted, Detail::areas).mappers[0].cost);
    CHECK_FALSE(table.present_pages(123, llama.areas[0]));  // the fixture has no pagemap: it has ended
}

TEST_CASE("a scan knows whether all processes were in sight") {
    const auto seen = [](const FixtureTree& tree) {
        return KernelProcessTable(tree.roots()).mappers(wanted, Detail::areas).all_seen;
    };
    FixtureTree tree;
    add_llama(tree, "123");
    const std::string proc = tree.roots().proc;
    const std::string mount = "24 1 0:21 / " + proc + " rw - proc proc rw";
    CHECK(seen(tree));
    CHECK(seen(tree.write("proc/self/mountinfo", mount + "\n")));
    CHECK(seen(tree.write("proc/self/mountinfo", mount + ",hidepid=noaccess\n")));
    CHECK_FALSE(seen(tree.write("proc/self/mountinfo", mount + ",gid=5,hidepid=invisible\n")));
    CHECK_FALSE(seen(tree.write("proc/self/mountinfo", mount + ",hidepid=2\n")));
    CHECK(seen(tree.write("proc/self/mountinfo", mount + ",hidepid=2\n" + mount + "\n")));
    CHECK(KernelProcessTable().mappers(wanted, Detail::areas).self == ::getpid());
    CHECK(KernelProcessTable().openers({}).self == ::getpid());
}

TEST_CASE("pages of hugetlbfs count, shared ones divided among those who map them") {
    FixtureTree tree;
    for (const char* pid : {"5", "6"}) {
        add_llama(tree, pid).write(std::string("proc/") + pid + "/maps",
                                   "7f0000000000-7f0000600000 r--s 00000000 fe:00 42   /huge/m.gguf\n");
        tree.write(std::string("proc/") + pid + "/smaps",
                   "7f0000000000-7f0000600000 r--s 00000000 fe:00 42   /huge/m.gguf\n"
                   "Rss:                   0 kB\nPss:                   0 kB\n"
                   "Shared_Hugetlb:     4096 kB\nPrivate_Hugetlb:    2048 kB\n");
    }
    const MapperScan scan = KernelProcessTable(tree.roots()).mappers(wanted, Detail::costs);
    REQUIRE(scan.mappers.size() == 2);
    for (const Mapper& mapper : scan.mappers) {
        CHECK(mapper.cost->rss == 6 << 20);
        CHECK(mapper.cost->pss == 4 << 20);
        CHECK(mapper.areas[0].cost->pss == 4 << 20);
    }
}

TEST_CASE("processes that end while they are looked at are in no list") {
    for (const char* gone : {"stat", "status", "smaps"}) {
        FixtureTree tree;
        add_llama(tree, "123");
        if (std::string(gone) != "smaps") {
            tree.write(std::string("proc/123/") + gone, "");
        } else {  // it maps something else by now, too
            tree.write("proc/123/smaps", "7f0000006000-7f0000007000 r--p 00000000 fe:01 42  /other/device\n");
        }
        CHECK(KernelProcessTable(tree.roots()).mappers(wanted, Detail::costs).mappers.empty());
        CHECK(KernelProcessTable(tree.roots()).mapped_models({}).models.empty());
    }
}

TEST_CASE("a process whose main thread has exited is found by its other threads") {
    FixtureTree tree;
    add_llama(tree, "50/task/51");
    for (const char* folder : {"50", "50/task/50"}) {
        tree.write(std::string("proc/") + folder + "/maps", "")
            .write(std::string("proc/") + folder + "/status", "Name:\tx\nTgid:\t50\n")
            .write(std::string("proc/") + folder + "/stat",
                   "50 (x) Z 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20\n");
    }
    tree.write("proc/51/status", "Name:\tx\nTgid:\t50\n");
    const MapperScan scan = KernelProcessTable(tree.roots()).mappers(wanted, Detail::costs);
    REQUIRE(scan.mappers.size() == 1);
    CHECK(scan.mappers[0].pid == 50);
    CHECK(scan.mappers[0].cost->rss == 20 * 1024);
    CHECK(scan.mappers[0].uid == 1000);
    CHECK(KernelProcessTable(tree.roots()).mapped_models({}).models.size() == 1);
    CHECK(process_of(51, tree.roots()) == 50);
    CHECK(process_of(52, tree.roots()) == 52);
}

TEST_CASE("a deleted file of the model's name is told apart from the model") {
    FixtureTree tree;
    add_llama(tree, "5");
    const std::string text = maps;
    tree.write("proc/5/maps", text.substr(text.find("7f0000004000-")));
    const std::array<MapsIdentity, 1> replaced = {MapsIdentity{makedev(0xfe, 0), 43, "/models/m.gguf"}};
    const MapperScan scan = KernelProcessTable(tree.roots()).mappers(replaced, Detail::costs);
    CHECK(scan.mappers.empty());
    REQUIRE(scan.stale.size() == 1);
    CHECK(scan.stale[0].areas.size() == 1);
    CHECK(scan.stale[0].cost->rss == 8 * 1024);
}

TEST_CASE("models that processes map are found by their name, known ones left out") {
    FixtureTree tree;
    add_llama(tree, "123");
    add_llama(tree, "124");
    const KernelProcessTable table(tree.roots());
    const ModelScan scan = table.mapped_models({});
    REQUIRE(scan.models.size() == 1);
    const MappedModel& model = scan.models[0];
    CHECK(model.path == "/models/a\\012b.gguf");
    REQUIRE(model.mappers.size() == 2);
    CHECK(model.mappers[0].pid == 123);
    CHECK(model.mappers[0].command == "llama server");
    CHECK(model.mappers[0].areas.size() == 2);
    CHECK(model.cost().pss == 2 * 14 * 1024);
    CHECK(table.mapped_models(wanted).models.empty());
}

TEST_CASE("a mapped model on a mount of nothing but memory is told by the mounts of who maps it") {
    FixtureTree tree;
    add_llama(tree, "123")
        .write("proc/123/mountinfo",
               "30 1 253:9 / / rw - ext4 /dev/vda rw\n"
               "31 30 254:0 / /mnt/my\\040ram rw - tmpfs tmpfs rw\n");
    const KernelProcessTable table(tree.roots());
    CHECK(table.mapped_models({}).models[0].memory_only);
    CHECK(table.mapped_models({}).models[0].locked == 12 * 1024);
    add_llama(tree, "123").write("proc/123/mountinfo", "31 30 254:0 / / rw - ext4 /dev/vda rw\n");
    CHECK_FALSE(table.mapped_models({}).models[0].memory_only);
}

TEST_CASE("models of another name are found by their first bytes, deleted ones by their memory") {
    const WarmFile disk("GGUF" + std::string(2 << 20, 'x'));
    disk.warm({0, 2 << 20});
    std::array<int, 2> ready{};
    REQUIRE(::pipe(ready.data()) == 0);
    const int child = ::fork();
    if (child == 0) {  // has our mapping, too
        const char first = *static_cast<const volatile char*>(disk.address());
        if (::write(ready[1], &first, 1) == 1) ::pause();
        ::_exit(0);
    }
    char first = 0;
    CHECK(::read(ready[0], &first, 1) == 1);
    const auto find = [&](KernelProcessTable::Allow allow) {
        std::vector<MappedModel> found;
        for (MappedModel& model : KernelProcessTable({}, allow).mapped_models({}).models) {
            if (model.path.ends_with(disk.path())) found.push_back(model);
        }
        return found;
    };
    for (const auto allow : {KernelProcessTable::Allow::everything, KernelProcessTable::Allow::no_ioctls}) {
        const auto found = find(allow);
        REQUIRE(found.size() == 1);
        CHECK_FALSE(found[0].deleted);
        REQUIRE(found[0].mappers.size() == 1);  // we do not count
        CHECK(found[0].mappers[0].pid == child);
        CHECK(found[0].cost().rss >= page);
    }
    disk.evict();  // pages in our page tables stay, the first one among them
    ::unlink(disk.path().c_str());
    const auto deleted = find(KernelProcessTable::Allow::everything);
    // Opening what has no name takes a privilege.
    CHECK(deleted.size() <= 1);
    if (!deleted.empty()) CHECK(deleted[0].deleted);
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    ::close(ready[0]);
    ::close(ready[1]);
}

TEST_CASE("our own mapping is found, with the pages that were touched and no others") {
    const WarmFile disk(64 * page);
    const File file = disk.open();
    disk.warm({0, 64 * page});
    // Without MADV_RANDOM, one fault maps up to 16 pages around it.
    ::madvise(const_cast<void*>(disk.address()), 64 * page, MADV_RANDOM);
    const auto* bytes = static_cast<const volatile char*>(disk.address());
    char sum = 0;
    for (const std::uint64_t index : {3UL, 40UL}) sum = static_cast<char>(sum + bytes[index * page]);
    CHECK(sum != 0);
    const std::array<MapsIdentity, 1> files = {maps_identity(file)};
    using Allow = KernelProcessTable::Allow;
    for (const Allow allow : {Allow::everything, Allow::no_ioctls}) {
        const KernelProcessTable table({}, allow);
        const MapperScan scan = table.mappers(files, Detail::costs);
        const Mapper* self = find_self(scan);
        REQUIRE(self);
        REQUIRE(self->areas.size() == 1);
        CHECK(self->areas[0].address == reinterpret_cast<std::uintptr_t>(disk.address()));
        REQUIRE(self->cost);
        CHECK(self->cost->mapped == 64 * page);
        const auto present = table.present_pages(::getpid(), self->areas[0]);
        REQUIRE(present);
        CHECK(present->present(3));
        CHECK(present->present(40));
        CHECK(self->cost->rss == present->present_bytes(present->covered()));
    }
}

TEST_CASE(
    "private copies that children have from their parent are divided, one memory of two processes is named") {
    const WarmFile disk(64 * page);
    disk.warm({0, 64 * page});
    const File file = disk.open();
    void* const copies = ::mmap(nullptr, 64 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE, file.fd(), 0);
    REQUIRE(copies != MAP_FAILED);
    for (std::uint64_t index = 0; index < 40; ++index) static_cast<volatile char*>(copies)[index * page] = 1;
    const std::array<MapsIdentity, 1> files = {maps_identity(file)};
    const auto scan = [&] { return KernelProcessTable().mappers(files, Detail::costs).mappers; };
    REQUIRE(scan().size() == 1);
    CHECK(scan()[0].cost->anonymous_pss == 40 * page);
    std::array<char, 16384> stack{};
    const auto wait = [](void*) -> int { return ::pause(); };
    const int child = ::fork();
    if (child == 0) ::_exit(::pause());
    const int clone = ::clone(wait, stack.data() + stack.size(), CLONE_VM | SIGCHLD, nullptr);
    REQUIRE(clone > 0);
    const auto mappers = scan();
    for (const int pid : {child, clone}) {
        ::kill(pid, SIGKILL);
        ::waitpid(pid, nullptr, 0);
    }
    REQUIRE(mappers.size() == 3);
    std::uint64_t sum = 0;
    int same = 0;
    for (const Mapper& mapper : mappers) {
        CHECK(mapper.cost->anonymous == 40 * page);
        if (mapper.memory_of == 0) sum += mapper.cost->anonymous_pss;
        same += mapper.memory_of != 0 ? 1 : 0;
    }
    if (::syscall(SYS_kcmp, ::getpid(), ::getpid(), KCMP_VM, 0, 0) == 0) {
        CHECK(same == 1);
        CHECK(sum == 40 * page);
    }
    ::munmap(copies, 64 * page);
}

TEST_CASE("scanning and reading page tables give the same map") {
    const WarmFile disk(5000 * page);
    disk.warm({0, 5000 * page});
    const auto* bytes = static_cast<const volatile char*>(disk.address());
    char sum = 0;
    for (std::uint64_t index = 0; index < 5000; index += 1 + index % 97)
        sum = static_cast<char>(sum + bytes[index * page]);
    MappedArea area;
    area.address = reinterpret_cast<std::uintptr_t>(disk.address());
    area.range = {0, 5000 * page};
    const auto scanned = KernelProcessTable().present_pages(::getpid(), area);
    const auto read =
        KernelProcessTable({}, KernelProcessTable::Allow::no_ioctls).present_pages(::getpid(), area);
    REQUIRE(scanned);
    REQUIRE(read);
    CHECK(scanned->stretches(true) == read->stretches(true));
    CHECK(scanned->present_bytes(area.range) > 0);
}

TEST_CASE("who has a file open, and past the page cache") {
    const WarmFile disk(4 * page);
    const File file = disk.open();
    const Fd direct = file.reopen(O_RDONLY | O_DIRECT);
    const std::array<FileIdentity, 1> files = {file.identity()};
    const OpenerScan scan = KernelProcessTable().openers(files);
    const auto has = [&](int fd, bool is_direct) {
        return std::any_of(scan.openers.begin(), scan.openers.end(), [&](const Opener& opener) {
            return opener.pid == ::getpid() && opener.fd == fd && opener.direct == is_direct;
        });
    };
    CHECK(has(file.fd(), false));
    CHECK(has(direct.get(), true));
}

TEST_CASE("referenced bits are cleared only when asked") {
    const WarmFile disk(16 * page);
    disk.warm({0, 16 * page});
    static_cast<void>(*static_cast<const volatile char*>(disk.address()));
    const File file = disk.open();
    const std::array<MapsIdentity, 1> files = {maps_identity(file)};
    const KernelProcessTable table;
    const auto referenced = [&] { return find_self(table.mappers(files, Detail::costs))->cost->referenced; };
    CHECK(referenced() > 0);
    CHECK(referenced() > 0);
    clear_referenced(::getpid());
    CHECK(referenced() == 0);
    CHECK_THROWS_AS(clear_referenced(0), Error);
}

TEST_CASE("control groups name their container") {
    CHECK(container_of("/docker/0123456789abcdef0123") == "docker 0123456789ab");
    CHECK(container_of("/system.slice/docker-0123456789abcdef.scope") == "docker 0123456789ab");
    CHECK(container_of("/machine.slice/libpod-fedcba9876543210.scope/container") == "podman fedcba987654");
    CHECK(container_of("/kubepods.slice/kubepods-pod1.slice/cri-containerd-aabbccddeeff0011.scope") ==
          "kubernetes aabbccddeeff");
    CHECK(container_of("/kubepods/burstable/pod1234/aabbccddeeff0011") == "kubernetes aabbccddeeff");
    CHECK(container_of("/lxc/web/init.scope") == "lxc web");
    CHECK(container_of("/lxc.payload.web") == "lxc web");
    CHECK(container_of("/system.slice/ollama.service") == "systemd ollama.service");
    CHECK(container_of("/user.slice/docker-short") == "");
    CHECK(container_of("/") == "");
}
