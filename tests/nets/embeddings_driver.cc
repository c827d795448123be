// The embeddings' kernel alone, without XLA, for sanitizers and for machines that are only emulated: both passes over odd
// sizes on several threads, against plain loops in double. Exit code 1 and a line for what is wrong.
//
// Arrays are of exactly their size on the heap, so that a read or write beyond one is seen.

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <vector>

#include "driver.h"
#include "embeddings.h"
#include "parallel.h"


constexpr int64_t kThreads = 3, kColumns = 5;

static double compare_bins(int64_t rows, int64_t n_edges, int64_t size) {
  const int64_t n_bins = n_edges - 1, n_own = kColumns * size;
  Floats x = random_numbers(rows * kColumns, 1.5f), edges = random_numbers(kColumns * n_edges), pull = random_numbers(rows * n_own);
  const Floats kernel = random_numbers(n_own), bias = random_numbers(n_own), bins = random_numbers(n_own * n_bins);
  for (int64_t f = 0; f < kColumns; ++f) {
    float* own = &edges[f * n_edges];
    if (n_edges > 3) own[2] = own[1];  // a bin without width
    std::sort(own, own + n_edges);
    if (f == 3) std::fill_n(own, n_edges, 0.5f);
  }
  for (int64_t row = 0; row < rows; row += 3) x[row * kColumns] = edges[row % n_edges];
  Floats h(rows * n_own), dkernel(n_own), dbias(n_own), dbins(bins.size());
  denseq::parallel(kColumns, kThreads, [&](int64_t f) {
    const denseq::BinColumn column(&edges[f * n_edges], n_edges);
    const denseq::Column own{&x[f], kColumns};
    column.forward(own, rows, &kernel[f * size], &bias[f * size], &bins[f * n_bins * size], size, &h[f * size], n_own);
    column.backward(own, rows, {&pull[f * size], n_own}, size, &dkernel[f * size], &dbias[f * size], &dbins[f * n_bins * size]);
  });
  Doubles th(h.size()), tkernel(n_own), tbias(n_own), tbins(bins.size());
  for (int64_t f = 0; f < kColumns; ++f) {
    const float* own = &edges[f * n_edges];
    if (!(own[n_bins] > own[0])) continue;
    for (int64_t row = 0; row < rows; ++row)
      for (int64_t k = 0; k < size; ++k) {
        const int64_t at = row * n_own + f * size + k, unit = f * size + k;
        const double number = x[row * kColumns + f], d = pull[at];
        th[at] = number * kernel[unit] + bias[unit];
        tkernel[unit] += number * d, tbias[unit] += d;
        for (int64_t e = 0; e < n_bins; ++e) {
          const double width = own[e + 1] - own[e];
          if (!(width > 0)) continue;
          const double share = std::min(1.0, std::max(0.0, (number - own[e]) / std::max(width, 1e-6)));
          th[at] += share * bins[(f * n_bins + e) * size + k];
          tbins[(f * n_bins + e) * size + k] += share * d;
        }
      }
  }
  return std::max({difference(h, th), difference(dkernel, tkernel), difference(dbias, tbias), difference(dbins, tbins)});
}

static double compare_waves(int64_t rows, int64_t n_waves) {
  constexpr int64_t kMapped = denseq::WaveColumn::kMapped, kFeatures = denseq::WaveColumn::kFeatures;
  const int64_t n = kColumns * n_waves;
  const Floats x = random_numbers(rows * kColumns), frequency = random_numbers(n, 0.3f), phase = random_numbers(n, 3);
  const Floats kernel = random_numbers(n * kMapped), bias = random_numbers(kColumns * kMapped), pull = random_numbers(rows * kColumns * kFeatures);
  Floats h(pull.size()), dfrequency(n), dphase(n), dkernel(kernel.size()), dbias(bias.size());
  denseq::parallel(kColumns, kThreads, [&](int64_t f) {
    const int64_t at = f * n_waves;
    const denseq::WaveColumn column(&frequency[at], &phase[at], &kernel[at * kMapped], n_waves);
    const denseq::Column own{&x[f], kColumns};
    column.forward(own, rows, &bias[f * kMapped], &h[f * kFeatures], kColumns * kFeatures);
    column.backward(own, rows, {&pull[f * kFeatures], kColumns * kFeatures}, &dfrequency[at], &dphase[at], &dkernel[at * kMapped], &dbias[f * kMapped]);
  });
  Doubles th(h.size()), tfrequency(n), tphase(n), tkernel(kernel.size()), tbias(bias.size());
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t f = 0; f < kColumns; ++f) {
      const int64_t at = (row * kColumns + f) * kFeatures;
      const double turn = 2 * M_PI * x[row * kColumns + f];
      for (int64_t j = 0; j < kMapped; ++j) th[at + j] = bias[f * kMapped + j], tbias[f * kMapped + j] += pull[at + j];
      th[at + kMapped] = x[row * kColumns + f];
      for (int64_t e = f * n_waves; e < (f + 1) * n_waves; ++e) {
        const double angle = turn * frequency[e] + phase[e];
        double rise = 0;
        for (int64_t j = 0; j < kMapped; ++j) {
          th[at + j] += std::cos(angle) * kernel[e * kMapped + j];
          tkernel[e * kMapped + j] += std::cos(angle) * pull[at + j];
          rise -= std::sin(angle) * kernel[e * kMapped + j] * pull[at + j];
        }
        tphase[e] += rise, tfrequency[e] += rise * turn;
      }
    }
  return std::max({difference(h, th), difference(dfrequency, tfrequency), difference(dphase, tphase), difference(dkernel, tkernel),
                   difference(dbias, tbias)});
}

int main() {
  int n_wrong = 0;
  const auto tell = [&](const char* what, int64_t rows, int64_t parts, double worst) {
    if (worst < 2e-6) return;
    ++n_wrong;
    std::printf("%s: rows %d parts %d: %.2g\n", what, int(rows), int(parts), worst);
  };
  for (int64_t rows : {1, 15, 256, 257, 600})
    for (int64_t parts : {2, 5, 49}) {
      for (int64_t size : {1, 16, 19}) tell("bins", rows, parts, compare_bins(rows, parts, size));
      tell("waves", rows, parts, compare_waves(rows, parts));
    }
  std::printf("%d lanes: %d things wrong\n", denseq::kLanes, n_wrong);
  return n_wrong > 0;
}
