// A stack of dense layers over the rows of a batch: what both passes are made of.
//
//   z = scale x W + b;  y = a(z), or z + s (a(z) - z) with learned slopes s;  h = y keep, keep 0 or 1 / (1 - rate)
//
// Sizes: B rows, F inputs and N outputs of a layer. Weights and dz stand in panels of at most kGates vectors of columns.
// No number of a row depends on other rows but in the weights' gradients: those are sums over the rows of each part, by the
// number of rows alone, and then over the parts in their order. So who computes what decides no bit.
//
// A core that writes what another one has read waits for each line of it (27 ns on an EPYC of 2022), unless that one has
// written it too. So a thread keeps to its rows, has weights of its own packed by the caller, and whoever reads what
// another thread will write again writes it back first (`touch`). Where cores share quickly (7 ns on a Xeon of 2023) that costs
// more than it saves, and all read what the caller has.

#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <utility>
#include <vector>

#include "functions.h"
#include "scratch.h"

namespace denseq {

constexpr int64_t kChunk = 96;              // rows taken together: a panel of their dz stays in the first-level cache
constexpr int64_t kSumChunk = 128;          // the same of a weight's gradient: a part of 256 rows in one go
constexpr int64_t kTaskInputs = 4 * kTile;  // rows of a weight's gradient that are one task

constexpr float kAllBits = 1 << 24;         // of a number that dropout draws
constexpr int64_t kMostCopies = 4;          // of packed weights: one a thread, or one for all where there are more threads

// Parts of the rows whose weights' gradients are summed apart.
inline int64_t parts_of(int64_t rows) { return rows < 64 ? 1 : rows < 512 ? 2 : 4; }

inline int64_t padded(int64_t n) { return (n + kLanes - 1) / kLanes * kLanes; }
inline int64_t panels_in(int64_t n) { return (n + kBlock - 1) / kBlock; }
// The columns of a panel, with those that fill up its last vector.
inline int64_t panel_width(int64_t n, int64_t panel) { return std::min<int64_t>(kBlock, padded(n) - panel * kBlock); }

// What dropout draws for a layer (nets/dropout.py): a hash of each number's place, keyed by two words.
struct Draw {
  uint32_t first, second, offset;
  float threshold, scale;  // the rate times 2^24; 1 / (1 - rate)
};

struct DenseLayer {
  int64_t inputs, outputs;
  const float *kernel, *bias;  // [F, N], [N]
  const float* slope;          // [N], or null
  float scale;                 // of the products
  const Draw* draw;            // null: no dropout
  float *h, *factor, *beyond;  // [B, N] each: the outputs, dh/dz (null for relu, whose h tells), dh/ds (null without slopes)
};

struct DenseGradient {
  float *kernel, *bias, *slope;  // as of the layer
};

DENSEQ_INLINE Bits hashed(Bits bits, uint32_t key) {
  bits = (bits ^ (bits >> 16)) * 0x7FEB352Du;
  bits = (bits ^ (bits >> 15) ^ key) * 0x846CA68Bu;
  return bits ^ (bits >> 16);
}

typedef int32_t Whole __attribute__((vector_size(kLanes * sizeof(int32_t))));

// All ones for those of kLanes numbers from `place` on that dropout keeps: whose first 24 bits are at least the threshold.
// `least` is that as a whole number of 32 bits: to convert each number to a float would take a fifth of the time.
DENSEQ_INLINE Whole kept(const Draw& draw, uint32_t least, int64_t place) {
  constexpr uint32_t kOdd = 0x9E3779B9u;
  Bits spread{};
  for (int lane = 0; lane < kLanes; ++lane) spread[lane] = lane * kOdd;
  const Bits number = spread + (static_cast<uint32_t>(place) + draw.offset) * kOdd;
  return (Whole)(hashed(number ^ draw.first, draw.second) >= least);
}

// Writes what stands there: a line of the cache is then this core's, and costs the next one that writes it little.
inline void touch(float* data, int64_t n) {
  for (int64_t i = 0; i < n; i += 16) {
    volatile float& number = data[i];
    number = number;
  }
}

// Fills panel `panel` of W [depth, n].
inline void pack_panel(const float* kernel, int64_t depth, int64_t n, int64_t panel, float* panels) {
  const int64_t width = panel_width(n, panel), column = panel * kBlock;
  float* to = panels + column * depth;
  for (int64_t k = 0; k < depth; ++k)
    for (int64_t v = 0; v < width; v += kLanes, to += kLanes) store(to, load_part(kernel + k * n + column + v, n - column - v));
}

// Fills panel `panel` of W [inputs, outputs] turned round.
inline void pack_turned(const float* kernel, int64_t inputs, int64_t outputs, int64_t panel, float* panels) {
  const int64_t width = panel_width(inputs, panel), column = panel * kBlock, n = std::min(width, inputs - column);
  float* to = panels + column * outputs;
  if (n < width) std::fill_n(to, width * outputs, 0.0f);
  int64_t first = 0;
#if defined(__AVX2__)
  for (; first + 4 <= outputs; first += 4) {
    int64_t c = 0;
    for (; c + 4 <= n; c += 4) {
      const float* from = kernel + (column + c) * outputs + first;
      __m128 a = _mm_loadu_ps(from), b = _mm_loadu_ps(from + outputs);
      __m128 d = _mm_loadu_ps(from + 2 * outputs), e = _mm_loadu_ps(from + 3 * outputs);
      _MM_TRANSPOSE4_PS(a, b, d, e);
      float* at = to + first * width + c;
      _mm_storeu_ps(at, a), _mm_storeu_ps(at + width, b), _mm_storeu_ps(at + 2 * width, d), _mm_storeu_ps(at + 3 * width, e);
    }
    for (; c < n; ++c)
      for (int64_t o = first; o < first + 4; ++o) to[o * width + c] = kernel[(column + c) * outputs + o];
  }
#endif
  // A few outputs at a time: what is read and what is written both stay in the first-level cache.
  for (; first < outputs; first += kLanes) {
    const int64_t end = std::min<int64_t>(outputs, first + kLanes);
    for (int64_t c = 0; c < n; ++c)
      for (int64_t o = first; o < end; ++o) to[o * width + c] = kernel[(column + c) * outputs + o];
  }
}

// A product's sums with one vector of columns are too few to hide how long an addition takes: each is of two parts.
template <int ROWS, int VECTORS>
DENSEQ_INLINE void add_product(Vector (&sums)[ROWS][VECTORS], const Left& left, const float* right, ptrdiff_t right_step) {
  multiply_add<ROWS, VECTORS, VECTORS == 1 ? 2 : 1>(sums, left, right, right_step);
}

// Calls body(integral constant) of the vectors that `width` columns are.
template <typename Body>
DENSEQ_INLINE void by_vectors(int64_t width, const Body& body) {
  switch (width / kLanes) {
    case 1: return body(std::integral_constant<int, 1>());
    case 2: return body(std::integral_constant<int, 2>());
    case 3: return body(std::integral_constant<int, 3>());
    default: return body(std::integral_constant<int, 4>());
  }
}

// Products of a panel, [n_rows, width] -> the layer's h, factor and beyond. What it is told stands in copies: a store into
// an array could change what a reference leads to, which would be read anew after each.
template <Activation KIND, bool SLOPES, bool DRAWS>
void finish(const DenseLayer layer, const float* products, int64_t row, int64_t n_rows, int64_t column, int64_t width) {
  const Draw draw = DRAWS ? *layer.draw : Draw{};
  const bool keeps_some = draw.threshold < kAllBits;
  const uint32_t least = keeps_some ? static_cast<uint32_t>(std::ceil(std::max(0.0f, draw.threshold))) << 8 : 0;
  for (int64_t v = 0; v < width; v += kLanes) {
    const int64_t unit = column + v, n = layer.outputs - unit;
    const Vector bias = load_part(layer.bias + unit, n), slope = SLOPES ? load_part(layer.slope + unit, n) : Vector{};
    for (int64_t r = 0; r < n_rows; ++r) {
      const int64_t at = (row + r) * layer.outputs + unit;
      const Vector z = load(products + r * width + v) * layer.scale + bias;
      Point point = activate<KIND>(z);
      Vector beyond{};
      if (SLOPES) {
        beyond = point.value - z;
        point = {z + slope * beyond, slope * (point.slope - 1.0f) + 1.0f};
      }
      if (DRAWS) {
        // What is dropped is 0, whatever stood there.
        const Whole keep = keeps_some ? kept(draw, least, at) : Whole{};
        const Vector scale = broadcast(draw.scale), none{};
        point.value = keep ? point.value * scale : none;
        point.slope = keep ? point.slope * scale : none;
        beyond = keep ? beyond * scale : none;
      }
      store_part(layer.h + at, point.value, n);
      if (SLOPES || KIND != Activation::kRelu) store_part(layer.factor + at, point.slope, n);
      if (SLOPES) store_part(layer.beyond + at, beyond, n);
    }
  }
}

using Finish = void (*)(DenseLayer, const float*, int64_t, int64_t, int64_t, int64_t);

template <bool SLOPES, bool DRAWS, std::size_t... KINDS>
Finish finish_of(Activation kind, std::index_sequence<KINDS...>) {
  static constexpr Finish all[] = {finish<static_cast<Activation>(KINDS), SLOPES, DRAWS>...};
  return all[static_cast<std::size_t>(kind)];
}

inline Finish finish_of(Activation kind, const DenseLayer& layer) {
  constexpr auto kinds = std::make_index_sequence<static_cast<std::size_t>(Activation::kEnd)>();
  if (layer.slope) return layer.draw ? finish_of<true, true>(kind, kinds) : finish_of<true, false>(kind, kinds);
  return layer.draw ? finish_of<false, true>(kind, kinds) : finish_of<false, false>(kind, kinds);
}

// One member's layers, and the room that its passes need.
struct DenseStack {
  std::vector<DenseLayer> layers;
  const float* x;  // [B, F]
  int64_t rows;
  Activation kind;

  const float* inputs_of(std::size_t l) const { return l ? layers[l - 1].h : x; }

  double work() const {
    double sum = 0;
    for (const DenseLayer& layer : layers) sum += static_cast<double>(layer.inputs) * layer.outputs;
    return sum * rows;
  }
};

// The threads of a pass, and whether each has a copy of what the caller wrote. No bit depends on either.
struct Threads {
  int64_t count;
  bool have_copies;
};

// What a pass is given, beside the threads that it has.
class Pass {
 protected:
  Pass(const DenseStack& stack, const Threads& threads)
      : stack_(stack), n_copies_(threads.have_copies && threads.count <= kMostCopies ? threads.count : 1) {}

  int64_t copy_of(int64_t thread) const { return n_copies_ > 1 ? thread : 0; }
  bool is_helper(int64_t thread) const { return n_copies_ > 1 && thread; }
  int64_t copied(int64_t n) const { return n_copies_ > 1 ? Scratch::rounded(n) : 0; }

  // Numbers of the caller's that helpers read too: a copy, which they may touch.
  float* copy(const float* from, int64_t n, Scratch& scratch) const {
    if (n_copies_ == 1) return const_cast<float*>(from);
    float* to = scratch.take(n);
    std::copy_n(from, n, to);
    return to;
  }

  const DenseStack& stack_;
  const int64_t n_copies_;
};

// The forward pass: first `pack` for every panel, then `run` for all rows, then `finish`.
class ForwardStack : Pass {
 public:
  ForwardStack(const DenseStack& stack, const Threads& threads, Scratch& scratch) : Pass(stack, threads) {
    int64_t size = copied(stack.rows * stack.layers[0].inputs);
    for (const DenseLayer& layer : stack.layers) size += n_copies_ * Scratch::rounded(layer.inputs * padded(layer.outputs));
    scratch.reserve(size);
    for (int64_t copy = 0; copy < n_copies_; ++copy)
      for (const DenseLayer& layer : stack.layers) {
        // Whole vectors are read where they stand: no slower, and nothing to pack.
        if (is_read_in_place(layer, copy)) {
          panels_.push_back(nullptr);
          continue;
        }
        panels_.push_back(scratch.take(layer.inputs * padded(layer.outputs)));
        for (int64_t panel = 0; panel < panels_in(layer.outputs); ++panel) all_.push_back({panels_.size() - 1, panel});
      }
    x_ = copy(stack.x, stack.rows * stack.layers[0].inputs, scratch);
  }

  int64_t count() const { return static_cast<int64_t>(all_.size()); }

  void pack(int64_t i) const {
    const auto [l, panel] = all_[i];
    const DenseLayer& layer = stack_.layers[l % stack_.layers.size()];
    pack_panel(layer.kernel, layer.inputs, layer.outputs, panel, panels_[l]);
  }

  void run(int64_t begin, int64_t end, int64_t thread) const {
    const std::size_t n_layers = stack_.layers.size();
    float* const* panels = &panels_[copy_of(thread) * n_layers];
    for (int64_t first = begin; first < end; first += kChunk) {
      const int64_t n = std::min(end - first, kChunk);
      for (std::size_t l = 0; l < n_layers; ++l) {
        const DenseLayer& layer = stack_.layers[l];
        const Finish finish = finish_of(stack_.kind, layer);
        const float* inputs = l ? stack_.inputs_of(l) : x_;
        const Left left{inputs + first * layer.inputs, layer.inputs, 1, layer.inputs, 1, 0};
        for (int64_t panel = 0; panel < panels_in(layer.outputs); ++panel) {
          const int64_t column = panel * kBlock, width = panel_width(layer.outputs, panel);
          const float* right = panels[l] ? panels[l] + column * layer.inputs : layer.kernel + column;
          const ptrdiff_t step = panels[l] ? width : layer.outputs;
          by_vectors(width, [&](auto vectors) {
            tiles<decltype(vectors)::value>(left, n, right, step, [&](int64_t row, int64_t n_rows, const float* products) {
              finish(layer, products, first + row, n_rows, column, width);
            });
          });
        }
      }
    }
    if (!is_helper(thread)) return;
    const DenseLayer& first = stack_.layers[0];
    touch(x_ + begin * first.inputs, (end - begin) * first.inputs);
    for (std::size_t l = 0; l < n_layers; ++l) touch(panels[l], stack_.layers[l].inputs * padded(stack_.layers[l].outputs));
  }

  // The caller reads the outputs next.
  void finish() const {
    if (n_copies_ > 1) touch(stack_.layers.back().h, stack_.rows * stack_.layers.back().outputs);
  }

 private:
  bool is_read_in_place(const DenseLayer& layer, int64_t copy) const {
    return copy == 0 && padded(layer.outputs) == layer.outputs;
  }

  template <int VECTORS, typename Put>
  static void tiles(const Left& left, int64_t n_rows, const float* right, ptrdiff_t step, const Put& put) {
    for_tiles(n_rows, [&](int64_t row, auto rows) {
      constexpr int kRows = decltype(rows)::value;
      Vector sums[kRows][VECTORS] = {};
      Left tile = left;
      tile.data += row * left.row_step;
      add_product(sums, tile, right, step);
      alignas(64) float products[kRows * VECTORS * kLanes];
      for (int r = 0; r < kRows; ++r)
        for (int v = 0; v < VECTORS; ++v) store(products + (r * VECTORS + v) * kLanes, sums[r][v]);
      put(row, kRows, products);
    });
  }

  struct Panel {
    std::size_t place;  // in `panels_`
    int64_t panel;
  };
  float* x_;
  std::vector<float*> panels_;
  std::vector<Panel> all_;
};

// The backward pass: `pack` for every panel, `run` for all rows, `sum` for every task of the weights' gradients, `finish`.
class BackwardStack : Pass {
 public:
  BackwardStack(const DenseStack& stack, const float* pull, float* dx, const std::vector<DenseGradient>& gradients, const Threads& threads,
                Scratch& scratch)
      : Pass(stack, threads), dx_(dx), gradients_(gradients), n_parts_(parts_of(stack.rows)), n_apart_(threads.count > 1 ? n_parts_ : 1) {
    const std::size_t n_layers = stack.layers.size();
    const int64_t n_x = stack.rows * stack.layers[0].inputs, n_pull = stack.rows * stack.layers.back().outputs;
    int64_t size = copied(n_x) + copied(n_pull);
    for (std::size_t l = 0; l < n_layers; ++l)
      size += n_copies_ * turned_size(l) + (stack.layers[l].slope ? 2 : 1) * dz_size(l) + (n_apart_ - 1) * Scratch::rounded(sums_size(l));
    scratch.reserve(size);
    for (int64_t copy = 0; copy < n_copies_; ++copy)
      for (std::size_t l = 0; l < n_layers; ++l) {
        turned_.push_back(scratch.take(turned_size(l)));
        for (int64_t panel = 0; turned_size(l) && panel < panels_in(stack.layers[l].inputs); ++panel) panels_.push_back({turned_.size() - 1, panel});
      }
    for (std::size_t l = 0; l < n_layers; ++l) {
      dz_.push_back(scratch.take(dz_size(l)));
      ds_.push_back(stack.layers[l].slope ? scratch.take(dz_size(l)) : nullptr);
    }
    for (int64_t part = 0; part < n_apart_; ++part)
      for (std::size_t l = 0; l < n_layers; ++l) {
        const DenseLayer& layer = stack.layers[l];
        float* room = part ? scratch.take(sums_size(l)) : nullptr;
        const int64_t n = layer.inputs * layer.outputs;
        sums_.push_back(part ? DenseGradient{room, room + n, room + n + layer.outputs} : gradients[l]);
        for (int64_t panel = 0; panel < panels_in(layer.outputs); ++panel)
          for (int64_t input = 0; input == 0 || input < layer.inputs; input += kTaskInputs) tasks_.push_back({part, l, panel, input});
      }
    x_ = copy(stack.x, n_x, scratch);
    pull_ = copy(pull, n_pull, scratch);
  }

  int64_t panels() const { return static_cast<int64_t>(panels_.size()); }
  int64_t tasks() const { return static_cast<int64_t>(tasks_.size()); }

  void pack(int64_t i) const {
    const auto [place, panel] = panels_[i];
    const DenseLayer& layer = stack_.layers[place % stack_.layers.size()];
    pack_turned(layer.kernel, layer.inputs, layer.outputs, panel, turned_[place]);
  }

  void run(int64_t begin, int64_t end, int64_t thread) const {
    const std::size_t last = stack_.layers.size() - 1;
    float* const* turned = &turned_[copy_of(thread) * (last + 1)];
    const int64_t width = stack_.layers[last].outputs, inputs = stack_.layers[0].inputs;
    for (int64_t first = begin; first < end; first += kChunk) {
      const int64_t n = std::min(end - first, kChunk);
      const Below below = below_of(last);
      for (int64_t row = first; row < first + n; ++row)
        for (int64_t unit = 0; unit < width; unit += kLanes) below.keep(row, unit, load_part(pull_ + row * width + unit, width - unit));
      for (std::size_t l = last + 1; l-- > (dx_ ? 0 : 1);) {
        const DenseLayer& layer = stack_.layers[l];
        for (int64_t panel = 0; panel < panels_in(layer.inputs); ++panel)
          by_vectors(panel_width(layer.inputs, panel), [&](auto vectors) { turn<decltype(vectors)::value>(l, turned[l], panel, first, n); });
      }
    }
    if (!is_helper(thread)) return;
    touch(x_ + begin * inputs, (end - begin) * inputs);
    touch(pull_ + begin * width, (end - begin) * width);
    for (std::size_t l = 0; l <= last; ++l) touch(turned[l], turned_size(l));
  }

  void sum(int64_t i) const {
    const Task& task = tasks_[i];
    by_vectors(panel_width(stack_.layers[task.layer].outputs, task.panel), [&](auto vectors) {
      sum_weights<decltype(vectors)::value>(task);
      if (task.input) return;
      const DenseGradient& sums = sums_of(task);
      sum_rows<decltype(vectors)::value>(task, dz_[task.layer], sums.bias);
      if (ds_[task.layer]) sum_rows<decltype(vectors)::value>(task, ds_[task.layer], sums.slope);
    });
  }

  // Adds up parts that were summed apart. The caller reads what is made next.
  void finish() const {
    const std::size_t n_layers = stack_.layers.size();
    for (int64_t part = 1; part < n_apart_; ++part)
      for (std::size_t l = 0; l < n_layers; ++l) {
        const DenseLayer& layer = stack_.layers[l];
        const float scale = part + 1 < n_apart_ ? 1.0f : layer.scale;
        const DenseGradient &to = gradients_[l], &from = sums_[part * n_layers + l];
        add(from.kernel, layer.inputs * layer.outputs, scale, to.kernel);
        add(from.bias, layer.outputs, 1.0f, to.bias);
        if (layer.slope) add(from.slope, layer.outputs, 1.0f, to.slope);
        if (n_copies_ > 1) touch(from.kernel, sums_size(l));
      }
    if (n_copies_ > 1 && dx_) touch(dx_, stack_.rows * stack_.layers[0].inputs);
  }

 private:
  struct Task {
    int64_t part;
    std::size_t layer;
    int64_t panel, input;
  };
  struct Panel {
    std::size_t place;  // in `turned_`
    int64_t panel;
  };

  static void add(const float* from, int64_t n, float scale, float* to) {
    for (int64_t i = 0; i < n; ++i) to[i] = (to[i] + from[i]) * scale;
  }

  const DenseGradient& sums_of(const Task& task) const { return sums_[task.part * stack_.layers.size() + task.layer]; }
  int64_t sums_size(std::size_t l) const { return (stack_.layers[l].inputs + 2) * stack_.layers[l].outputs; }
  int64_t turned_size(std::size_t l) const {
    return l || dx_ ? Scratch::rounded(padded(stack_.layers[l].inputs) * stack_.layers[l].outputs) : 0;
  }
  int64_t dz_size(std::size_t l) const { return panels_in(stack_.layers[l].outputs) * kBlock * stack_.rows; }

  // What becomes of a layer's dh: dz, and what slopes get. Copies, as in `finish`.
  struct Below {
    const float *h, *factor, *beyond;
    float *dz, *ds;
    int64_t rows, outputs;
    float scale;

    // Where number (row, unit) of dz stands: panels are [B, kBlock] each, the last one too.
    int64_t place(int64_t row, int64_t unit) const { return (unit / kBlock * rows + row) * kBlock + unit % kBlock; }

    DENSEQ_INLINE void keep(int64_t row, int64_t unit, Vector dh) const {
      const int64_t at = row * outputs + unit, n = outputs - unit;
      const Vector rise = factor ? load_part(factor + at, n) : load_part(h + at, n) > 0.0f ? broadcast(scale) : Vector{};
      store(dz + place(row, unit), dh * rise);
      if (ds) store(ds + place(row, unit), dh * load_part(beyond + at, n));
    }
  };

  Below below_of(std::size_t l) const {
    const DenseLayer& layer = stack_.layers[l];
    return {layer.h, layer.factor, layer.beyond, dz_[l], ds_[l], stack_.rows, layer.outputs, layer.draw ? layer.draw->scale : 1.0f};
  }

  template <int VECTORS>
  void turn(std::size_t l, const float* turned, int64_t panel, int64_t first, int64_t n) const {
    const DenseLayer& layer = stack_.layers[l];
    const int64_t column = panel * kBlock, n_full = layer.outputs / kBlock, rest = layer.outputs % kBlock;
    const float* right = turned + column * layer.outputs;
    const Below below = l ? below_of(l - 1) : Below{};
    const float scale = layer.scale;
    for_tiles(n, [&](int64_t i, auto rows) {
      constexpr int kRows = decltype(rows)::value;
      Vector sums[kRows][VECTORS] = {};
      const float* dz = dz_[l] + (first + i) * kBlock;
      const ptrdiff_t slice = stack_.rows * kBlock, step = VECTORS * kLanes;
      if (n_full) add_product(sums, Left{dz, kBlock, 1, kBlock, n_full, slice}, right, step);
      if (rest) add_product(sums, Left{dz + n_full * slice, kBlock, 1, rest, 1, 0}, right + n_full * kBlock * step, step);
      for (int r = 0; r < kRows; ++r)
        for (int v = 0; v < VECTORS; ++v) {
          const int64_t row = first + i + r, unit = column + v * kLanes;
          const Vector value = sums[r][v] * scale;
          if (l)
            below.keep(row, unit, value);
          else
            store_part(dx_ + row * layer.inputs + unit, value, layer.inputs - unit);
        }
    });
  }

  // Calls body(first row, end) for every part of a task: one, or all where one thread takes them one after the other.
  template <typename Body>
  void for_parts(const Task& task, const Body& body) const {
    for (int64_t part = task.part; part < (n_apart_ > 1 ? task.part + 1 : n_parts_); ++part)
      body(part * stack_.rows / n_parts_, (part + 1) * stack_.rows / n_parts_);
  }

  template <int VECTORS>
  void sum_weights(const Task& task) const {
    const std::size_t l = task.layer;
    const DenseLayer& layer = stack_.layers[l];
    const int64_t n = std::min(kTaskInputs, layer.inputs - task.input), column = task.panel * kBlock;
    const float *from = (l ? stack_.inputs_of(l) : x_) + task.input, *dz = dz_[l] + column * stack_.rows;
    const float scale = n_apart_ > 1 ? 1.0f : layer.scale;
    float* to = sums_of(task).kernel + task.input * layer.outputs + column;
    const int64_t inputs = layer.inputs, outputs = layer.outputs, n_units = outputs - column;
    // A tile's sums over one part, all of whose vectors are whole, need no room between. Zero is added as it is to parts.
    const bool goes_there = (n_apart_ > 1 || n_parts_ == 1) && VECTORS * kLanes <= n_units;
    alignas(64) float total[kTaskInputs * kBlock], all[kTaskInputs * kBlock];
    if (!goes_there) std::fill_n(total, n * kBlock, 0.0f);
    for_parts(task, [&](int64_t begin, int64_t end) {
      for (int64_t first = begin; first < end; first += kSumChunk) {
        const int64_t n_rows = std::min(end - first, kSumChunk);
        const bool begins = first == begin, ends = first + n_rows == end;
        for_tiles(n, [&](int64_t k, auto rows) {
          constexpr int kRows = decltype(rows)::value;
          Vector sums[kRows][VECTORS];
          const auto each = [&](const auto& body) __attribute__((always_inline)) {
#pragma GCC unroll 8
            for (int r = 0; r < kRows; ++r)
#pragma GCC unroll 4
              for (int v = 0; v < VECTORS; ++v) body(sums[r][v], k + r, v * kLanes);
          };
          if (begins)
            each([](Vector& sum, int64_t, int64_t) { sum = Vector{}; });
          else
            each([&](Vector& sum, int64_t input, int64_t unit) { sum = load(all + input * kBlock + unit); });
          add_product(sums, Left{from + first * inputs + k, 1, inputs, n_rows, 1, 0}, dz + first * kBlock, kBlock);
          if (!ends)
            each([&](Vector& sum, int64_t input, int64_t unit) { store(all + input * kBlock + unit, sum); });
          else if (goes_there)
            each([&](Vector& sum, int64_t input, int64_t unit) { store(to + input * outputs + unit, (Vector{} + sum) * scale); });
          else
            each([&](Vector& sum, int64_t input, int64_t unit) {
              float* sums_to = total + input * kBlock + unit;
              store(sums_to, load(sums_to) + sum);
            });
        });
      }
    });
    for (int64_t k = 0; !goes_there && k < n; ++k)
      for (int v = 0; v < VECTORS; ++v)
        store_part(to + k * outputs + v * kLanes, load(total + k * kBlock + v * kLanes) * scale, n_units - v * kLanes);
  }

  template <int VECTORS>
  void sum_rows(const Task& task, const float* panels, float* to) const {
    const int64_t column = task.panel * kBlock;
    Vector total[VECTORS] = {};
    for_parts(task, [&](int64_t begin, int64_t end) {
      const float* from = panels + column * stack_.rows + begin * kBlock;
      Vector sums[VECTORS] = {};
      for (int64_t row = begin; row < end; ++row, from += kBlock)
        for (int v = 0; v < VECTORS; ++v) sums[v] += load(from + v * kLanes);
      for (int v = 0; v < VECTORS; ++v) total[v] += sums[v];
    });
    for (int v = 0; v < VECTORS; ++v)
      store_part(to + column + v * kLanes, total[v], stack_.layers[task.layer].outputs - column - v * kLanes);
  }

  float *x_, *pull_, *dx_;
  const std::vector<DenseGradient>& gradients_;
  const int64_t n_parts_, n_apart_;  // of the rows' sums, and those in arrays of their own
  std::vector<float*> turned_, dz_, ds_;
  std::vector<DenseGradient> sums_;  // of each part, and in it of each layer
  std::vector<Panel> panels_;
  std::vector<Task> tasks_;
};

}  // namespace denseq
