// What a model lacks to be whole, told by what the rest of it has.
#pragma once

#include <string>
#include <vector>

#include "hf/architecture.hpp"
#include "hf/facts.hpp"

namespace ggufmap::hf {

/// One line each: embedding, final norm, layers, tensors that other layers of the same kind have; and tensors
/// of layers that the model should not have. Nothing for a whole model.
std::vector<std::string> gaps_of(const Facts& facts, const Architecture& architecture);

}  // namespace ggufmap::hf
