// The way into a network for rows of a table: encoded columns to what its layers begin with, a row at a time.
//
// No number of a row depends on other rows, nor on how many there are. Sizes: B rows, F columns of numbers, C of codes.

#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "dense.h"

namespace denseq {

constexpr int64_t kKnots = 32;  // of a block that is searched at once, a multiple of kLanes

// In the order of SCALINGS in nets/kernels/tables.py.
enum class Scaling : int64_t { kNone, kStandard, kRobust, kQuantile };

// How columns of numbers are scaled: nets/inputs.py, `scale_numbers`.
struct Scales {
  int64_t scaling, n_knots, n_blocks;
  const float *fill, *center, *scale;  // [F] each; the last two null where nothing reads them
  // Of quantiles: [F, n_blocks, kKnots], infinities behind the n_knots of a column; the last of each block, as many filled up
  // to whole vectors; [n_knots].
  const float *knots, *ends, *shares;
};

// How many of `n_vectors` vectors of numbers are at most x.
DENSEQ_INLINE int64_t count_up_to(const float* numbers, int64_t n_vectors, float x) {
  const Vector all = broadcast(x);
#if defined(__AVX512F__)
  int64_t n = 0;
  for (int64_t v = 0; v < n_vectors; ++v)
    n += __builtin_popcount(_mm512_cmp_ps_mask((__m512)load(numbers + v * kLanes), (__m512)all, _CMP_LE_OQ));
  return n;
#else
  Whole n{};
  for (int64_t v = 0; v < n_vectors; ++v) n -= load(numbers + v * kLanes) <= all;
  int64_t sum = 0;
  for (int lane = 0; lane < kLanes; ++lane) sum += n[lane];
  return sum;
#endif
}

// The same of numbers in increasing order, `n` blocks of kKnots, the last of each of which stands in `ends` too.
DENSEQ_INLINE int64_t count_knots(const float* sorted, const float* ends, int64_t n, float x) {
  const int64_t block = std::min(count_up_to(ends, padded(n) / kLanes, x), n - 1);
  return block * kKnots + count_up_to(sorted + block * kKnots, kKnots / kLanes, x);
}

// The natural logarithm of x > 0, by Cephes' polynomial.
DENSEQ_INLINE Vector logarithm(Vector x) {
  const Bits bits = (Bits)x;
  Vector e = __builtin_convertvector((Whole)(bits >> 23) - 126, Vector);
  Vector m = (Vector)((bits & 0x007FFFFFu) | 0x3F000000u);  // in [1/2, 1)
  const auto small = m < 0.70710678f;
  e = small ? e - 1.0f : e;
  m = (small ? m + m : m) - 1.0f;
  const Vector s = m * m;
  Vector sum = m * 7.0376836292e-2f - 1.1514610310e-1f;
  sum = sum * m + 1.1676998740e-1f;
  sum = sum * m - 1.2420140846e-1f;
  sum = sum * m + 1.4249322787e-1f;
  sum = sum * m - 1.6668057665e-1f;
  sum = sum * m + 2.0000714765e-1f;
  sum = sum * m - 2.4999993993e-1f;
  sum = sum * m + 3.3333331174e-1f;
  return m + (sum * m * s + e * -2.12194440e-4f - 0.5f * s) + e * 0.693359375f;
}

template <std::size_t N>
DENSEQ_INLINE Vector polynomial(const float (&highest_first)[N], Vector x) {
  Vector sum = broadcast(highest_first[0]);
  for (std::size_t i = 1; i < N; ++i) sum = sum * x + highest_first[i];
  return sum;
}

// The quantile function of the normal distribution for p from 1e-7 to 1 - 1e-7, by the rational functions of Cephes that
// jax.scipy.special.ndtri has too.
inline Vector normal_quantile(Vector p) {
  constexpr float kOver[] = {-5.99633501014107895267e1f, 9.80010754185999661536e1f, -5.66762857469070293439e1f, 1.39312609387279679503e1f,
                             -1.23916583867381258016e0f};
  constexpr float kUnder[] = {1.0f, 1.95448858338141759834e0f, 4.67627912898881538453e0f, 8.63602421390890590575e1f, -2.25462687854119370527e2f,
                              2.00260212380060660359e2f, -8.20372256168333339912e1f, 1.59056225126211695515e1f, -1.18331621121330003142e0f};
  constexpr float kFarOver[] = {4.05544892305962419923e0f, 3.15251094599893866154e1f, 5.71628192246421288162e1f, 4.40805073893200834700e1f,
                                1.46849561928858024014e1f, 2.18663306850790267539e0f, -1.40256079171354495875e-1f, -3.50424626827848203418e-2f,
                                -8.57456785154685413611e-4f};
  constexpr float kFarUnder[] = {1.0f, 1.57799883256466749731e1f, 4.53907635128879210584e1f, 4.13172038254672030440e1f, 1.50425385692907503408e1f,
                                 2.50464946208309415979e0f, -1.42182922854787788574e-1f, -3.80806407691578277194e-2f, -9.33259480895457427372e-4f};
  constexpr float kTail = 0.135335283f;  // e^-2
  const auto upper = p > 1.0f - kTail;
  const Vector low = upper ? 1.0f - p : p, w = low - 0.5f, s = w * w;
  const Vector middle = (w + w * s * (polynomial(kOver, s) / polynomial(kUnder, s))) * -2.50662827f;
  const Vector z = square_root(logarithm(low) * -2.0f), inverse = 1.0f / z;
  const Vector tail = z - logarithm(z) / z - polynomial(kFarOver, inverse) / polynomial(kFarUnder, inverse) / z;
  const Vector x = low > kTail ? middle : tail;
  return upper ? x : -x;
}

// Scales `n` rows of numbers [n, F], which are filled where they are no numbers.
inline void scale_rows(const Scales& scales, const float* numbers, int64_t n, int64_t n_columns, float* scaled) {
  for (int64_t i = 0; i < n; ++i)
    for (int64_t f = 0; f < n_columns; ++f) {
      const int64_t at = i * n_columns + f;
      const float x = std::isnan(numbers[at]) ? scales.fill[f] : numbers[at];
      switch (static_cast<Scaling>(scales.scaling)) {
        case Scaling::kNone: scaled[at] = x; break;
        case Scaling::kStandard: scaled[at] = (x - scales.center[f]) / scales.scale[f]; break;
        case Scaling::kRobust: {
          const float z = (x - scales.center[f]) / scales.scale[f];
          scaled[at] = z / std::hypot(1.0f, z / 3.0f);
          break;
        }
        case Scaling::kQuantile: {
          const float *knots = scales.knots + f * scales.n_blocks * kKnots, *ends = scales.ends + f * padded(scales.n_blocks);
          const int64_t last = scales.n_knots - 1, k = std::clamp<int64_t>(count_knots(knots, ends, scales.n_blocks, x), 1, last);
          const float width = knots[k] - knots[k - 1], rise = scales.shares[k] - scales.shares[k - 1];
          float share = scales.shares[k - 1];
          if (width > 1.5e-14f) share += (x - knots[k - 1]) / width * rise;
          share = x < knots[0] ? scales.shares[0] : x > knots[last] ? scales.shares[last] : share;
          scaled[at] = share;
        }
      }
    }
  if (static_cast<Scaling>(scales.scaling) != Scaling::kQuantile) return;
  for (int64_t at = 0; at < n * n_columns; at += kLanes) {
    const int64_t n_left = n * n_columns - at;
    store_part(scaled + at, normal_quantile(clamp(load_part(scaled + at, n_left), 1e-7f, 1.0f - 1e-7f)), n_left);
  }
}

}  // namespace denseq
