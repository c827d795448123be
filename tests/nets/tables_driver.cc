// The kernel for rows of a table alone, without Python, for sanitizers and for machines that are only emulated: odd sizes
// against plain loops in double, and the bits of rows alone. Exit code 1 and a line for what is wrong.
//
// Arrays are of exactly their size on the heap, so that a read or write beyond one is seen.

#include <cmath>
#include <cstdio>
#include <cstring>
#include <memory>
#include <vector>

#include "driver.h"
#include "parallel.h"
#include "tables.h"

using namespace denseq;

// Rows of `n` numbers, with others that fill them up to whole vectors.
static Floats whole_rows(const Floats& rows, int64_t n, float filling = 0) {
  Floats made(rows.size() / n * padded(n), filling);
  for (std::size_t i = 0; i < rows.size(); ++i) made[i / n * padded(n) + i % n] = rows[i];
  return made;
}

static Floats panels_of(const Floats& kernel, int64_t inputs, int64_t outputs) {
  Floats made(inputs * padded(outputs));
  for (int64_t panel = 0; panel < panels_in(outputs); ++panel) pack_panel(kernel.data(), inputs, outputs, panel, made.data());
  return made;
}

// Numbers, cosines of one, and a sum of all kinds of parts, into two layers of odd widths and three kinds of heads.
struct Made {
  int64_t rows, hidden;
  static constexpr int64_t kNumbers = 3, kCodes = 2, kEdges = 5, kManyKnots = 70, kBlocks = 3, kOutputs = 6;
  const int64_t waves = padded(4), features = 2 + waves;
  Floats numbers, fill{0.1f, 0.2f, 0.3f}, knots, ends, shares, edges{-1.5f, -1.0f, 0.0f, 0.5f, 2.0f}, frequency, phase;
  std::vector<int32_t> codes;
  Floats code_rows, missing_row, number_row, bin_rows, line_row, start, line_start;
  Floats first, second, last, bias, slope;
  Floats scale, center, low, high;

  Made(int64_t rows, int64_t hidden) : rows(rows), hidden(hidden) {
    numbers = random_numbers(rows * kNumbers);
    for (float& number : numbers) number *= 0.8f;  // a quantile in the tails hangs on the last bit of its share
    if (rows > 1) numbers[1] = NAN;
    for (int64_t i = 0; i < rows * kCodes; ++i) codes.push_back(static_cast<int32_t>(i % 4));
    for (int f = 0; f < kNumbers; ++f)
      for (int k = 0; k < kBlocks * kKnots; ++k) {
        const float u = 2.0f * k / (kManyKnots - 1) - 1;
        knots.push_back(k < kManyKnots ? 0.9f * u * (0.7f + 0.3f * u * u) : INFINITY);
        if (k % kKnots == kKnots - 1) ends.push_back(knots.back());
      }
    for (int k = 0; k < kManyKnots; ++k) shares.push_back(k / float(kManyKnots - 1));
    frequency = random_numbers(waves), phase = random_numbers(waves);
    code_rows = random_numbers(4 * hidden), missing_row = random_numbers(hidden), number_row = random_numbers(hidden);
    bin_rows = random_numbers((kEdges + 1) * hidden), start = random_numbers(hidden);
    line_row = random_numbers(kOutputs), line_start = random_numbers(kOutputs);
    first = random_numbers(features * hidden), second = random_numbers(hidden * hidden), last = random_numbers(hidden * kOutputs);
    for (auto* kernel : {&first, &second, &last})
      for (float& weight : *kernel) weight /= std::sqrt(static_cast<float>(hidden));
    bias = random_numbers(hidden), slope = random_numbers(hidden);
    scale = random_numbers(kOutputs), center = random_numbers(kOutputs), low = Floats(kOutputs, -0.5f), high = Floats(kOutputs, 0.75f);
  }
};

static double quantile(double p) {  // by bisection
  double low = -8, high = 8;
  for (int i = 0; i < 80; ++i) (std::erfc(-(low + high) / 2 / std::sqrt(2.0)) / 2 < p ? low : high) = (low + high) / 2;
  return low;
}

// The share of a number between knots, which are not evenly far apart.
static double share_of(const Made& made, double x) {
  const float* knots = made.knots.data();
  int64_t k = 1;
  while (k < Made::kManyKnots - 1 && x >= knots[k]) ++k;
  return (k - 1 + (x - knots[k - 1]) / (double(knots[k]) - knots[k - 1])) / (Made::kManyKnots - 1);
}

static double mish(double z) { return z * std::tanh(std::log1p(std::exp(z))); }

// The answers to one row.
static Doubles truth_of(const Made& made, int64_t row) {
  const int64_t h = made.hidden, n = Made::kNumbers;
  Doubles x;
  for (int f = 0; f < n; ++f) {
    const float raw = made.numbers[row * n + f], filled = std::isnan(raw) ? made.fill[f] : raw;
    x.push_back(quantile(std::clamp(share_of(made, filled), 1e-7, 1 - 1e-7)));
  }
  Doubles features{x[0], x[1]}, base, out;
  for (int64_t i = 0; i < made.waves; ++i) features.push_back(std::cos(made.frequency[i] * x[2] + double(made.phase[i])));
  const Floats& edges = made.edges;
  const double inside = std::clamp<double>(x[1], edges.front(), edges.back());
  int64_t k = 1;
  while (k < Made::kEdges - 1 && inside >= edges[k]) ++k;
  const double share = (inside - edges[k - 1]) / (edges[k] - edges[k - 1]);
  for (int64_t u = 0; u < h; ++u) {
    double z = made.start[u] + made.code_rows[made.codes[row * Made::kCodes + 1] * h + u] + x[0] * made.number_row[u];
    if (std::isnan(made.numbers[row * n + 1])) z += made.missing_row[u];
    z += (1 - share) * made.bin_rows[(k - 1) * h + u] + share * made.bin_rows[k * h + u] + (x[1] - inside) * made.bin_rows[Made::kEdges * h + u];
    for (int64_t d = 0; d < made.features; ++d) z += features[d] * made.first[d * h + u];
    base.push_back(z + made.slope[u] * (mish(z) - z));
  }
  Doubles next;
  for (int64_t u = 0; u < h; ++u) {
    double z = made.bias[u];
    for (int64_t d = 0; d < h; ++d) z += base[d] * made.second[d * h + u];
    next.push_back(z + made.slope[u] * (mish(z) - z));
  }
  for (int64_t o = 0; o < Made::kOutputs; ++o) {
    double z = made.line_start[o] + x[2] * made.line_row[o];
    for (int64_t d = 0; d < h; ++d) z += next[d] * made.last[d * Made::kOutputs + o];
    out.push_back(z);
  }
  for (int o = 0; o < 2; ++o) out[o] = std::clamp<double>(out[o] * made.scale[o] + made.center[o], -0.5, 0.75);
  out[2] = 1 / (1 + std::exp(-out[2] * made.scale[2]));
  double total = 0;
  for (int o = 3; o < 6; ++o) total += out[o] = std::exp(out[o] * made.scale[3]);
  for (int o = 3; o < 6; ++o) out[o] /= total;
  return out;
}

// How far answers are from the truth; 1 if those of a row alone have other bits.
static double compare(int64_t rows, int64_t hidden) {
  const Made made(rows, hidden);
  const int64_t width = padded(hidden), outputs = padded(Made::kOutputs);
  const Floats codes = whole_rows(made.code_rows, hidden), missing = whole_rows(made.missing_row, hidden);
  const Floats number = whole_rows(made.number_row, hidden), bins = whole_rows(made.bin_rows, hidden);
  const Floats start = whole_rows(made.start, hidden), line = whole_rows(made.line_row, Made::kOutputs);
  const Floats line_start = whole_rows(made.line_start, Made::kOutputs);
  const Floats bias = whole_rows(made.bias, hidden), slope = whole_rows(made.slope, hidden);
  const Floats first = panels_of(made.first, made.features, hidden), second = panels_of(made.second, hidden, hidden);
  const Floats last = panels_of(made.last, hidden, Made::kOutputs);
  const Floats edges = whole_rows(made.edges, Made::kEdges, INFINITY), ends = whole_rows(made.ends, Made::kBlocks, INFINITY);
  const auto kind = [](PartKind of) { return static_cast<int64_t>(of); };
  const Part parts[] = {{kind(PartKind::kCode), 1, 4, codes.data(), nullptr}, {kind(PartKind::kMissing), 1, 1, missing.data(), nullptr},
                        {kind(PartKind::kNumber), 0, 1, number.data(), nullptr}, {kind(PartKind::kBins), 1, Made::kEdges, bins.data(), edges.data()}};
  const Part line_part{kind(PartKind::kNumber), 2, 1, line.data(), nullptr};
  const Sum sums[] = {{made.features, width, 4, start.data(), parts}, {made.features + width, outputs, 1, line_start.data(), &line_part}};
  const Feature features[] = {{0, 0, 1, nullptr, nullptr}, {1, 1, 1, nullptr, nullptr}, {2, 2, 4, made.frequency.data(), made.phase.data()}};
  const int64_t mish_kind = static_cast<int64_t>(Activation::kMish), linear = static_cast<int64_t>(Activation::kLinear);
  const TableLayer layers[] = {{made.features, hidden, made.features, mish_kind, first.data(), nullptr, slope.data()},
                               {hidden, hidden, 0, mish_kind, second.data(), bias.data(), slope.data()},
                               {hidden, Made::kOutputs, made.features + width, linear, last.data(), nullptr, nullptr}};
  const auto head = [&](HeadKind of, int64_t at, int64_t n) {
    return TableHead{static_cast<int64_t>(of), at, n, made.scale.data() + at, made.center.data() + at, made.low.data() + at, made.high.data() + at};
  };
  const TableHead heads[] = {head(HeadKind::kNumbers, 0, 2), head(HeadKind::kBinary, 2, 1), head(HeadKind::kMulticlass, 3, 3)};
  const Scales scales{static_cast<int64_t>(Scaling::kQuantile), Made::kManyKnots, Made::kBlocks, made.fill.data(), nullptr, nullptr,
                      made.knots.data(), ends.data(), made.shares.data()};
  const TableNet net{Made::kNumbers, Made::kCodes, 3, 2, 3, 3, made.features + width + outputs, Made::kOutputs, scales, features, sums, layers, heads};
  Floats answers(rows * Made::kOutputs);
  const TableRows all(net, made.numbers.data(), made.codes.data(), answers.data());
  parallel(4, 3, [&](int64_t part) {
    Scratch scratch;
    all.run(part * rows / 4, (part + 1) * rows / 4, scratch);
  });
  double worst = 0;
  Scratch scratch;
  for (int64_t row = 0; row < rows; ++row) {
    const Floats numbers(made.numbers.begin() + row * 3, made.numbers.begin() + row * 3 + 3);
    const std::vector<int32_t> own(made.codes.begin() + row * 2, made.codes.begin() + row * 2 + 2);
    Floats alone(Made::kOutputs);
    TableRows(net, numbers.data(), own.data(), alone.data()).run(0, 1, scratch);
    const Floats::iterator found = answers.begin() + row * Made::kOutputs;
    if (std::memcmp(alone.data(), &*found, sizeof(float) * Made::kOutputs)) worst = 1;
    const Doubles truth = truth_of(made, row);
    for (int o = 0; o < Made::kOutputs; ++o) worst = std::max(worst, std::isfinite(found[o]) ? std::abs(found[o] - truth[o]) : 1e30);
  }
  return worst;
}

int main() {
  int n_wrong = 0;
  for (int64_t rows : {1, 2, 5, 53, 200})
    for (int64_t hidden : {1, 18, 70, 130}) {
      const double worst = compare(rows, hidden);
      if (worst < 5e-6) continue;
      ++n_wrong;
      std::printf("rows %d hidden %d: %.2g\n", int(rows), int(hidden), worst);
    }
  std::printf("%d lanes: %d things wrong\n", kLanes, n_wrong);
  return n_wrong > 0;
}
