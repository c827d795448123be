// One direction of an LSTM layer over some rows of a batch: the forward pass, and what both passes share.
//
//   i, f, o = sigmoid(z), n = tanh(z) with z = [x, h * mask] [W; R] + b;  c = f c + i n;  h = o tanh(c)
//
// Sizes: B rows, T steps, F inputs, H hidden units, D directions; P is H rounded up to kPadding. Gates are in the order
// i, f, n, o. In the caller's weights [., 4H] a gate's units stand together; in this kernel's own arrays [., 4P] the
// four gates of kLanes units do ("blocks").

#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

#include "scratch.h"
#include "vectors.h"

namespace denseq {

constexpr int64_t kPadding = 16;  // the widest kLanes: shapes of what is kept depend on no instruction set
constexpr int64_t kGroup = 96;    // rows taken through time together: what they need stays in the second-level cache

struct Sizes {
  int64_t rows, steps, inputs, hidden, directions;
  int64_t padded() const { return (hidden + kPadding - 1) / kPadding * kPadding; }
  int64_t blocks() const { return padded() / kLanes; }
};

// The arrays of one member and direction. Those marked B have the row's stride after their name; `mask` may be null.
struct Given {
  const float* x;          // [B, T, F]
  const float* kernel;     // [F, 4H]
  const float* recurrent;  // [H, 4H]
  const float* bias;       // [4H]
  const float* h;          // [B, H], the first
  const float* c;          // [B, H]
  const float* mask;       // [B, H]
  const int32_t* lengths;  // [B]
  bool reverse;
};

// What a forward pass leaves; `gates` and `cells` are null where no derivative will be taken.
struct Answer {
  float* h;       // [B, T, D, H], at this direction
  float* last_h;  // [B, H]
  float* last_c;  // [B, H]
  float* gates;   // [T, B, 4P], activated
  float* cells;   // [T, B, P]
};

inline int64_t length_of(const Given& given, const Sizes& sizes, int64_t row) {
  return std::clamp<int64_t>(given.lengths[row], 0, sizes.steps);
}

// Rows through time: the longest first, so that those with a step left are always the first ones.
class Order {
 public:
  // Every n_parts-th row of the order by length, beginning with `part`: all parts have as much to do.
  Order(const Given& given, const Sizes& sizes, int64_t part, int64_t n_parts) {
    std::vector<int32_t> all(sizes.rows);
    for (int64_t row = 0; row < sizes.rows; ++row) all[row] = static_cast<int32_t>(row);
    std::stable_sort(all.begin(), all.end(), [&](int32_t a, int32_t b) {
      return length_of(given, sizes, a) > length_of(given, sizes, b);
    });
    for (int64_t i = part; i < sizes.rows; i += n_parts) {
      rows_.push_back(all[i]);
      lengths_.push_back(length_of(given, sizes, all[i]));
    }
  }
  int64_t size() const { return static_cast<int64_t>(rows_.size()); }
  int64_t row(int64_t i) const { return rows_[i]; }
  int64_t length(int64_t i) const { return lengths_[i]; }
  // How many of the rows from `first`, at most `n`, have step t.
  int64_t active(int64_t first, int64_t n, int64_t t) const {
    const auto begin = lengths_.begin() + first;
    return std::partition_point(begin, begin + n, [t](int64_t length) { return length > t; }) - begin;
  }

 private:
  std::vector<int64_t> rows_, lengths_;
};

inline void copy_rows(const float* from, int64_t n, float* to, int64_t stride, const Order& order, int64_t first,
                      int64_t n_rows) {
  for (int64_t i = 0; i < n_rows; ++i) {
    float* row = to + i * stride;
    std::memcpy(row, from + order.row(first + i) * n, n * sizeof(float));
    std::fill(row + n, row + stride, 0.0f);
  }
}

// [W; R] as blocks [P / kLanes][F + H][4][kLanes], and the bias as [P / kLanes][4][kLanes].
inline void pack_weights(const Given& given, const Sizes& sizes, float* weights, float* bias) {
  const int64_t n_inputs = sizes.inputs + sizes.hidden;
  auto pack = [&](const float* row, float* to, int64_t block) {
    const int64_t first = block * kLanes, n = std::clamp<int64_t>(sizes.hidden - first, 0, kLanes);
    for (int gate = 0; gate < kGates; ++gate) {
      const Vector part = n ? load_part(row + gate * sizes.hidden + first, n) : Vector{};
      store(to + gate * kLanes, part);
    }
  };
  for (int64_t block = 0; block < sizes.blocks(); ++block) {
    float* to = weights + block * n_inputs * kBlock;
    for (int64_t k = 0; k < n_inputs; ++k)
      pack(k < sizes.inputs ? given.kernel + k * kGates * sizes.hidden
                            : given.recurrent + (k - sizes.inputs) * kGates * sizes.hidden,
           to + k * kBlock, block);
    pack(given.bias, bias + block * kBlock, block);
  }
}

// A group of rows through time, forward: what its steps work on. Arrays are of the group's rows in their order.
struct ForwardGroup {
  const Sizes& sizes;
  const Given& given;
  const Answer& answer;
  const Order& order;
  int64_t first, stride;
  const float *weights, *bias, *mask;  // mask [n, P] or null
  float* cells;                        // [n, P]
  float *now, *next;                   // [n, stride] of [x, h * mask]: this step's, and the next one's h

  template <int ROWS, int PARTS>
  DENSEQ_INLINE void tile(int64_t i, int64_t block, int64_t t) const {
    const int64_t n_inputs = sizes.inputs + sizes.hidden, padded = sizes.padded(), unit = block * kLanes;
    const int64_t n_units = sizes.hidden - unit;
    Vector z[ROWS][kGates];
    for (int r = 0; r < ROWS; ++r)
      for (int gate = 0; gate < kGates; ++gate) z[r][gate] = load(bias + block * kBlock + gate * kLanes);
    const Left left{now + i * stride, stride, 1, n_inputs, 1, 0};
    multiply_add<ROWS, kGates, PARTS>(z, left, weights + block * n_inputs * kBlock, kBlock);
#pragma GCC unroll 8
    for (int r = 0; r < ROWS; ++r) {
      const int64_t row = order.row(first + i + r);
      const Vector in = sigmoid(z[r][0]), forget = sigmoid(z[r][1]);
      const Vector fresh = tanh(z[r][2]), out = sigmoid(z[r][3]);
      float* cell = cells + (i + r) * padded + unit;
      const Vector c = forget * load(cell) + in * fresh, h = out * tanh(c);
      store(cell, c);
      if (n_units > 0) store_part(answer.h + ((row * sizes.steps + t) * sizes.directions) * sizes.hidden + unit, h, n_units);
      store(next + (i + r) * stride + sizes.inputs + unit, mask ? h * load(mask + (i + r) * padded + unit) : h);
      if (answer.gates) {
        float* kept = answer.gates + ((t * sizes.rows + row) * padded * kGates) + block * kBlock;
        store(kept, in);
        store(kept + kLanes, forget);
        store(kept + 2 * kLanes, fresh);
        store(kept + 3 * kLanes, out);
        store(answer.cells + (t * sizes.rows + row) * padded + unit, c);
      }
    }
  }

  void step(int64_t n_active, int64_t t) const {
    for (int64_t i = 0; i < n_active; ++i)
      std::memcpy(now + i * stride, given.x + (order.row(first + i) * sizes.steps + t) * sizes.inputs,
                  sizes.inputs * sizeof(float));
    for (int64_t turn = 0; turn < sizes.blocks(); ++turn) {
      // Every other step begins with the weights that the one before ended with: those that the cache still has.
      const int64_t block = t % 2 ? sizes.blocks() - 1 - turn : turn;
      if (sizes.rows == 1 && n_active)
        tile<1, 2>(0, block, t);
      else
        for_tiles(n_active, [&](int64_t i, auto rows) { tile<decltype(rows)::value, 1>(i, block, t); });
    }
  }

  void pad(int64_t i, int64_t t) const {
    const int64_t row = order.row(first + i), padded = sizes.padded();
    float* h = answer.h + (row * sizes.steps + t) * sizes.directions * sizes.hidden;
    std::fill_n(h, sizes.hidden, 0.0f);
    if (!answer.gates) return;
    std::fill_n(answer.gates + (t * sizes.rows + row) * padded * kGates, padded * kGates, 0.0f);
    std::fill_n(answer.cells + (t * sizes.rows + row) * padded, padded, 0.0f);
  }
};

inline void finish_rows(const ForwardGroup& group, int64_t n) {
  const Sizes& sizes = group.sizes;
  for (int64_t i = 0; i < n; ++i) {
    const int64_t row = group.order.row(group.first + i), length = group.order.length(group.first + i);
    const int64_t t = group.given.reverse ? 0 : length - 1;
    const float* h = length ? group.answer.h + (row * sizes.steps + t) * sizes.directions * sizes.hidden
                            : group.given.h + row * sizes.hidden;
    std::copy_n(h, sizes.hidden, group.answer.last_h + row * sizes.hidden);
    std::copy_n(group.cells + i * sizes.padded(), sizes.hidden, group.answer.last_c + row * sizes.hidden);
  }
}

// The forward pass over part `part` of `n_parts` of the rows.
inline void forward(const Given& given, const Sizes& sizes, const Answer& answer, int64_t part, int64_t n_parts,
                    Scratch& scratch) {
  const Order order(given, sizes, part, n_parts);
  const int64_t n_inputs = sizes.inputs + sizes.hidden, padded = sizes.padded();
  const int64_t stride = row_stride(sizes.inputs + padded), n_group = std::min(order.size(), kGroup);
  scratch.reserve(Scratch::rounded(n_inputs * padded * kGates) + padded * kGates + n_group * (2 * stride + 2 * padded));
  float* weights = scratch.take(n_inputs * padded * kGates);
  float* bias = scratch.take(padded * kGates);
  float* states[2] = {scratch.take(n_group * stride), scratch.take(n_group * stride)};
  float* cells = scratch.take(n_group * padded);
  float* mask = given.mask ? scratch.take(n_group * padded) : nullptr;
  pack_weights(given, sizes, weights, bias);
  for (int64_t first = 0; first < order.size(); first += kGroup) {
    const int64_t n = std::min(order.size() - first, kGroup);
    copy_rows(given.c, sizes.hidden, cells, padded, order, first, n);
    if (mask) copy_rows(given.mask, sizes.hidden, mask, padded, order, first, n);
    for (int64_t i = 0; i < n; ++i) {
      const float* h = given.h + order.row(first + i) * sizes.hidden;
      for (float* state : states) {
        float* to = state + i * stride + sizes.inputs;
        for (int64_t unit = 0; unit < sizes.hidden; ++unit) to[unit] = mask ? h[unit] * mask[i * padded + unit] : h[unit];
      }
    }
    ForwardGroup group{sizes, given, answer, order, first, stride, weights, bias, mask, cells, states[0], states[1]};
    for (int64_t s = 0; s < sizes.steps; ++s) {
      const int64_t t = given.reverse ? sizes.steps - 1 - s : s, n_active = order.active(first, n, t);
      group.step(n_active, t);
      for (int64_t i = n_active; i < n; ++i) group.pad(i, t);
      std::swap(group.now, group.next);
    }
    finish_rows(group, n);
  }
  scratch.release();
}

}  // namespace denseq
