// One direction of an LSTM layer over some rows of a batch: the backward pass. Names and sizes as in layer.h.
//
// Time runs against the direction. Each step makes the gradient dz of the gates and from it those of [x, h] of that
// step; [x, h, 1] and dz of about kFlush rows are kept in the cache until the weights' gradient takes their product.

#pragma once

#include "layer.h"

namespace denseq {

constexpr int64_t kFlush = 128;

struct Pulls {            // gradients of the answer
  const float* h;         // [B, T, D, H], at this direction; null where nothing hangs on single steps
  const float* last_h;    // [B, H]
  const float* last_c;    // [B, H]
};

struct Gradient {
  float* x;     // [B, T, F], or null where nobody asks
  float* h;     // [B, H]
  float* c;     // [B, H]
  float* mask;  // [B, H], or null
  float* weights;  // [F + H + 1, 4P]: of [W; R; b], in blocks; null: room of the scratch
};

// W or R [n, 4H] turned round, for products of dz: panels of up to 4 vectors of columns, each [4P][its columns].
class Panels {
 public:
  Panels(const Sizes& sizes, const float* weights, int64_t n, float* room)
      : sizes_(sizes), weights_(weights), n_(n), depth_(sizes.padded() * kGates), data_(room) {}

  static int64_t size(const Sizes& sizes, int64_t n) {
    return Scratch::rounded((n + kLanes - 1) / kLanes * kLanes * sizes.padded() * kGates);
  }

  int64_t count() const { return (vectors() + kGates - 1) / kGates; }

  // Fills one panel: all of them have to be before a product.
  void pack(int64_t panel) const {
    const int64_t column = panel * kBlock, width = std::min<int64_t>(kGates, vectors() - column / kLanes) * kLanes;
    std::fill_n(data_ + column * depth_, width * depth_, 0.0f);
    for (int64_t unit = 0; unit < sizes_.hidden; unit += kLanes)
      for (int gate = 0; gate < kGates; ++gate) {
        // kLanes units of a panel at a time: what is read and what is written both stay in the first-level cache.
        float* to = data_ + column * depth_ + (unit * kGates + gate * kLanes) * width;
        const float* from = weights_ + column * kGates * sizes_.hidden + gate * sizes_.hidden + unit;
        const int64_t n_columns = std::min<int64_t>(n_ - column, kBlock), n_units = std::min<int64_t>(sizes_.hidden - unit, kLanes);
        for (int64_t c = 0; c < n_columns; ++c)
          for (int64_t u = 0; u < n_units; ++u) to[u * width + c] = from[c * kGates * sizes_.hidden + u];
      }
  }

  // put(row, first column, a vector of the product) for `n_rows` rows of dz. Steps t that are even and those that are odd
  // take the panels from opposite ends: as in ForwardGroup::step.
  template <typename Put>
  DENSEQ_INLINE void product(const Left& dz, int64_t n_rows, int64_t t, const Put& put) const {
    for (int64_t i = 0; i < count(); ++i) {
      const int64_t vector = (t % 2 ? count() - 1 - i : i) * kGates;
      switch (std::min<int64_t>(kGates, vectors() - vector)) {
        case 1: panel<1>(dz, n_rows, vector, put); break;
        case 2: panel<2>(dz, n_rows, vector, put); break;
        case 3: panel<3>(dz, n_rows, vector, put); break;
        default: panel<4>(dz, n_rows, vector, put);
      }
    }
  }

 private:
  int64_t vectors() const { return (n_ + kLanes - 1) / kLanes; }

  template <int VECTORS, typename Put>
  DENSEQ_INLINE void panel(const Left& dz, int64_t n_rows, int64_t vector, const Put& put) const {
    for_tiles(n_rows, [&](int64_t i, auto rows) {
      constexpr int kRows = decltype(rows)::value;
      Vector sums[kRows][VECTORS] = {};
      Left tile = dz;
      tile.data += i * dz.row_step;
      multiply_add<kRows, VECTORS, kRows * VECTORS >= 8 ? 1 : kRows * VECTORS >= 4 ? 2 : 4>(sums, tile, data_ + vector * kLanes * depth_, VECTORS * kLanes);
      for (int r = 0; r < kRows; ++r)
        for (int v = 0; v < VECTORS; ++v) put(i + r, (vector + v) * kLanes, sums[r][v]);
    });
  }

  Sizes sizes_;
  const float* weights_;
  int64_t n_, depth_;
  float* data_;
};

// R and W of a direction turned round, for all of its parts; W where somebody asks for the gradient of x.
struct Turned {
  static int64_t size(const Sizes& sizes, bool asks_x) {
    return Panels::size(sizes, sizes.hidden) + Panels::size(sizes, asks_x ? sizes.inputs : 0);
  }

  Turned(const Sizes& sizes, const Given& given, bool asks_x, float* room)
      : recurrent(sizes, given.recurrent, sizes.hidden, room),
        kernel(sizes, given.kernel, asks_x ? sizes.inputs : 0, room + Panels::size(sizes, sizes.hidden)) {}

  int64_t count() const { return recurrent.count() + kernel.count(); }
  void pack(int64_t panel) const {
    panel < recurrent.count() ? recurrent.pack(panel) : kernel.pack(panel - recurrent.count());
  }

  Panels recurrent, kernel;
};

struct BackwardGroup {
  const Sizes& sizes;
  const Given& given;
  const Answer& answer;
  const Pulls& pulls;
  const Gradient& gradient;
  const Order& order;
  const Turned& turned;
  int64_t first, stride, room;  // room: rows that fit into `left` and `dz`
  float *dh, *dc, *dmask;       // [n, P]; dmask and mask are null without a mask
  const float* mask;
  float *left, *dz;             // [room, stride] of [x, h * mask, 1]; blocks [P / kLanes][room][4][kLanes]
  int64_t n_kept = 0;

  // The h or c before step t of a row, [H] of them; `kept` is what the forward pass left at a step.
  const float* before(const float* start, const float* kept, int64_t i, int64_t t, int64_t row_step, int64_t t_step) const {
    const int64_t row = order.row(first + i);
    const bool begins = given.reverse ? t == order.length(first + i) - 1 : t == 0;
    return begins ? start + row * sizes.hidden : kept + row * row_step + (t + (given.reverse ? 1 : -1)) * t_step;
  }

  const float* h_before(int64_t i, int64_t t) const {
    const int64_t width = sizes.directions * sizes.hidden;
    return before(given.h, answer.h, i, t, sizes.steps * width, width);
  }

  const float* c_before(int64_t i, int64_t t) const {
    return before(given.c, answer.cells, i, t, sizes.padded(), sizes.rows * sizes.padded());
  }

  void keep_inputs(int64_t i, int64_t t) {
    float* to = left + (n_kept + i) * stride;
    const float* h = h_before(i, t);
    std::memcpy(to, given.x + (order.row(first + i) * sizes.steps + t) * sizes.inputs, sizes.inputs * sizeof(float));
    to += sizes.inputs;
    for (int64_t unit = 0; unit < sizes.hidden; ++unit) to[unit] = mask ? h[unit] * mask[i * sizes.padded() + unit] : h[unit];
    to[sizes.hidden] = 1;
  }

  // dz of one row, and what is left of dc for the step before.
  void gates(int64_t i, int64_t t) {
    const int64_t row = order.row(first + i), padded = sizes.padded();
    const float* kept = answer.gates + (t * sizes.rows + row) * padded * kGates;
    const float* cells = answer.cells + (t * sizes.rows + row) * padded;
    const float* pull = pulls.h ? pulls.h + (row * sizes.steps + t) * sizes.directions * sizes.hidden : nullptr;
    const float* c_prior = c_before(i, t);
    for (int64_t block = 0; block < sizes.blocks(); ++block, kept += kBlock) {
      const int64_t unit = block * kLanes, n = std::clamp<int64_t>(sizes.hidden - unit, 0, kLanes);
      const Vector in = load(kept), forget = load(kept + kLanes);
      const Vector fresh = load(kept + 2 * kLanes), out = load(kept + 3 * kLanes);
      const Vector tanh_c = tanh(load(cells + unit));
      const Vector prior = n ? load_part(c_prior + unit, n) : Vector{};
      const Vector h = load(dh + i * padded + unit) + (n && pull ? load_part(pull + unit, n) : Vector{});
      const Vector c = load(dc + i * padded + unit) + h * out * (1.0f - tanh_c * tanh_c);
      float* to = dz + (block * room + n_kept + i) * kBlock;
      store(to, c * fresh * in * (1.0f - in));
      store(to + kLanes, c * prior * forget * (1.0f - forget));
      store(to + 2 * kLanes, c * in * (1.0f - fresh * fresh));
      store(to + 3 * kLanes, h * tanh_c * out * (1.0f - out));
      store(dc + i * padded + unit, c * forget);
    }
  }

  void step(int64_t n_active, int64_t t) {
    if (n_kept + n_active > room) flush();
    const int64_t padded = sizes.padded();
    for (int64_t i = 0; i < n_active; ++i) {
      keep_inputs(i, t);
      gates(i, t);
    }
    const Left rows{dz + n_kept * kBlock, kBlock, 1, kBlock, sizes.blocks(), room * kBlock};
    turned.recurrent.product(rows, n_active, t, [&](int64_t i, int64_t unit, Vector value) {
      const int64_t at = i * padded + unit;
      if (mask) {
        const Vector h = load_part(h_before(i, t) + unit, sizes.hidden - unit);
        store(dmask + at, load(dmask + at) + h * value);
        value *= load(mask + at);
      }
      store(dh + at, value);
    });
    if (gradient.x)
      turned.kernel.product(rows, n_active, t, [&](int64_t i, int64_t input, Vector value) {
        float* to = gradient.x + (order.row(first + i) * sizes.steps + t) * sizes.inputs + input;
        store_part(to, value, sizes.inputs - input);
      });
    n_kept += n_active;
  }

  // The weights' gradient takes what is kept.
  void flush() {
    const int64_t n_inputs = sizes.inputs + sizes.hidden + 1, width = sizes.padded() * kGates;
    for (int64_t block = 0; block < sizes.blocks(); ++block)
      for_tiles(n_inputs, [&](int64_t k, auto rows) {
        constexpr int kRows = decltype(rows)::value;
        Vector sums[kRows][kGates];
        float* at = gradient.weights + k * width + block * kBlock;
        for (int r = 0; r < kRows; ++r)
          for (int gate = 0; gate < kGates; ++gate) sums[r][gate] = load(at + r * width + gate * kLanes);
        multiply_add<kRows, kGates, 1>(sums, {left + k, 1, stride, n_kept, 1, 0}, dz + block * room * kBlock, kBlock);
        for (int r = 0; r < kRows; ++r)
          for (int gate = 0; gate < kGates; ++gate) store(at + r * width + gate * kLanes, sums[r][gate]);
      });
    n_kept = 0;
  }
};

// The backward pass over part `part` of `n_parts` of the rows. Returns where their weights' gradient stands.
inline const float* backward(const Given& given, const Sizes& sizes, const Answer& answer, const Pulls& pulls,
                             const Turned& turned, Gradient gradient, int64_t part, int64_t n_parts,
                             Scratch& scratch) {
  const Order order(given, sizes, part, n_parts);
  const int64_t padded = sizes.padded(), stride = row_stride(sizes.inputs + sizes.hidden + 1);
  const int64_t n_group = std::min(order.size(), kGroup), room = std::max(n_group, kFlush);
  const int64_t n_weights = (sizes.inputs + sizes.hidden + 1) * padded * kGates;
  scratch.reserve(4 * n_group * padded + room * stride + room * padded * kGates + n_weights);
  float *dh = scratch.take(n_group * padded), *dc = scratch.take(n_group * padded);
  float *mask = scratch.take(n_group * padded), *dmask = scratch.take(n_group * padded);
  float *left = scratch.take(room * stride), *dz = scratch.take(room * padded * kGates);
  if (!gradient.weights) gradient.weights = scratch.take(n_weights);
  std::fill_n(gradient.weights, n_weights, 0.0f);
  if (!given.mask) mask = dmask = nullptr;
  for (int64_t first = 0; first < order.size(); first += kGroup) {
    const int64_t n = std::min(order.size() - first, kGroup);
    copy_rows(pulls.last_h, sizes.hidden, dh, padded, order, first, n);
    copy_rows(pulls.last_c, sizes.hidden, dc, padded, order, first, n);
    if (mask) {
      copy_rows(given.mask, sizes.hidden, mask, padded, order, first, n);
      std::fill_n(dmask, n * padded, 0.0f);
    }
    BackwardGroup group{sizes, given, answer, pulls, gradient, order, turned,
                        first, stride, room, dh, dc, dmask, mask, left, dz};
    for (int64_t s = 0; s < sizes.steps; ++s) {
      const int64_t t = given.reverse ? s : sizes.steps - 1 - s, n_active = order.active(first, n, t);
      group.step(n_active, t);
      for (int64_t i = n_active; gradient.x && i < n; ++i)
        std::fill_n(gradient.x + (order.row(first + i) * sizes.steps + t) * sizes.inputs, sizes.inputs, 0.0f);
    }
    group.flush();
    for (int64_t i = 0; i < n; ++i) {
      const int64_t at = order.row(first + i) * sizes.hidden;
      std::copy_n(dh + i * padded, sizes.hidden, gradient.h + at);
      std::copy_n(dc + i * padded, sizes.hidden, gradient.c + at);
      if (mask) std::copy_n(dmask + i * padded, sizes.hidden, gradient.mask + at);
    }
  }
  return gradient.weights;
}

// Adds up the parts' sums, [F + H + 1, 4P] in blocks each, and writes them as the caller's kernel, recurrent and bias: the
// share `share` of their rows, of as many shares as there are parts.
inline void unpack_weights(const Sizes& sizes, const float* parts, int64_t share, int64_t n_parts, float* kernel,
                           float* recurrent, float* bias) {
  const int64_t width = sizes.padded() * kGates, n_inputs = sizes.inputs + sizes.hidden;
  for (int64_t k = share * (n_inputs + 1) / n_parts; k < (share + 1) * (n_inputs + 1) / n_parts; ++k) {
    float* to = k < sizes.inputs ? kernel + k * kGates * sizes.hidden
                : k < n_inputs   ? recurrent + (k - sizes.inputs) * kGates * sizes.hidden
                                 : bias;
    for (int64_t unit = 0; unit < sizes.hidden; unit += kLanes)
      for (int gate = 0; gate < kGates; ++gate) {
        const float* from = parts + k * width + unit / kLanes * kBlock + gate * kLanes;
        Vector sum = load(from);
        for (int64_t part = 1; part < n_parts; ++part) sum += load(from + part * (n_inputs + 1) * width);
        store_part(to + gate * sizes.hidden + unit, sum, sizes.hidden - unit);
      }
  }
}

}  // namespace denseq
