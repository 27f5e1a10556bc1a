#include "ggufmap/huge_pages.hpp"

#include <doctest/doctest.h>

#include "ggufmap/error.hpp"
#include "ggufmap/output.hpp"
#include "support/fixture_tree.hpp"
#include "support/temporary_directory.hpp"

using namespace ggufmap;

namespace {

const std::string root_mount = "21 1 254:0 / / rw,relatime - ext4 /dev/root rw\n";

}  // namespace

TEST_CASE("the first hugetlbfs of mountinfo is taken, whatever its name") {
    test::FixtureTree tree;
    tree.write(
        "proc/self/mountinfo",
        root_mount +
            "36 21 0:30 / /mnt/two\\040words rw shared:5 master:2 - hugetlbfs hugetlbfs rw,pagesize=2M\n"
            "37 21 0:31 / /dev/hugepages rw - hugetlbfs none rw,pagesize=2M\n");
    CHECK(first_huge_mount(tree.roots()) == "/mnt/two words");
}

TEST_CASE("without a hugetlbfs it is said how to get one") {
    test::FixtureTree tree;
    // A source of that name is no file system of that type.
    tree.write("proc/self/mountinfo",
               root_mount + "36 21 0:30 / /mnt rw - tmpfs hugetlbfs rw\n36 21 cut off\n");
    CHECK_THROWS_WITH_AS(first_huge_mount(tree.roots()), doctest::Contains("mount -t hugetlbfs"), Error);
}

TEST_CASE("a file elsewhere is not made of huge pages") {
    const test::TemporaryDirectory folder;
    const std::string path = (folder.path() / "out").string();
    OutputFile file = OutputFile::create(path, {.huge_pages = true});
    CHECK_FALSE(huge_pages_at(file.fd(), path));
    CHECK_THROWS_WITH_AS(file.reserve(1), doctest::Contains("is not in a hugetlbfs"), Error);
}

TEST_CASE("bytes are counted in whole huge pages") {
    const HugePages pages{.page = 2U << 20, .total = 0, .free = {}, .left_in_mount = {}};
    CHECK(pages.pages_for(0) == 0);
    CHECK(pages.pages_for(1) == 1);
    CHECK(pages.pages_for(2U << 20) == 1);
    CHECK(pages.pages_for((2U << 20) + 1) == 2);
}
