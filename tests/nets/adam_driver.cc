// A step of Adam against plain loops, of arrays apart and of arrays that are written where they are read.

#include <cmath>
#include <cstdio>

#include "adam.h"
#include "driver.h"

constexpr double kTolerance = 2e-6;

int main() {
  int n_wrong = 0;
  const denseq::AdamRates rates{0.9f, 0.1f, 0.99f, 0.01f, 1e-3f, -0.02f};
  for (const int64_t n : {0, 1, 7, 15, 16, 17, 100, 1000}) {
    const Floats gradient = random_numbers(n), weight = random_numbers(n), mean = random_numbers(n);
    Floats square = random_numbers(n);
    for (float& number : square) number = std::abs(number);
    Doubles weights, means, squares;
    for (int64_t i = 0; i < n; ++i) {
      const double g = gradient[i];
      means.push_back(rates.rest1 * g + static_cast<double>(rates.beta1) * mean[i]);
      squares.push_back(rates.rest2 * g * g + static_cast<double>(rates.beta2) * square[i]);
      weights.push_back(weight[i] + rates.scale * means[i] / (std::sqrt(squares[i]) + rates.epsilon));
    }
    const auto check = [&](const Floats& w, const Floats& m, const Floats& v, const char* where) {
      const double apart = std::max({difference(w, weights), difference(m, means), difference(v, squares)});
      if (apart <= kTolerance) return;
      ++n_wrong;
      std::printf("%lld numbers %s are %g apart\n", static_cast<long long>(n), where, apart);
    };
    Floats new_weight(n), new_mean(n), new_square(n);
    denseq::adam(rates, {gradient.data(), weight.data(), mean.data(), square.data(), new_weight.data(), new_mean.data(), new_square.data()}, n);
    check(new_weight, new_mean, new_square, "apart");
    Floats w = weight, m = mean, v = square;
    denseq::adam(rates, {gradient.data(), w.data(), m.data(), v.data(), w.data(), m.data(), v.data()}, n);
    check(w, m, v, "in place");
  }
  std::printf("%d lanes: %d things wrong\n", denseq::kLanes, n_wrong);
  return n_wrong != 0;
}
