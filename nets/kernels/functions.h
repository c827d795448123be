// Activations in vectors: each gives its value and its derivative at once.

#pragma once

#include "vectors.h"

namespace denseq {

// e^x - 1 as part * scale + (scale - 1), and e^x as part * scale + scale: scale is 2^n, part e^r - 1 with r in +-ln(2)/2
// (Cephes' polynomial). x between -87 and 88.
struct Power {
  Vector part, scale;
  Vector value() const { return part * scale + scale; }
  Vector less_one() const { return part * scale + (scale - 1.0f); }
};

DENSEQ_INLINE Power power_within(Vector x) {
  constexpr float magic = 12582912.0f + 127.0f;  // as in `sigmoid`
  const Vector shifted = x * 1.44269504f + magic;
  const Vector n = shifted - magic;
  Vector r = x - n * 0.693359375f;
  r = r + n * 2.12194440e-4f;
  Vector sum = r * 1.9875691500e-4f + 1.3981999507e-3f;
  sum = sum * r + 8.3334519073e-3f;
  sum = sum * r + 4.1665795894e-2f;
  sum = sum * r + 1.6666665459e-1f;
  sum = sum * r + 5.0000001201e-1f;
  return {r * r * sum + r, (Vector)((Bits)shifted << 23)};
}

// The same of any x, as at the nearer of these ends.
DENSEQ_INLINE Power power(Vector x) { return power_within(clamp(x, -87.0f, 88.0f)); }

// e^x = 2^n 2^r, x between -87 and 87, exact to a few units in the last place: n is added to the exponent of 2^r.
DENSEQ_INLINE Vector short_power(Vector x) {
  constexpr float magic = 12582912.0f;
  const Vector y = x * 1.44269504f, shifted = y + magic, r = y - (shifted - magic);
  Vector sum = r * 1.326472721e-3f + 9.671512813e-3f;
  sum = sum * r + 5.550733745e-2f;
  sum = sum * r + 2.402224208e-1f;
  sum = sum * r + 6.931469776e-1f;
  sum = sum * r + 1.0f;
  return (Vector)((Bits)sum + ((Bits)shifted << 23));
}

// log(1 + u) for u from 0 to 1: 2 artanh(t) with t = u / (2 + u) <= 1/3, by its series.
DENSEQ_INLINE Vector log_one_plus(Vector u) {
  const Vector t = u / (u + 2.0f), s = t * t;
  Vector sum = s * (1.0f / 15) + 1.0f / 13;
  sum = sum * s + 1.0f / 11;
  sum = sum * s + 1.0f / 9;
  sum = sum * s + 1.0f / 7;
  sum = sum * s + 1.0f / 5;
  sum = sum * s + 1.0f / 3;
  return 2.0f * (t * s * sum + t);
}

// The error function, by the rational function of degree 9 over 12 that Eigen and XLA use.
DENSEQ_INLINE Vector error_function(Vector x) {
  x = clamp(x, -3.832506856900711f, 3.832506856900711f);
  const Vector s = x * x;
  Vector over = s * 0.00022905065861350646f + 0.0034082910107109506f;
  over = over * s + 0.050955695062380861f;
  over = over * s + 0.18520832239976145f;
  over = over * s + 1.128379143519084f;
  Vector under = s * -1.1791602954361697e-7f + 0.000023547966471313185f;
  under = under * s + 0.0010179625278914885f;
  under = under * s + 0.014070470171167667f;
  under = under * s + 0.11098505178285362f;
  under = under * s + 0.49746925110067538f;
  under = under * s + 1.0f;
  return clamp(x * over / under, -1.0f, 1.0f);
}

struct Point {
  Vector value, slope;
};

// In the order of ACTIVATIONS in nets/kernels/dense.py.
enum class Activation : int64_t { kRelu, kLinear, kLeakyRelu, kElu, kSelu, kSilu, kMish, kGelu, kSoftplus, kSigmoid, kTanh, kEnd };

// `low` below zero, `high` from there on, for a NaN too.
DENSEQ_INLINE Vector by_sign(Vector z, Vector low, Vector high) { return z < 0.0f ? low : high; }

template <Activation KIND>
DENSEQ_INLINE Point activate(Vector z) {
  const Vector one = broadcast(1.0f);
  if constexpr (KIND == Activation::kRelu) return {z < 0.0f ? Vector{} : z, z > 0.0f ? one : Vector{}};
  if constexpr (KIND == Activation::kLinear) return {z, one};
  if constexpr (KIND == Activation::kLeakyRelu) return {by_sign(z, 0.2f * z, z), by_sign(z, broadcast(0.2f), one)};
  if constexpr (KIND == Activation::kElu || KIND == Activation::kSelu) {
    constexpr bool is_elu = KIND == Activation::kElu;
    constexpr float alpha = is_elu ? 1.0f : 1.6732632423543772f, scale = is_elu ? 1.0f : 1.0507009873554805f;
    const Power e = power(z);
    return {scale * (z > 0.0f ? z : alpha * e.less_one()), scale * (z > 0.0f ? one : alpha * e.value())};
  }
  if constexpr (KIND == Activation::kSilu) {
    const Vector s = sigmoid(z);
    return {z * s, s + z * s * (1.0f - s)};
  }
  if constexpr (KIND == Activation::kMish) {
    // tanh(log(1 + e)) is n / (n + 2) with n = e (e + 2), and from z = 20 on 1.
    const Vector e = power_within(clamp(z, -87.0f, 20.0f)).value(), n = e * (e + 2.0f), r = reciprocal(n + 2.0f);
    const Vector t = n * r;
    return {z * t, t + z * (4.0f * e * (e + 1.0f) * r * r)};
  }
  if constexpr (KIND == Activation::kGelu) {
    const Vector share = error_function(z * 0.70710678f) * 0.5f + 0.5f;
    return {z * share, share + z * (0.39894228f * power(z * z * -0.5f).value())};
  }
  if constexpr (KIND == Activation::kSoftplus) {
    const Vector size = z < 0.0f ? -z : z;
    return {log_one_plus(power(-size).value()) + (z < 0.0f ? Vector{} : z), sigmoid(z)};
  }
  if constexpr (KIND == Activation::kSigmoid) {
    const Vector s = sigmoid(z);
    return {s, s * (1.0f - s)};
  }
  if constexpr (KIND == Activation::kTanh) {
    const Vector t = tanh(z);
    return {t, 1.0f - t * t};
  }
}

// z + slope x (a(z) - z), of which there is no derivative here.
template <Activation KIND>
DENSEQ_INLINE Vector with_slope(Vector z, Vector slope) {
  if constexpr (KIND == Activation::kMish) {
    // 1 - tanh(log(1 + e)) is 2 / ((e + 1)^2 + 1), in which the error of a shorter polynomial, of 2^r, does not weigh.
    const Vector more = short_power(clamp(z, -87.0f, 20.0f)) + 1.0f;
    return z - z * (2.0f * slope * reciprocal(more * more + 1.0f));
  }
  return z + slope * (activate<KIND>(z).value - z);
}

}  // namespace denseq
