// Block sizes by the GGUF specification, typed in a second time on purpose: the library's own table is under
// test.
#include <algorithm>
#include <array>
#include <cctype>

#include "support/make_gguf.hpp"

namespace ggufmap::test {
namespace {

struct Known {
    std::string_view name;
    TensorShape shape;
};

constexpr std::array known{
    Known{"F32", {0, 1, 4}},         Known{"F16", {1, 1, 2}},         Known{"Q4_0", {2, 32, 18}},
    Known{"Q4_1", {3, 32, 20}},      Known{"Q5_0", {6, 32, 22}},      Known{"Q5_1", {7, 32, 24}},
    Known{"Q8_0", {8, 32, 34}},      Known{"Q8_1", {9, 32, 36}},      Known{"Q2_K", {10, 256, 84}},
    Known{"Q3_K", {11, 256, 110}},   Known{"Q4_K", {12, 256, 144}},   Known{"Q5_K", {13, 256, 176}},
    Known{"Q6_K", {14, 256, 210}},   Known{"Q8_K", {15, 256, 292}},   Known{"IQ2_XXS", {16, 256, 66}},
    Known{"IQ2_XS", {17, 256, 74}},  Known{"IQ3_XXS", {18, 256, 98}}, Known{"IQ1_S", {19, 256, 50}},
    Known{"IQ4_NL", {20, 32, 18}},   Known{"IQ3_S", {21, 256, 110}},  Known{"IQ2_S", {22, 256, 82}},
    Known{"IQ4_XS", {23, 256, 136}}, Known{"I8", {24, 1, 1}},         Known{"I16", {25, 1, 2}},
    Known{"I32", {26, 1, 4}},        Known{"I64", {27, 1, 8}},        Known{"F64", {28, 1, 8}},
    Known{"IQ1_M", {29, 256, 56}},   Known{"BF16", {30, 1, 2}},       Known{"TQ1_0", {34, 256, 54}},
    Known{"TQ2_0", {35, 256, 66}},   Known{"MXFP4", {39, 32, 17}},    Known{"NVFP4", {40, 64, 36}},
    Known{"Q1_0", {41, 128, 18}},    Known{"Q2_0", {42, 64, 18}},
};

}  // namespace

TensorShape tensor_type(const std::string& name) {
    const bool number = !name.empty() && std::isdigit(static_cast<unsigned char>(name[0])) != 0;
    const auto found = std::find_if(known.begin(), known.end(), [&](const Known& k) {
        return number ? std::to_string(k.shape.type) == name : k.name == name;
    });
    if (found != known.end()) return found->shape;
    if (!number) throw DescriptionError("no tensor type " + name);
    return {static_cast<std::uint32_t>(std::stoul(name)), 1, 1};
}

}  // namespace ggufmap::test
