#include "gguf-prefault/model_set.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <functional>
#include <utility>

#include "support/fake_process_table.hpp"
#include "support/make_gguf.hpp"
#include "support/temporary_directory.hpp"

using namespace ggufmap;
using namespace ggufmap::prefault_tool;

namespace {

// Does something once, when bytes come in.
struct Meanwhile final : Progress {
    explicit Meanwhile(std::function<void()> what) : act(std::move(what)) {}
    void add(std::uint64_t bytes) override {
        if (bytes != 0 && act) std::exchange(act, nullptr)();
    }
    bool stop_requested() override { return false; }
    std::function<void()> act;
};

struct Set {
    Set() {
        ModelConfig& model = config.models.emplace_back();
        model.name = "m";
        model.path = path;
        model.rule.warm = Keeper::Warm::start;
        const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
        ::fsync(file.get());
        ::posix_fadvise(file.get(), 0, 0, POSIX_FADV_DONTNEED);
    }
    // Whether the model has to be brought in; not in tmpfs.
    bool cold() const {
        return plan_prefault(cache, Model::open(path), {{0, {0, 4096}}}).missing_bytes() != 0;
    }

    test::TemporaryDirectory directory;
    std::string path = directory.write("m.gguf", test::make_gguf("tensor a I8 1048576\n"));
    KeeperConfig config;
    KernelPageCache cache;
    test::FakeProcessTable processes;
};

}  // namespace

TEST_CASE("the keeper's own opens are not those of others") {
    Set set;
    ModelSet models(set.config, {}, set.cache, set.processes, [](const std::string&) {});
    Meanwhile nothing(nullptr);
    models.round(nothing);
    CHECK(models.states()[0].state == "loaded");
    CHECK_FALSE(models.opened());
}

TEST_CASE("an open while the keeper loads counts for the next round, and the model is called loading") {
    Set set;
    std::string state;
    ModelSet models(set.config, {}, set.cache, set.processes, [](const std::string&) {});
    CHECK(models.states()[0].state == "idle");
    Meanwhile somebody([&] {
        const Fd file(::open(set.path.c_str(), O_RDONLY | O_CLOEXEC));
        state = models.states()[0].state;
    });
    if (!set.cold()) return;
    models.round(somebody);
    CHECK(state == "loading");
    // The event waits to be read: the next round is due, and sees it.
    pollfd watched{models.fd(), POLLIN, 0};
    CHECK((models.opened() || ::poll(&watched, 1, 0) == 1));
}
