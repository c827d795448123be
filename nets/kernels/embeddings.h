// Features of numbers, a column at a time: what both passes of each embedding are made of.
//
// Sizes: B rows, F columns, E edges or waves, K features of a number. A column's numbers and its gradients are one
// thread's, and its sums are over the rows in their order: so who computes what decides no bit.

#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "vectors.h"

namespace denseq {

constexpr int64_t kRows = 256;  // of a column, taken together; sums of so many are then added up
static_assert(kRows % kLanes == 0);

// A column of [rows, columns, size]: number (row, i) stands at data[row * step + i].
struct Column {
  const float* data;
  int64_t step;
};

// Up to kRows numbers of a column, with zeros after them.
inline void gather(const Column& from, int64_t first, int64_t n, float* to) {
  for (int64_t row = 0; row < n; ++row) to[row] = from.data[(first + row) * from.step];
  std::fill(to + n, to + kRows, 0.0f);
}

inline float sum_of(Vector lanes) {
  float sum = 0;
  for (int lane = 0; lane < kLanes; ++lane) sum += lanes[lane];
  return sum;
}

// x w + b, and a map of how far x has passed through each bin: all of the bins below its own, for whose maps there is one
// sum, and a part of that. A bin without width counts for nothing, and so does a column whose edges are one point.
class BinColumn {
 public:
  BinColumn(const float* edges, int64_t n_edges) : edges_(edges), n_bins_(n_edges - 1) {}

  bool is_known() const { return n_bins_ > 0 && edges_[n_bins_] > edges_[0]; }

  // h [rows, size], `step` numbers apart.
  void forward(Column x, int64_t rows, const float* kernel, const float* bias, const float* bins, int64_t size, float* h, int64_t step) const {
    if (!is_known()) {
      for (int64_t row = 0; row < rows; ++row) std::fill_n(h + row * step, size, 0.0f);
      return;
    }
    std::vector<float> before(n_bins_ * size);  // the bias, and the maps of all bins before one
    std::copy_n(bias, size, before.begin());
    for (int64_t e = 1; e < n_bins_; ++e)
      for (int64_t k = 0; k < size; ++k)
        before[e * size + k] = before[(e - 1) * size + k] + (is_empty(e - 1) ? 0.0f : bins[(e - 1) * size + k]);
    by_rows(x, rows, [&](int64_t row, float number, int64_t first, int64_t last) {
      for (int64_t k = 0; k < size; k += kLanes) {
        const int64_t n = size - k;
        Vector sum = load_part(&before[first * size + k], n) + number * load_part(kernel + k, n);
        for (int64_t e = first; e <= last; ++e)
          if (!is_empty(e)) sum += share(e, number) * load_part(bins + e * size + k, n);
        store_part(h + row * step + k, sum, n);
      }
    });
  }

  // The gradients of kernel and bias [size] and of bins [E - 1, size], from that of h, which stands as h does.
  void backward(Column x, int64_t rows, Column pull, int64_t size, float* kernel, float* bias, float* bins) const {
    std::fill_n(kernel, size, 0.0f), std::fill_n(bias, size, 0.0f), std::fill_n(bins, n_bins_ * size, 0.0f);
    if (!is_known()) return;
    // Of each bin what rows give that have passed all before it; and, after these, what is its own share. Of the rows
    // taken together, then of all.
    const int64_t n_sums = 2 * n_bins_ * size;
    std::vector<float> part(n_sums), whole(n_sums), lines(2 * size);
    const auto add_part = [&] {
      for (int64_t i = 0; i < n_sums; ++i) whole[i] += part[i];
      for (int64_t k = 0; k < size; ++k) kernel[k] += lines[k], bias[k] += lines[size + k];
      std::fill(part.begin(), part.end(), 0.0f), std::fill(lines.begin(), lines.end(), 0.0f);
    };
    const auto add = [](float* to, Vector value, int64_t n) { store_part(to, load_part(to, n) + value, n); };
    by_rows(x, rows, [&](int64_t row, float number, int64_t first, int64_t last) {
      for (int64_t k = 0; k < size; k += kLanes) {
        const int64_t n = size - k;
        const Vector d = load_part(pull.data + row * pull.step + k, n);
        add(&lines[k], d * number, n), add(&lines[size + k], d, n);
        add(&part[first * size + k], d, n);
        for (int64_t e = first; e <= last; ++e)
          if (!is_empty(e)) add(&part[(n_bins_ + e) * size + k], d * share(e, number), n);
      }
      if ((row + 1) % kRows == 0 || row + 1 == rows) add_part();
    });
    std::vector<float> beyond(size);  // what rows give that have passed a bin
    for (int64_t e = n_bins_; e-- > 0;)
      for (int64_t k = 0; k < size; ++k) {
        if (!is_empty(e)) bins[e * size + k] = whole[(n_bins_ + e) * size + k] + beyond[k];
        beyond[k] += whole[e * size + k];
      }
  }

 private:
  bool is_empty(int64_t e) const { return !(edges_[e + 1] - edges_[e] > 0); }
  float width(int64_t e) const { return std::max(edges_[e + 1] - edges_[e], 1e-6f); }
  float share(int64_t e, float x) const { return std::clamp((x - edges_[e]) / width(e), 0.0f, 1.0f); }

  // body(row, x, first, last): x has passed all bins before `first`, and none after `last`. Mostly these are one.
  template <typename Body>
  void by_rows(Column x, int64_t rows, const Body& body) const {
    alignas(64) float numbers[kRows];
    alignas(64) float places[kRows];
    for (int64_t begin = 0; begin < rows; begin += kRows) {
      const int64_t n = std::min(rows - begin, kRows);
      gather(x, begin, n, numbers);
      for (int64_t i = 0; i < n; i += kLanes) {
        Vector place{};
        for (int64_t e = 1; e < n_bins_; ++e) place += load(numbers + i) >= edges_[e] ? broadcast(1.0f) : Vector{};
        store(places + i, place);
      }
      for (int64_t i = 0; i < n; ++i) {
        const int64_t last = static_cast<int64_t>(places[i]);
        int64_t first = last;
        // A bin so narrow that its width counts as more is not full yet where x is beyond it.
        for (int64_t e = last; e >= 0; --e) {
          if (is_empty(e)) continue;
          if (numbers[i] - edges_[e] >= width(e)) break;
          first = e;
        }
        body(begin + i, numbers[i], first, last);
      }
    }
  }

  const float* edges_;
  int64_t n_bins_;
};

struct Wave {
  Vector cosine, sine;
};

constexpr float kMostAngle = 8192;  // for which the parts of pi / 2 below are exact enough

// Of angles up to kMostAngle: the rest after quarter turns, by Cephes' polynomials.
DENSEQ_INLINE Wave wave(Vector angle) {
  constexpr float magic = 12582912.0f;  // a sum with it is rounded to an integer, whose last bits are then its own
  const Vector shifted = angle * 0.636619772f + magic, n = shifted - magic;
  Vector r = angle - n * 1.5703125f;
  r = r - n * 4.837512969970703125e-4f;
  r = r - n * 7.54978995489e-8f;
  const Vector z = r * r;
  Vector sine = z * -1.9515295891e-4f + 8.3321608736e-3f;
  sine = sine * z - 1.6666654611e-1f;
  sine = sine * z * r + r;
  Vector cosine = z * 2.443315711809948e-5f - 1.388731625493765e-3f;
  cosine = cosine * z + 4.166664568298827e-2f;
  cosine = cosine * z * z + (1.0f - 0.5f * z);
  const Bits quarters = (Bits)shifted;
  const auto is_odd = (quarters & 1u) != 0u;
  const Vector c = is_odd ? sine : cosine, s = is_odd ? cosine : sine;
  const Bits sign_c = ((quarters + 1u) & 2u) << 30, sign_s = (quarters & 2u) << 30;
  return {(Vector)((Bits)c ^ sign_c), (Vector)((Bits)s ^ sign_s)};
}

inline Wave slow_wave(Vector angle) {
  Wave made;
  for (int lane = 0; lane < kLanes; ++lane) {
    made.cosine[lane] = std::cos(angle[lane]);
    made.sine[lane] = std::sin(angle[lane]);
  }
  return made;
}

// x itself behind a linear map, to kMapped, of cos(2 pi w x + b).
class WaveColumn {
 public:
  static constexpr int64_t kMapped = 3;  // DENSE_FEATURES in nets/embeddings.py
  static constexpr int64_t kFeatures = kMapped + 1;

  // w and b: frequency and phase [E]; kernel [E, kMapped].
  WaveColumn(const float* frequency, const float* phase, const float* kernel, int64_t n_waves)
      : frequency_(frequency), phase_(phase), kernel_(kernel), n_waves_(n_waves) {}

  // h [rows, kFeatures], `step` numbers apart.
  void forward(Column x, int64_t rows, const float* bias, float* h, int64_t step) const {
    alignas(64) float turns[kRows];
    alignas(64) float mapped[kMapped][kRows];
    by_parts(x, rows, turns, [&](int64_t begin, int64_t n, auto wave_of) {
      for (int64_t j = 0; j < kMapped; ++j) std::fill_n(mapped[j], kRows, bias[j]);
      for (int64_t e = 0; e < n_waves_; ++e)
        for (int64_t i = 0; i < n; i += kLanes) {
          const Vector cosine = wave_of(load(turns + i) * frequency_[e] + phase_[e]).cosine;
          for (int64_t j = 0; j < kMapped; ++j) store(mapped[j] + i, load(mapped[j] + i) + cosine * kernel_[e * kMapped + j]);
        }
      for (int64_t i = 0; i < n; ++i) {
        float* to = h + (begin + i) * step;
        for (int64_t j = 0; j < kMapped; ++j) to[j] = mapped[j][i];
        to[kMapped] = x.data[(begin + i) * x.step];
      }
    });
  }

  // The gradients of frequency, phase, kernel and bias, from that of h, which stands as h does.
  void backward(Column x, int64_t rows, Column pull, float* frequency, float* phase, float* kernel, float* bias) const {
    constexpr int64_t kSums = kMapped + 2;
    alignas(64) float turns[kRows];
    alignas(64) float pulls[kMapped][kRows];
    std::vector<float> sums(n_waves_ * kSums);
    std::fill_n(bias, kMapped, 0.0f);
    by_parts(x, rows, turns, [&](int64_t begin, int64_t n, auto wave_of) {
      for (int64_t j = 0; j < kMapped; ++j) {
        gather({pull.data + j, pull.step}, begin, n, pulls[j]);
        Vector sum{};
        for (int64_t i = 0; i < n; i += kLanes) sum += load(pulls[j] + i);
        bias[j] += sum_of(sum);
      }
      for (int64_t e = 0; e < n_waves_; ++e) {
        Vector part[kSums] = {};
        for (int64_t i = 0; i < n; i += kLanes) {
          const Vector turn = load(turns + i);
          const Wave at = wave_of(turn * frequency_[e] + phase_[e]);
          Vector rise{};
          for (int64_t j = 0; j < kMapped; ++j) {
            const Vector d = load(pulls[j] + i);
            part[j] += d * at.cosine;
            rise += d * kernel_[e * kMapped + j];
          }
          rise = -rise * at.sine;
          part[kMapped] += rise;
          part[kMapped + 1] += rise * turn;
        }
        for (int64_t i = 0; i < kSums; ++i) sums[e * kSums + i] += sum_of(part[i]);
      }
    });
    for (int64_t e = 0; e < n_waves_; ++e) {
      std::copy_n(&sums[e * kSums], kMapped, kernel + e * kMapped);
      phase[e] = sums[e * kSums + kMapped];
      frequency[e] = sums[e * kSums + kMapped + 1];
    }
  }

 private:
  // body(first row, rows, function of angles), of up to kRows rows, whose 2 pi x then stand in `turns`.
  template <typename Body>
  void by_parts(Column x, int64_t rows, float* turns, const Body& body) const {
    float frequency = 0, phase = 0;
    for (int64_t e = 0; e < n_waves_; ++e) {
      frequency = std::max(frequency, std::abs(frequency_[e]));
      phase = std::max(phase, std::abs(phase_[e]));
    }
    for (int64_t begin = 0; begin < rows; begin += kRows) {
      const int64_t n = std::min(rows - begin, kRows);
      gather(x, begin, n, turns);
      float most = 0;
      for (int64_t i = 0; i < kRows; ++i) {
        turns[i] *= 6.28318531f;
        most = std::max(most, std::abs(turns[i]));
      }
      if (most * frequency + phase <= kMostAngle)
        body(begin, n, [](Vector angle) { return wave(angle); });
      else
        body(begin, n, slow_wave);
    }
  }

  const float *frequency_, *phase_, *kernel_;
  int64_t n_waves_;
};

}  // namespace denseq
