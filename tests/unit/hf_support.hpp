// A model file of a test's own words, open for as long as the test needs it.
#pragma once

#include <string>

#include "ggufmap/model.hpp"
#include "support/make_gguf.hpp"
#include "support/temporary_directory.hpp"

namespace ggufmap::test {

struct ModelOfText {
    explicit ModelOfText(const std::string& description)
        : model(Model::open(folder.write("m.gguf", make_gguf(description)))) {}

    TemporaryDirectory folder;
    Model model;
};

}  // namespace ggufmap::test
