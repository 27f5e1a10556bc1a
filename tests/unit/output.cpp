#include "ggufmap/output.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <iterator>

#include "ggufmap/error.hpp"
#include "support/temporary_directory.hpp"

using namespace ggufmap;
using test::file_content;
namespace fs = std::filesystem;

namespace {

class Folder : public test::TemporaryDirectory {
public:
    std::string file(const std::string& name) const { return (path() / name).string(); }
    std::size_t entries() const {
        return static_cast<std::size_t>(
            std::distance(fs::directory_iterator(path()), fs::directory_iterator()));
    }
};

OutputFile written(const std::string& path, const OutputFile::Options& options, const std::string& text) {
    OutputFile file = OutputFile::create(path, options);
    file.reserve(text.size());
    file.write(0, as_bytes(text));
    return file;
}

}  // namespace

TEST_CASE("an output file appears only when it is committed") {
    for (const bool named : {false, true}) {
        const Folder folder;
        const std::string path = folder.file("out");
        {
            OutputFile file = written(path, {.named = named}, "half");
            CHECK_FALSE(fs::exists(path));
        }
        CHECK(folder.entries() == 0);

        OutputFile file = written(path, {.named = named}, "whole");
        file.commit();
        CHECK(file_content(path) == "whole");
        CHECK(folder.entries() == 1);
    }
}

TEST_CASE("an existing file is refused, or replaced where asked") {
    for (const bool named : {false, true}) {
        const Folder folder;
        const std::string path = folder.file("out");
        OutputFile late = written(path, {.named = named}, "late");
        folder.write("out", "first");
        CHECK_THROWS_AS(OutputFile::create(path, {}), Error);
        CHECK_THROWS_WITH_AS(late.commit(), (path + ": exists already").c_str(), Error);
        CHECK(file_content(path) == "first");

        OutputFile forced = written(path, {.replace = true, .named = named}, "second");
        CHECK(file_content(path) == "first");
        forced.commit();
        CHECK(file_content(path) == "second");
    }
}

TEST_CASE("an input is never an output, whatever it is called") {
    const Folder folder;
    folder.write("in", "model");
    fs::create_hard_link(folder.file("in"), folder.file("hard"));
    fs::create_symlink("in", folder.file("soft"));
    const std::vector<FileIdentity> inputs = {File::open(folder.file("in")).identity()};
    for (const char* name : {"in", "hard", "soft"})
        CHECK_THROWS_AS(OutputFile::create(folder.file(name), {.replace = true}, inputs), Error);
    CHECK(file_content(folder.file("in")) == "model");
}

TEST_CASE("a parked file can be published and withdrawn") {
    const Folder folder;
    OutputFile file = written(folder.file("out"), {.named = true}, "parked");
    file.seal();
    file.park();
    OutputFile moved = std::move(file);
    moved.publish();
    CHECK(file_content(folder.file("out")) == "parked");
    moved.withdraw();
    CHECK(folder.entries() == 0);
}

TEST_CASE("paths without a file name and directories that are none are refused") {
    CHECK_THROWS_AS(split_path("dir/"), Error);
    CHECK_THROWS_AS(split_path(""), Error);
    CHECK_THROWS_AS(split_path(".."), Error);
    CHECK(split_path("a/b").directory == "a/");
    CHECK(split_path("b").name == "b");
    CHECK_THROWS_AS(OutputDirectory::open("/nowhere/at/all"), Error);
    CHECK_THROWS_AS(OutputDirectory::open("/dev/null"), Error);
}

TEST_CASE("a cache-neutral file is whole on file systems with and without uncached writes") {
    const Folder folder;
    for (const std::string& directory : {folder.file(""), std::string("/dev/shm/")}) {
        const std::string path = directory + "ggufmap-unit-output";
        const std::string text(1 << 20, 'x');
        OutputFile file = written(path, {}, text);
        file.write(text.size(), as_bytes(text));
        file.commit();
        CHECK(file_content(path) == text + text);
        ::unlink(path.c_str());
    }
}

TEST_CASE("a set that replaces another and cannot be published leaves no first file to take it for one") {
    const Folder folder;
    const OutputFile::Options replace = {.replace = true, .durable = false};
    folder.write("a", "old");
    std::vector<OutputFile> files;
    files.push_back(written(folder.file("a"), replace, "new"));
    files.push_back(written(folder.file("b"), replace, "new"));
    fs::create_directory(folder.path() / "b");
    CHECK_THROWS_AS(publish_together(files), Error);
    CHECK_FALSE(fs::exists(folder.path() / "a"));
}

TEST_CASE("only regular files and symlinks to them, or to nothing, are replaced") {
    const Folder folder;
    const auto make = [&](const char* name) {
        return written(folder.file(name), {.replace = true, .durable = false}, "new");
    };
    fs::create_directory(folder.path() / "d");
    CHECK_THROWS_AS(make("d"), Error);
    folder.write("kept", "old");
    fs::create_symlink("nowhere", folder.path() / "dangling");
    fs::create_symlink("kept", folder.path() / "link");
    for (const char* name : {"dangling", "link"}) {
        make(name).commit();
        CHECK_FALSE(fs::is_symlink(folder.path() / name));
        CHECK(file_content(folder.file(name)) == "new");
    }
    CHECK(file_content(folder.file("kept")) == "old");
}

TEST_CASE("a symlink to a device, a folder, an open file or itself is not replaced") {
    const Folder folder;
    folder.write("open", "old");
    const Fd fd(::open(folder.file("open").c_str(), O_RDONLY | O_CLOEXEC));
    fs::create_directory(folder.path() / "d");
    const std::string targets[] = {"/dev/null", "d", "/proc/self/fd/" + std::to_string(fd.get()), "link"};
    for (const std::string& target : targets) {
        fs::create_symlink(target, folder.path() / "link");
        CHECK_THROWS_AS(OutputFile::create(folder.file("link"), {.replace = true}), Error);
        CHECK(fs::is_symlink(folder.path() / "link"));
        fs::remove(folder.path() / "link");
    }
}
