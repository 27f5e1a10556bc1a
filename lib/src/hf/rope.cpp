// Rotary position scaling: what the metadata says, and what only the factors in a tensor tell.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "hf/architecture.hpp"

namespace ggufmap::hf {
namespace {

/// Seven significant digits, for products of float32s: 0.707, not 0.7069999725.
double rounded(double number) { return std::stod(fmt::format("{:.7g}", number)); }

Array nodes(const std::vector<float>& values) { return {values.begin(), values.end()}; }

/// Meta's schedule of Llama 3.1: wavelengths below original/high stay, those above original/low are divided
/// by `factor`, those between are blended.
struct Llama3Schedule {
    double low;
    double high;
    std::uint64_t original;

    double factor_at(double wavelength, double factor) const {
        const auto length = static_cast<double>(original);
        if (wavelength < length / high) return 1;
        if (wavelength > length / low) return factor;
        const double smooth = (length / wavelength - low) / (high - low);
        return 1 / ((1 - smooth) / factor + smooth);
    }

    bool gives(const std::vector<float>& factors, double base, double largest) const {
        const auto dimensions = static_cast<double>(2 * factors.size());
        for (std::size_t i = 0; i < factors.size(); ++i) {
            const double wavelength =
                2 * std::numbers::pi * std::pow(base, static_cast<double>(2 * i) / dimensions);
            const double expected = factor_at(wavelength, largest);
            if (!(std::abs(expected - double{factors[i]}) < 1e-3 * std::max(1.0, expected))) return false;
        }
        return true;
    }
};

// Models keep the schedule only as its result, rope_freqs.weight: it is recovered by trying those in use.
std::optional<Llama3Schedule> llama3_schedule(const std::vector<float>& factors, double base, float largest) {
    for (const std::uint64_t original : {8192U, 4096U, 16384U, 32768U}) {
        for (const auto& [low, high] : {std::pair{1.0, 4.0}, std::pair{1.0, 32.0}, std::pair{2.0, 4.0}}) {
            const Llama3Schedule schedule{low, high, original};
            if (schedule.gives(factors, base, double{largest})) return schedule;
        }
    }
    return std::nullopt;
}

Node from_frequencies(const Facts& facts, const std::vector<float>& factors, Notes& notes) {
    const float largest = *std::max_element(factors.begin(), factors.end());
    const float base = facts.real("rope.freq_base").value_or(10000.0F);
    const bool fits = 2 * factors.size() == facts.head_size();
    if (const auto schedule = fits ? llama3_schedule(factors, double{base}, largest) : std::nullopt)
        return Object{{"rope_type", "llama3"},
                      {"factor", largest},
                      {"low_freq_factor", schedule->low},
                      {"high_freq_factor", schedule->high},
                      {"original_max_position_embeddings", schedule->original}};
    notes.push_back("rope_freqs is no llama3 schedule; written as a longrope factor for each dimension");
    Object out = {{"rope_type", "longrope"},
                  {"type", "longrope"},
                  {"long_factor", nodes(factors)},
                  {"short_factor", nodes(factors)},
                  {"attention_factor", 1.0}};
    if (const auto length = facts.number("context_length"))
        out.emplace_back("original_max_position_embeddings", *length);
    return out;
}

/// "type" is what transformers 4 before 4.45 and vLLM read, "rope_type" what came after.
Object scaling_of(const char* type) { return {{"type", type}, {"rope_type", type}}; }

std::optional<Node> from_metadata(const Facts& facts, std::string_view model_type) {
    const std::string_view type = facts.text("rope.scaling.type");
    const auto factor = facts.real("rope.scaling.factor");
    if (!factor || (type != "linear" && type != "yarn")) return std::nullopt;
    if (type == "linear") {
        Object out = scaling_of("linear");
        out.emplace_back("factor", *factor);
        return out;
    }
    Object out = scaling_of("yarn");
    out.emplace_back("factor", *factor);
    if (const auto length = facts.number("rope.scaling.original_context_length"))
        out.emplace_back("original_max_position_embeddings", *length);
    const auto multiplier = facts.real("rope.scaling.yarn_log_multiplier");
    if (multiplier && *multiplier != 0 && model_type.starts_with("deepseek")) {
        const double scale = rounded(10 * double{*multiplier});  // GGUF keeps mscale x 0.1
        out.emplace_back("mscale", scale);
        out.emplace_back("mscale_all_dim", scale);
        out.emplace_back("beta_fast", 32);
        out.emplace_back("beta_slow", 1);
    }
    return out;
}

}  // namespace

std::optional<Node> rope_scaling(const Facts& facts, std::string_view model_type, Notes& notes) {
    const auto longer = facts.vector_of("rope_factors_long.weight");
    const auto shorter = facts.vector_of("rope_factors_short.weight");
    if (!longer.empty() && !shorter.empty()) {
        Object out = scaling_of("longrope");
        out.emplace_back("long_factor", nodes(longer));
        out.emplace_back("short_factor", nodes(shorter));
        return out;
    }
    constexpr std::string_view llama_family[] = {"llama", "mixtral", "granite", "smollm3"};
    const bool is_llama =
        std::find(std::begin(llama_family), std::end(llama_family), model_type) != std::end(llama_family);
    if (const auto factors = facts.vector_of("rope_freqs.weight"); is_llama && !factors.empty())
        return from_frequencies(facts, factors, notes);
    return from_metadata(facts, model_type);
}

}  // namespace ggufmap::hf
