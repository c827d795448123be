// A whole network for rows of a table, forward alone: encoded columns in, answers in the target's encoded units out.
//
// A row begins as [features | what the first layer's products begin with | what the last one's do], each filled up to
// whole vectors. What a layer would make of a category, of a missing value or of the bins that a number is in is looked up
// where it has been made beforehand, in tables of such rows. No bit of a row's answers depends on other rows.

#pragma once

#include <vector>

#include "columns.h"
#include "scratch.h"

namespace denseq {

constexpr int64_t kRows = 48;  // rows taken together: what stands between layers stays in the second-level cache

// These are field by field the structures of nets/kernels/tables.py.

// kCode: the row of `table` [n, width] of a code. kMissing: its one row, where a number is missing. kNumber: that row, times
// the number. kBins: between two of its first n rows, as far as the number is between two of the `edges` [n], filled up to
// whole vectors by infinities; beyond them the row at their end, and the last one, n, times how far it is beyond.
enum class PartKind : int64_t { kCode, kMissing, kNumber, kBins };

struct Part {
  int64_t kind, column, n;
  const float *table, *edges;
};

// What is added up at row[offset .. offset + width): `start` [width], and parts of columns.
struct Sum {
  int64_t offset, width, n_parts;
  const float* start;
  const Part* parts;
};

// A number at row[offset], or the cosines of frequency [n] x number + phase [n] from there on.
struct Feature {
  int64_t column, offset, n;
  const float *frequency, *phase;
};

// Panels as `pack_panel` fills them. `bias` is null where it stands in the row, at `offset`.
struct TableLayer {
  int64_t inputs, outputs, offset, activation;
  const float *panels, *bias, *slope;
};

// In the order of KINDS in nets/kernels/tables.py.
enum class HeadKind : int64_t { kNumbers, kBinary, kMulticlass };

// Outputs [first, first + n), each times its scale; with centers added, and bounded, they are numbers.
struct TableHead {
  int64_t kind, first, n;
  const float *scale, *center, *low, *high;
};

struct TableNet {
  int64_t n_numbers, n_codes, n_features, n_sums, n_layers, n_heads, row_width, n_answers;
  Scales scales;
  const Feature* features;
  const Sum* sums;
  const TableLayer* layers;
  const TableHead* heads;
};

// cos(x), for |x| below 1e4: the multiple of pi / 2 that is nearest is taken away in three parts (Cody & Waite), and the
// rest goes into Cephes' polynomials of sine or cosine.
DENSEQ_INLINE Vector cosine(Vector x) {
  constexpr float magic = 12582912.0f;
  const Vector shifted = x * 0.636619772f + magic, n = shifted - magic;
  Vector r = x - n * 1.5703125f;
  r = r - n * 4.837512969970703e-4f;
  r = r - n * 7.549789948768648e-8f;
  const Vector s = r * r;
  const Vector sine = r + r * s * ((s * -1.9515295891e-4f + 8.3321608736e-3f) * s - 1.6666654611e-1f);
  const Vector cosine = 1.0f - 0.5f * s + s * s * ((s * 2.443315711809948e-5f - 1.388731625493765e-3f) * s + 4.166664568298827e-2f);
  const Bits quarter = (Bits)shifted;
  const Vector value = (quarter & 1u) == 1u ? sine : cosine;
  return ((quarter + 1u) & 2u) == 2u ? -value : value;
}

class TableRows {
 public:
  TableRows(const TableNet& net, const float* numbers, const int32_t* codes, float* answers)
      : net_(net), numbers_(numbers), codes_(codes), answers_(answers) {
    for (int64_t l = 0; l < net.n_layers; ++l) widest_ = std::max(widest_, padded(net.layers[l].outputs));
    for (int64_t s = 0; s < net.n_sums; ++s) most_parts_ = std::max(most_parts_, net.sums[s].n_parts);
  }

  // Answers rows [first, end).
  void run(int64_t first, int64_t end, Scratch& scratch) const {
    const int64_t n = std::min(end - first, kRows);
    scratch.reserve(Scratch::rounded(n * net_.n_numbers) + Scratch::rounded(n * net_.row_width) + 2 * Scratch::rounded(n * widest_) +
                    Scratch::rounded(padded(net_.layers[net_.n_layers - 1].inputs)));
    float *scaled = scratch.take(n * net_.n_numbers), *rows = scratch.take(n * net_.row_width);
    float* outputs[2] = {scratch.take(n * widest_), scratch.take(n * widest_)};
    const TableLayer& last = net_.layers[net_.n_layers - 1];
    float* only = last.outputs == 1 ? only_column(last, scratch) : nullptr;
    std::vector<Term> terms(3 * most_parts_);
    for (; first < end; first += kRows) {
      const int64_t n_rows = std::min(end - first, kRows);
      scale_rows(net_.scales, numbers_ + first * net_.n_numbers, n_rows, net_.n_numbers, scaled);
      for (int64_t i = 0; i < n_rows; ++i) begin(first + i, scaled + i * net_.n_numbers, terms.data(), rows + i * net_.row_width);
      const float* inputs = rows;
      int64_t step = net_.row_width;
      for (int64_t l = 0; l < net_.n_layers; ++l) {
        if (only && &net_.layers[l] == &last)
          put_only(last, only, inputs, step, n_rows, rows, outputs[l % 2]);
        else
          run_layer(net_.layers[l], inputs, step, n_rows, rows, outputs[l % 2]);
        inputs = outputs[l % 2];
        step = padded(net_.layers[l].outputs);
      }
      for (int64_t i = 0; i < n_rows; ++i) answer(inputs + i * step, answers_ + (first + i) * net_.n_answers);
    }
    scratch.release();
  }

 private:
  struct Term {
    const float* numbers;
    float weight;
  };

  void begin(int64_t row, const float* scaled, Term* terms, float* to) const {
    for (int64_t i = 0; i < net_.n_features; ++i) {
      const Feature& feature = net_.features[i];
      const float x = scaled[feature.column];
      if (!feature.frequency) to[feature.offset] = x;
      for (int64_t v = 0; feature.frequency && v < feature.n; v += kLanes)
        store(to + feature.offset + v, cosine(load(feature.frequency + v) * x + load(feature.phase + v)));
    }
    for (int64_t s = 0; s < net_.n_sums; ++s) {
      const Sum& sum = net_.sums[s];
      const Term* end = terms;
      for (int64_t p = 0; p < sum.n_parts; ++p) end = terms + add_part(sum.parts[p], sum.width, row, scaled, terms, end - terms);
      for (int64_t v = 0; v < sum.width; v += kBlock)
        by_vectors(std::min<int64_t>(kBlock, sum.width - v), [&](auto vectors) {
          add_up<decltype(vectors)::value>(sum.start + v, terms, end, v, to + sum.offset + v);
        });
    }
  }

  // Some vectors at once, for each of their sums waits for itself.
  template <int VECTORS>
  DENSEQ_INLINE static void add_up(const float* start, const Term* terms, const Term* end, int64_t at, float* to) {
    Vector sums[VECTORS];
    for (int v = 0; v < VECTORS; ++v) sums[v] = load(start + v * kLanes);
    for (; terms < end; ++terms)
      for (int v = 0; v < VECTORS; ++v) sums[v] += load(terms->numbers + at + v * kLanes) * terms->weight;
    for (int v = 0; v < VECTORS; ++v) store(to + v * kLanes, sums[v]);
  }

  // Puts what a part adds to a row behind the first n_terms; how many there are then.
  int64_t add_part(const Part& part, int64_t width, int64_t row, const float* scaled, Term* terms, int64_t n_terms) const {
    switch (static_cast<PartKind>(part.kind)) {
      case PartKind::kCode: {
        const int64_t code = std::clamp<int64_t>(codes_[row * net_.n_codes + part.column], 0, part.n - 1);
        terms[n_terms++] = {part.table + code * width, 1.0f};
        break;
      }
      case PartKind::kMissing:
        if (std::isnan(numbers_[row * net_.n_numbers + part.column])) terms[n_terms++] = {part.table, 1.0f};
        break;
      case PartKind::kNumber: terms[n_terms++] = {part.table, scaled[part.column]}; break;
      case PartKind::kBins: {
        const float x = scaled[part.column], low = part.edges[0], high = part.edges[part.n - 1];
        const float inside = x < low ? low : x > high ? high : x;
        const int64_t k = std::clamp<int64_t>(count_up_to(part.edges, padded(part.n) / kLanes, inside), 1, part.n - 1);
        const float share = (inside - part.edges[k - 1]) / (part.edges[k] - part.edges[k - 1]);
        terms[n_terms++] = {part.table + (k - 1) * width, 1.0f - share};
        terms[n_terms++] = {part.table + k * width, share};
        if (x != inside) terms[n_terms++] = {part.table + part.n * width, x - inside};
      }
    }
    return n_terms;
  }

  template <Activation KIND>
  static void finish(const TableLayer& layer, const float* products, const float* start, int64_t start_step, int64_t n_rows, int64_t width,
                     const float* slopes, float* to) {
    const int64_t step = padded(layer.outputs);
    for (int64_t v = 0; v < width; v += kLanes) {
      const Vector slope = slopes ? load(slopes + v) : Vector{};
      for (int64_t r = 0; r < n_rows; ++r) {
        const Vector z = load(products + r * width + v) + load(start + r * start_step + v);
        store(to + r * step + v, slopes ? with_slope<KIND>(z, slope) : activate<KIND>(z).value);
      }
    }
  }

  using FinishRows = void (*)(const TableLayer&, const float*, const float*, int64_t, int64_t, int64_t, const float*, float*);

  template <std::size_t... KINDS>
  static FinishRows finish_rows(int64_t kind, std::index_sequence<KINDS...>) {
    static constexpr FinishRows all[] = {finish<static_cast<Activation>(KINDS)>...};
    return all[kind];
  }

  // Inputs [n_rows, step] -> outputs, filled up to whole vectors.
  void run_layer(const TableLayer& layer, const float* inputs, int64_t step, int64_t n_rows, const float* rows, float* to) const {
    const FinishRows finish = finish_rows(layer.activation, std::make_index_sequence<static_cast<std::size_t>(Activation::kEnd)>());
    const int64_t own_step = padded(layer.outputs);
    for (int64_t panel = 0; panel < panels_in(layer.outputs); ++panel) {
      const int64_t column = panel * kBlock, width = panel_width(layer.outputs, panel);
      const float *weights = layer.panels + column * layer.inputs, *slope = layer.slope ? layer.slope + column : nullptr;
      by_vectors(width, [&](auto vectors) {
        constexpr int kVectors = decltype(vectors)::value;
        for_tiles(n_rows, [&](int64_t row, auto tile) {
          constexpr int kTileRows = decltype(tile)::value;
          Vector sums[kTileRows][kVectors] = {};
          add_product(sums, Left{inputs + row * step, step, 1, layer.inputs, 1, 0}, weights, kVectors * kLanes);
          alignas(64) float products[kTileRows * kVectors * kLanes];
          for (int r = 0; r < kTileRows; ++r)
            for (int v = 0; v < kVectors; ++v) store(products + (r * kVectors + v) * kLanes, sums[r][v]);
          const float* start = layer.bias ? layer.bias + column : rows + row * net_.row_width + layer.offset + column;
          finish(layer, products, start, layer.bias ? 0 : net_.row_width, kTileRows, width, slope, to + row * own_step + column);
        });
      });
    }
  }

  // The weights of a layer of one output, filled up by zeros to whole vectors.
  static float* only_column(const TableLayer& layer, Scratch& scratch) {
    float* weights = scratch.take(padded(layer.inputs));
    for (int64_t k = 0; k < padded(layer.inputs); ++k) weights[k] = k < layer.inputs ? layer.panels[k * kLanes] : 0;
    return weights;
  }

  // The one output of the last layer, whose products would fill a vector with it: inputs that stand side by side are added up
  // instead, in kGates sums of vectors.
  void put_only(const TableLayer& layer, const float* weights, const float* inputs, int64_t step, int64_t n_rows, const float* rows,
                float* to) const {
    const int64_t n = padded(layer.inputs), full = n / kBlock * kBlock;
    for (int64_t r = 0; r < n_rows; ++r, inputs += step) {
      Vector sums[kGates] = {};
      for (int64_t k = 0; k < full; k += kBlock)
        for (int g = 0; g < kGates; ++g) sums[g] += load(inputs + k + g * kLanes) * load(weights + k + g * kLanes);
      for (int64_t k = full; k < n; k += kLanes) sums[0] += load(inputs + k) * load(weights + k);
      const Vector all = (sums[0] + sums[1]) + (sums[2] + sums[3]);
      float sum = 0;
      for (int lane = 0; lane < kLanes; ++lane) sum += all[lane];
      to[r * kLanes] = sum + rows[r * net_.row_width + layer.offset];
    }
  }

  void answer(const float* outputs, float* to) const {
    for (int64_t i = 0; i < net_.n_heads; ++i) {
      const TableHead& head = net_.heads[i];
      const float* own = outputs + head.first;
      float* at = to + head.first;
      switch (static_cast<HeadKind>(head.kind)) {
        case HeadKind::kNumbers:
          for (int64_t o = 0; o < head.n; ++o) {
            const float number = own[o] * head.scale[o] + head.center[o], below = number > head.high[o] ? head.high[o] : number;
            at[o] = below < head.low[o] ? head.low[o] : below;
          }
          break;
        case HeadKind::kBinary: at[0] = sigmoid(broadcast(own[0] * head.scale[0]))[0]; break;
        case HeadKind::kMulticlass: softmax(own, head.n, head.scale[0], at);
      }
    }
  }

  static void softmax(const float* own, int64_t n, float scale, float* to) {
    const float most = *std::max_element(own, own + n);
    float total = 0;
    for (int64_t k = 0; k < n; ++k) total += to[k] = std::exp((own[k] - most) * scale);
    for (int64_t k = 0; k < n; ++k) to[k] /= total;
  }

  const TableNet& net_;
  const float* numbers_;
  const int32_t* codes_;
  float* answers_;
  int64_t widest_ = 0, most_parts_ = 0;
};

}  // namespace denseq
