// The dense layers' kernel alone, without XLA, for sanitizers and for machines that are only emulated: both passes over
// odd sizes on several threads, against plain loops in double. Exit code 1 and a line for what is wrong.
//
// Arrays are of exactly their size on the heap, so that a read or write beyond one is seen.

#include <cmath>
#include <cstdio>
#include <vector>

#include "dense.h"
#include "driver.h"
#include "parallel.h"

using denseq::Activation;

constexpr double kOther = 1e30;  // of passes whose threads decide a bit

// What dropout draws for a number: one at a time, as nets/dropout.py says it.
static uint32_t drawn(const denseq::Draw& draw, uint32_t place) {
  uint32_t bits = (place + draw.offset) * 0x9E3779B9u ^ draw.first;
  bits = (bits ^ (bits >> 16)) * 0x7FEB352Du;
  bits = (bits ^ (bits >> 15) ^ draw.second) * 0x846CA68Bu;
  bits ^= bits >> 16;
  return bits;
}

static double value_of(Activation kind, double z) {
  return kind == Activation::kRelu ? std::max(z, 0.0) : kind == Activation::kMish ? z * std::tanh(std::log1p(std::exp(z))) : std::tanh(z);
}

static double compare(int64_t rows, const std::vector<int64_t>& widths, Activation kind, bool sloped, float threshold) {
  const bool drops = threshold >= 0;
  const std::size_t n = widths.size() - 1;
  const denseq::Draw draw{123, 456, 7, threshold, 1 / 0.75f};
  Floats x = random_numbers(rows * widths[0]), pull = random_numbers(rows * widths[n]), dx(x.size());
  std::vector<Floats> kernels, biases, slopes, hs, factors, beyonds, dkernels, dbiases, dslopes;
  for (std::size_t l = 0; l < n; ++l) {
    const int64_t inputs = widths[l], outputs = widths[l + 1];
    kernels.push_back(random_numbers(inputs * outputs)), biases.push_back(random_numbers(outputs)), slopes.push_back(random_numbers(outputs));
    for (auto* all : {&hs, &factors, &beyonds}) all->push_back(Floats(rows * outputs));
    dkernels.push_back(Floats(inputs * outputs)), dbiases.push_back(Floats(outputs)), dslopes.push_back(Floats(outputs));
  }
  denseq::DenseStack stack{{}, x.data(), rows, kind};
  std::vector<denseq::DenseGradient> gradients;
  for (std::size_t l = 0; l < n; ++l) {
    const bool factor = sloped || kind != Activation::kRelu;
    stack.layers.push_back({widths[l], widths[l + 1], kernels[l].data(), biases[l].data(), sloped ? slopes[l].data() : nullptr,
                            0.5f, drops ? &draw : nullptr, hs[l].data(), factor ? factors[l].data() : nullptr, sloped ? beyonds[l].data() : nullptr});
    gradients.push_back({dkernels[l].data(), dbiases[l].data(), dslopes[l].data()});
  }
  denseq::Scratch scratch;
  const auto pass_with = [&](const denseq::Threads& threads) {
    const int64_t count = threads.count;
    const auto run = [&](const auto& pass) {
      denseq::parallel(4, count, [&](int64_t part, int64_t thread) { pass.run(part * rows / 4, (part + 1) * rows / 4, thread); });
    };
    const denseq::ForwardStack forward(stack, threads, scratch);
    denseq::parallel(forward.count(), count, [&](int64_t i) { forward.pack(i); });
    run(forward);
    forward.finish();
    const denseq::BackwardStack backward(stack, pull.data(), dx.data(), gradients, threads, scratch);
    denseq::parallel(backward.panels(), count, [&](int64_t i) { backward.pack(i); });
    run(backward);
    denseq::parallel(backward.tasks(), count, [&](int64_t i) { backward.sum(i); });
    backward.finish();
    std::vector<Floats> made{dx};
    for (const auto* all : {&hs, &factors, &beyonds, &dkernels, &dbiases, &dslopes}) made.insert(made.end(), all->begin(), all->end());
    return made;
  };
  const std::vector<Floats> alone = pass_with({1, false});
  for (const denseq::Threads& threads : {denseq::Threads{3, false}, {3, true}, {5, true}})
    if (pass_with(threads) != alone) return kOther;

  double worst = 0;
  std::vector<Doubles> inputs{Doubles(x.begin(), x.end())}, rises, parts;
  for (std::size_t l = 0; l < n; ++l) {
    Doubles h(rows * widths[l + 1]), rise(h.size()), part(h.size());
    for (int64_t row = 0; row < rows; ++row)
      for (int64_t unit = 0; unit < widths[l + 1]; ++unit) {
        const int64_t at = row * widths[l + 1] + unit;
        double z = 0;
        for (int64_t k = 0; k < widths[l]; ++k) z += 0.5 * inputs[l][row * widths[l] + k] * kernels[l][k * widths[l + 1] + unit];
        z += biases[l][unit];
        const double s = sloped ? slopes[l][unit] : 1, keep = !drops ? 1 : static_cast<float>(drawn(draw, static_cast<uint32_t>(at)) >> 8) >= threshold ? draw.scale : 0;
        const double d = kind == Activation::kRelu && std::abs(z) < 1e-6 ? z > 0 : (value_of(kind, z + 1e-6) - value_of(kind, z - 1e-6)) / 2e-6;
        h[at] = keep * (z + s * (value_of(kind, z) - z));
        rise[at] = keep * (1 + s * (d - 1));
        part[at] = keep * (value_of(kind, z) - z);
      }
    worst = std::max(worst, difference(hs[l], h));
    inputs.push_back(h), rises.push_back(rise), parts.push_back(part);
  }
  Doubles d(pull.begin(), pull.end());
  for (std::size_t l = n; l-- > 0;) {
    Doubles kernel(dkernels[l].size()), bias(widths[l + 1]), slope(widths[l + 1]), below(rows * widths[l]);
    for (int64_t row = 0; row < rows; ++row)
      for (int64_t unit = 0; unit < widths[l + 1]; ++unit) {
        const int64_t at = row * widths[l + 1] + unit;
        const double dz = d[at] * rises[l][at];
        bias[unit] += dz, slope[unit] += d[at] * parts[l][at];
        for (int64_t k = 0; k < widths[l]; ++k) {
          kernel[k * widths[l + 1] + unit] += 0.5 * dz * inputs[l][row * widths[l] + k];
          below[row * widths[l] + k] += 0.5 * dz * kernels[l][k * widths[l + 1] + unit];
        }
      }
    worst = std::max({worst, difference(dkernels[l], kernel), difference(dbiases[l], bias)});
    if (sloped) worst = std::max(worst, difference(dslopes[l], slope));
    d = below;
  }
  return std::max(worst, difference(dx, d));
}

int main() {
  int n_wrong = 0;
  const std::vector<int64_t> shapes[] = {{1, 1, 1}, {7, 3, 18, 5}, {101, 17, 70, 33}, {200, 70, 130}, {520, 5, 40}};
  // No dropout; a rate; one that a number meets, and one that is just above it; all numbers, and none.
  uint32_t place = 0, bits;
  do bits = drawn({123, 456, 7, 0, 1}, place++);
  while (bits >> 31 || bits & 0xFF);  // of larger ones a float cannot be half above; and nothing is left of it below the 24 bits
  const float met = static_cast<float>(bits >> 8);
  const float thresholds[] = {-1, 0.25f * (1 << 24), met, met + 0.5f, 0, 1 << 24};
  const Activation kinds[] = {Activation::kRelu, Activation::kMish, Activation::kTanh};
  // A third of the product: each two of a shape, an activation, slopes and a threshold meet.
  int number = 0;
  for (const auto& shape : shapes) {
    for (int k = 0; k < 3; ++k)
      for (bool sloped : {false, true})
        for (int t = 0; t < 6; ++t) {
          if ((number + k + t + sloped) % 3) continue;
          const Activation kind = kinds[k];
          const float threshold = thresholds[t];
          const double worst = compare(shape[0], {shape.begin() + 1, shape.end()}, kind, sloped, threshold);
          if (worst < 2e-6) continue;
          ++n_wrong;
          std::printf("rows %d layers %d activation %d slopes %d threshold %g: %.2g\n", int(shape[0]), int(shape.size()) - 2, int(kind), sloped,
                      threshold, worst);
        }
    ++number;
  }
  std::printf("%d lanes: %d things wrong\n", denseq::kLanes, n_wrong);
  return n_wrong > 0;
}
