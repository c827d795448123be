// A step of Adam for the numbers of one parameter: one pass, whose arrays may be written where they are read.

#pragma once

#include <cstdint>

#include "vectors.h"

namespace denseq {

// What the step of every number goes by. 1 - beta is given beside beta: as a difference of floats it would lose digits.
// `scale` is that of the direction: minus the learning rate, times the correction of the means.
struct AdamRates {
  float beta1, rest1, beta2, rest2, epsilon, scale;
};

// A parameter, its gradient g, and the running means of g and of its square; with what becomes of all but the gradient.
struct AdamArrays {
  const float *gradient, *weight, *mean, *square;
  float *new_weight, *new_mean, *new_square;
};

// m = (1 - beta1) g + beta1 m;  v = (1 - beta2) g^2 + beta2 v;  w = w + scale m / (sqrt(v) + epsilon)
inline void adam(const AdamRates rates, const AdamArrays at, int64_t n) {
  for (int64_t i = 0; i < n; i += kLanes) {
    const int64_t left = n - i;
    const Vector gradient = load_part(at.gradient + i, left);
    const Vector mean = gradient * rates.rest1 + load_part(at.mean + i, left) * rates.beta1;
    const Vector square = gradient * gradient * rates.rest2 + load_part(at.square + i, left) * rates.beta2;
    const Vector weight = load_part(at.weight + i, left);
    store_part(at.new_mean + i, mean, left);
    store_part(at.new_square + i, square, left);
    store_part(at.new_weight + i, weight + mean * rates.scale / (square_root(square) + rates.epsilon), left);
  }
}

}  // namespace denseq
