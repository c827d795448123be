// What the drivers of several kernels share: numbers drawn alike, and how far results lie from the truth.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

using Floats = std::vector<float>;
using Doubles = std::vector<double>;

// Numbers from -most to most, the same ones each time that a driver runs.
inline Floats random_numbers(int64_t n, float most = 1) {
  static uint32_t state = 1;
  Floats made(n);
  for (float& number : made) {
    state = state * 1664525u + 1013904223u;
    number = most * (static_cast<float>(state >> 8) / (1 << 23) - 1);
  }
  return made;
}

// The largest difference, as a part of the truth's largest value, which is taken for `least` at the least.
inline double difference(const Floats& ours, const Doubles& truth, double least = 1) {
  double apart = 0, largest = least;
  for (std::size_t i = 0; i < truth.size(); ++i) {
    apart = std::max(apart, std::isfinite(ours[i]) ? std::abs(ours[i] - truth[i]) : 1e30);
    largest = std::max(largest, std::abs(truth[i]));
  }
  return apart / largest;
}
