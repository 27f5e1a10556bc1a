#include "ggufmap/keeper.hpp"

#include <doctest/doctest.h>

using namespace ggufmap;
using namespace std::chrono_literals;
using Order = Keeper::Order;
using Orders = std::vector<Keeper::Order>;
using Warm = Keeper::Warm;

namespace {

const Keeper::Time start{1000s};

Keeper::Sight sight(std::uint64_t bytes, bool in_use = false, bool opened = false) {
    return {.there = true, .in_use = in_use, .opened = opened, .bytes = bytes};
}

}  // namespace

TEST_CASE("models are loaded at the start, on open, or never") {
    Keeper keeper({{.warm = Warm::start}, {.warm = Warm::on_open}, {.warm = Warm::never}}, {});
    using Sights = std::vector<Keeper::Sight>;
    CHECK(keeper.decide(start, Sights{sight(1), sight(1), sight(1)}) ==
          Orders{Order::load, Order::leave, Order::leave});
    CHECK(keeper.decide(start + 1s, Sights{sight(1), sight(1, false, true), sight(1, true, true)}) ==
          Orders{Order::leave, Order::load, Order::leave});
    CHECK(keeper.decide(start + 2s, Sights{sight(1), sight(1, true), sight(1, true)}) ==
          Orders{Order::leave, Order::leave, Order::leave});
}

TEST_CASE("a model is let go when nobody has used it for long enough") {
    Keeper keeper({{.warm = Warm::on_open, .unload_after_idle = 60s}}, {});
    const auto order = [&](Keeper::Time now, Keeper::Sight seen) {
        return keeper.decide(now, std::vector{seen})[0];
    };
    CHECK(order(start, sight(1, true)) == Order::load);
    CHECK(order(start + 100s, sight(1, true)) == Order::leave);
    CHECK(order(start + 159s, sight(1)) == Order::leave);
    CHECK(order(start + 160s, sight(1)) == Order::let_go);
    CHECK(order(start + 161s, sight(1)) == Order::leave);
    CHECK(order(start + 162s, sight(1, false, true)) == Order::load);
}

TEST_CASE("what was let go at its start comes back when it is opened") {
    Keeper keeper({{.warm = Warm::start, .unload_after_idle = 10s}}, {});
    CHECK(keeper.decide(start, std::vector{sight(1)})[0] == Order::load);
    CHECK(keeper.decide(start + 10s, std::vector{sight(1)})[0] == Order::let_go);
    CHECK(keeper.decide(start + 20s, std::vector{sight(1)})[0] == Order::leave);
    CHECK(keeper.decide(start + 30s, std::vector{sight(1, true)})[0] == Order::load);
}

TEST_CASE("locked models stay") {
    Keeper keeper({{.warm = Warm::start, .lock = true, .unload_after_idle = 1s}}, {});
    CHECK(keeper.decide(start, std::vector{sight(1)})[0] == Order::load);
    CHECK(keeper.decide(start + 100s, std::vector{sight(1)})[0] == Order::leave);
}

TEST_CASE("the idle model that was used longest ago makes room") {
    Keeper keeper({{}, {}, {}, {.lock = true}}, 10);
    std::vector<Keeper::Sight> seen = {sight(3, false, true), sight(3), sight(4), sight(2, false, true)};
    CHECK(keeper.decide(start, seen) == Orders{Order::load, Order::leave, Order::leave, Order::load});
    seen[0].opened = seen[3].opened = false;
    seen[1].opened = true;
    CHECK(keeper.decide(start + 1s, seen) == Orders{Order::leave, Order::load, Order::leave, Order::leave});
    seen[1].opened = false;
    seen[2].opened = true;
    CHECK(keeper.decide(start + 2s, seen) == Orders{Order::let_go, Order::leave, Order::load, Order::leave});
    CHECK_FALSE(keeper.state(0).loaded);
}

TEST_CASE("a model that does not fit costs no other its place") {
    Keeper keeper({{}, {}, {}}, 10);
    std::vector<Keeper::Sight> seen = {sight(4, true), sight(4, false, true), sight(7)};
    CHECK(keeper.decide(start, seen) == Orders{Order::load, Order::load, Order::leave});
    seen[1].opened = false;
    seen[2].opened = true;
    CHECK(keeper.decide(start + 1s, seen) == Orders{Order::leave, Order::leave, Order::leave});
    CHECK(keeper.state(2).no_room);
    CHECK(keeper.state(1).loaded);
}

TEST_CASE("a model that is gone or replaced is loaded again when it is used") {
    Keeper keeper({{}}, {});
    CHECK(keeper.decide(start, std::vector{sight(1, true)})[0] == Order::load);
    CHECK(keeper.decide(start + 1s, std::vector{Keeper::Sight{}})[0] == Order::leave);
    CHECK_FALSE(keeper.state(0).loaded);
    CHECK(keeper.decide(start + 2s, std::vector{sight(1, true)})[0] == Order::load);
    keeper.changed(0);
    CHECK(keeper.decide(start + 3s, std::vector{sight(1, true)})[0] == Order::load);
}

TEST_CASE("one that is loaded at the start is loaded again when it is replaced, without being used") {
    Keeper keeper({{.warm = Keeper::Warm::start}}, {});
    CHECK(keeper.decide(start, std::vector{sight(1)})[0] == Order::load);
    CHECK(keeper.decide(start + 1s, std::vector{sight(1)})[0] == Order::leave);
    keeper.changed(0);
    CHECK(keeper.decide(start + 2s, std::vector{sight(1)})[0] == Order::load);
}

TEST_CASE("a budget that has shrunk lets go of idle models, the oldest first") {
    Keeper keeper({{}, {}, {}}, 10);
    const std::vector<Keeper::Sight> all = {sight(3, false, true), sight(3, false, true), sight(3, true)};
    CHECK(keeper.decide(start, all) == Orders(3, Order::load));
    const std::vector<Keeper::Sight> later = {sight(3), sight(3, false, true), sight(3, true)};
    CHECK(keeper.decide(start + 1s, later) == Orders(3, Order::leave));
    keeper.set_budget(7);
    const std::vector<Keeper::Sight> idle = {sight(3), sight(3), sight(3, true)};
    CHECK(keeper.decide(start + 2s, idle) == Orders{Order::let_go, Order::leave, Order::leave});
    keeper.set_budget(2);  // what is in use stays
    CHECK(keeper.decide(start + 3s, idle) == Orders{Order::leave, Order::let_go, Order::leave});
}

TEST_CASE("what another process knew is gone on from") {
    Keeper keeper({{.warm = Warm::start, .unload_after_idle = 10s}, {.warm = Warm::start}}, {});
    keeper.resume(0, {.loaded = true, .last_use = start});
    keeper.resume(1, {.loaded = false, .last_use = start});
    CHECK(keeper.decide(start + 9s, std::vector{sight(1), sight(1)}) == Orders(2, Order::leave));
    CHECK(keeper.decide(start + 10s, std::vector{sight(1), sight(1)}) == Orders{Order::let_go, Order::leave});
    CHECK(keeper.decide(start + 11s, std::vector{sight(1), sight(1, true)}) ==
          Orders{Order::leave, Order::load});
}
