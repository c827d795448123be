// Vectors of the machine's own width, the two functions of an LSTM's gates, and the one matrix product that all of
// its passes are made of.
//
// GCC's vector extensions (clang has them too) keep one source for every instruction set; the flags of the compilation
// choose it. A library is therefore made per instruction set and loaded only where the machine has it.

#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

#if defined(__AVX512F__) || defined(__AVX2__)
#include <immintrin.h>
#endif

#define DENSEQ_INLINE inline __attribute__((always_inline))

namespace denseq {

// kLanes: numbers in a register. kTile: rows of a tile, so that rows x 4 sums, the row's number and the weights beside
// them fill the registers (32, or 16 with AVX2) and spill none.
#if defined(__AVX512F__)
constexpr int kLanes = 16, kTile = 6;
#elif defined(__AVX2__) && defined(__FMA__)
constexpr int kLanes = 8, kTile = 3;
#elif defined(__ARM_NEON)
constexpr int kLanes = 4, kTile = 6;
#else
#error "no vector instructions that this kernel knows: the portable path is for this machine"
#endif
constexpr int kGates = 4;
constexpr int kBlock = kGates * kLanes;  // the gates of kLanes hidden units stand together

typedef float Vector __attribute__((vector_size(kLanes * sizeof(float))));
typedef uint32_t Bits __attribute__((vector_size(kLanes * sizeof(uint32_t))));

DENSEQ_INLINE Vector load(const float* from) {
  Vector value;
  std::memcpy(&value, from, sizeof(value));
  return value;
}

DENSEQ_INLINE void store(float* to, Vector value) { std::memcpy(to, &value, sizeof(value)); }

// The first `n` numbers, zeros after them.
DENSEQ_INLINE Vector load_part(const float* from, int64_t n) {
  if (n >= kLanes) return load(from);
  Vector value{};
  std::memcpy(&value, from, n * sizeof(float));
  return value;
}

DENSEQ_INLINE void store_part(float* to, Vector value, int64_t n) {
  if (n >= kLanes) return store(to, value);
  std::memcpy(to, &value, n * sizeof(float));
}

// Subtraction of zero, unlike its addition, is what GCC folds into one broadcasting load.
DENSEQ_INLINE Vector broadcast(float value) { return value - Vector{}; }

// 1 / b: a division would stand in the way of the products around it. Exact where b is 1; b of at most 2^126.
DENSEQ_INLINE Vector reciprocal(Vector b) {
#if defined(__AVX512F__)
  const Vector guess = (Vector)_mm512_maskz_rcp14_ps(0xffff, (__m512)b);
  return guess + guess * (1.0f - b * guess);
#elif defined(__AVX2__)
  const Vector guess = (Vector)_mm256_rcp_ps((__m256)b);
  const Vector error = 1.0f - b * guess;
  return guess + guess * (error + error * error);
#else
  return 1.0f / b;
#endif
}

DENSEQ_INLINE Vector square_root(Vector x) {
#if defined(__AVX512F__)
  // A mask all of whose bits are set costs nothing; without it gcc warns of its header.
  return (Vector)_mm512_maskz_sqrt_ps((__mmask16)-1, (__m512)x);
#elif defined(__AVX2__)
  return (Vector)_mm256_sqrt_ps((__m256)x);
#else
  for (int lane = 0; lane < kLanes; ++lane) x[lane] = std::sqrt(x[lane]);
  return x;
#endif
}

// x between `least` and `most`. A NaN stays one.
DENSEQ_INLINE Vector clamp(Vector x, float least, float most) {
  const Vector low = broadcast(least), high = broadcast(most);
#if defined(__AVX512F__)
  // The second where one is no number. Masks, all of whose bits are set, cost nothing; without them gcc warns of its header.
  const __m512 most_x = _mm512_mask_min_ps((__m512)high, (__mmask16)-1, (__m512)high, (__m512)x);
  return (Vector)_mm512_mask_max_ps((__m512)low, (__mmask16)-1, (__m512)low, most_x);
#elif defined(__AVX2__)
  return (Vector)_mm256_max_ps((__m256)low, _mm256_min_ps((__m256)high, (__m256)x));
#else
  x = high < x ? high : x;
  return low > x ? low : x;
#endif
}

// tanh by the odd rational function of degree 13 over 6 that Eigen and XLA use, exact to 4 units in the last place of
// the result's own size, and +-1 beyond 9.03: float32 rounds to it from 9.01. A NaN stays one.
DENSEQ_INLINE Vector tanh(Vector x) {
  const Vector most = broadcast(81.5f);  // beyond its root the quotient grows with x, past 1
  Vector s = x * x;
  s = most < s ? most : s;
  Vector over = s * -2.76076847742355e-16f + 2.00018790482477e-13f;
  over = over * s - 8.60467152213735e-11f;
  over = over * s + 5.12229709037114e-08f;
  over = over * s + 1.48572235717979e-05f;
  over = over * s + 6.37261928875436e-04f;
  over = over * s + 4.89352455891786e-03f;
  Vector under = s * 1.19825839466702e-06f + 1.18534705686654e-04f;
  under = under * s + 2.26843463243900e-03f;
  under = under * s + 4.89352518554385e-03f;
  return clamp(x * over * reciprocal(under), -1.0f, 1.0f);
}

// 1 / (1 + e^-x), with an error of a few units in the last place of the result's own size: 1 from where float32 rounds
// to it, and as small as it is on the other side, down to sigmoid(-87). A NaN stays one.
//
// e^-x = 2^n e^r with r in +-ln(2)/2, and e^r by a polynomial. The sum with `magic` rounds to an integer, whose last
// bits are then those of n + 127: shifted into place they are 2^n.
DENSEQ_INLINE Vector sigmoid(Vector x) {
  constexpr float magic = 12582912.0f + 127.0f;
  x = clamp(x, -87.0f, 87.0f);
  const Vector shifted = x * -1.44269504f + magic;
  const Vector n = shifted - magic;
  const Vector r = n * -0.693147181f - x;
  Vector power = r * 8.29028919e-03f + 4.18980681e-02f;
  power = power * r + 1.66676374e-01f;
  power = power * r + 4.99991485e-01f;
  power = power * r + 9.99999707e-01f;
  power = power * r + 1.0f;
  const Vector scale = (Vector)((Bits)shifted << 23);
  return reciprocal(power * scale + 1.0f);
}

// Where the left factor of a product stands: number (row, k) at data[row * row_step + k * k_step], k below `n`; and
// `n_slices` such slices of k, slice_step apart.
struct Left {
  const float* data;
  ptrdiff_t row_step, k_step;
  int64_t n, n_slices;
  ptrdiff_t slice_step;
};

// sums[row][v] += the product of `left`'s first ROWS rows with `right`, whose row k has VECTORS vectors at
// right + k * right_step. Each sum is of PARTS, so that the additions of one need not wait for another's: by a choice that
// no row's neighbours have a say in, because it decides the last bit.
template <int ROWS, int VECTORS, int PARTS>
DENSEQ_INLINE void multiply_add(Vector (&sums)[ROWS][VECTORS], const Left& left, const float* right, ptrdiff_t right_step) {
  Vector parts[PARTS][ROWS][VECTORS] = {};
  for (int r = 0; r < ROWS; ++r)
    for (int v = 0; v < VECTORS; ++v) parts[0][r][v] = sums[r][v];
  auto step = [&](const float* a, int p) __attribute__((always_inline)) {
    Vector w[VECTORS];
#pragma GCC unroll 4
    for (int v = 0; v < VECTORS; ++v) w[v] = load(right + v * kLanes);
#pragma GCC unroll 8
    for (int r = 0; r < ROWS; ++r) {
      const Vector number = broadcast(a[r * left.row_step]);
#pragma GCC unroll 4
      for (int v = 0; v < VECTORS; ++v) parts[p][r][v] += number * w[v];
    }
    right += right_step;
  };
  for (int64_t slice = 0; slice < left.n_slices; ++slice) {
    const float* a = left.data + slice * left.slice_step;
    int64_t k = 0;
    for (; k + PARTS <= left.n; k += PARTS) {
#pragma GCC unroll 4
      for (int p = 0; p < PARTS; ++p, a += left.k_step) step(a, p);
    }
    for (; k < left.n; ++k, a += left.k_step) step(a, 0);
  }
  for (int r = 0; r < ROWS; ++r)
    for (int v = 0; v < VECTORS; ++v) {
      sums[r][v] = parts[0][r][v];
      for (int p = 1; p < PARTS; ++p) sums[r][v] += parts[p][r][v];
    }
}

// Calls body(first row, integral constant of its rows) over `n` rows in tiles of at most kTile, as equal as can be: a
// tile of one row after full ones would cost nearly what they do.
template <typename Body>
DENSEQ_INLINE void for_tiles(int64_t n, const Body& body) {
  const int64_t n_tiles = (n + kTile - 1) / kTile;
  for (int64_t tile = 0; tile < n_tiles; ++tile) {
    const int64_t row = tile * n / n_tiles;
    switch ((tile + 1) * n / n_tiles - row) {
      case 1: body(row, std::integral_constant<int, 1>()); break;
      case 2: body(row, std::integral_constant<int, 2>()); break;
      case 3: body(row, std::integral_constant<int, 3>()); break;
#if !defined(__AVX2__) || defined(__AVX512F__)
      case 4: body(row, std::integral_constant<int, 4>()); break;
      case 5: body(row, std::integral_constant<int, 5>()); break;
      case 6: body(row, std::integral_constant<int, 6>()); break;
#endif
    }
  }
}

}  // namespace denseq
