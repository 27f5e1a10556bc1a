// What a scan has found, in words.
#pragma once

#include <string>
#include <vector>

#include "gguf-inspect/integrity.hpp"
#include "ggufmap/model.hpp"
#include "ggufmap/scan.hpp"
#include "ggufmap/weight_digests.hpp"

namespace ggufmap::inspect {

struct ScanNote {
    std::string tensor;
    std::string codes;  ///< "nan=3,absurd=1,first=0x40", without spaces
    bool bad;           ///< not merely odd
};

/// One for each tensor of a scan about which there is something to say.
std::vector<ScanNote> scan_notes(const Model& model, const WeightReport& report);
bool bad(const std::vector<ScanNote>& notes);
/// All of it as a member "scan" of the object that a model has in the JSON document.
void write_scan(const Weights& weights, const WeightReport& report);

/// The same for one tensor; empty where there is nothing to say. `tail`: its file is zero from inside it on.
ScanNote scan_note(const ModelTensor& tensor, const TensorScan& scan, const ZeroTail* tail);

/// The zero tail that a tensor is part of, null where there is none.
const ZeroTail* tail_of(const std::vector<ZeroTail>& tails, const Selected& one);
/// Of the tensors that were scanned.
std::vector<ZeroTail> tails_of(const Model& model, const WeightReport& report);

}  // namespace ggufmap::inspect
