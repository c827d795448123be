// What XLA calls: features of numbers, forward or backward, for every member of the leading axes that vmap adds.

#include "embeddings.h"

#include "members.h"
#include "parallel.h"

namespace denseq {
namespace {

constexpr int64_t kWork = 1 << 16;  // numbers that are worth waking a thread for

// The arrays of one embedding of columns: x [B, F], others [F, ...], and `features` of each number, [B, F, K].
struct Columns {
  Columns(Floats x, Floats features, Dimensions result, int64_t n_own) : members(result, n_own) {
    const Dimensions of_x = x.dimensions(), own = features.dimensions();
    if (of_x.size() < 2 || own.size() < 3 || result.size() < static_cast<std::size_t>(n_own)) {
      members.refuse("the shape of x");
      return;
    }
    rows = of_x[of_x.size() - 2], count = of_x.back(), size = own.back();
    members.expect("x", x, {rows, count});
    members.expect("the features", features, {rows, count, size});
  }

  // run(member, column): columns side by side.
  template <typename Run>
  ffi::Error for_each(ffi::ThreadPool pool, const Run& run) const {
    if (!members.problem().empty()) return ffi::Error::InvalidArgument(members.problem());
    const int64_t n = members.count() * count, n_threads = std::max<int64_t>(1, pool.num_threads());
    parallel(n, n * rows * size < kWork ? 1 : n_threads, [&](int64_t i) { run(i / count, i % count); });
    return ffi::Error::Success();
  }

  Column of_x(Floats x, int64_t member, int64_t column) const { return {members.at(x, member) + column, count}; }
  Column of_features(Floats features, int64_t member, int64_t column) const {
    return {members.at(features, member) + column * size, count * size};
  }

  Members members;
  int64_t rows = 0, count = 0, size = 0;
};

int64_t last_of(Floats array) { return array.dimensions().size() ? array.dimensions().back() : 0; }

ffi::Error bins_forward(ffi::ThreadPool pool, Floats x, Floats edges, Floats kernel, Floats bias, Floats bins, Room h) {
  Columns columns(x, *h, h->dimensions(), 3);
  const int64_t n_edges = last_of(edges), n_columns = columns.count, size = columns.size;
  columns.members.expect("edges", edges, {n_columns, n_edges});
  columns.members.expect("kernel", kernel, {n_columns, size});
  columns.members.expect("bias", bias, {n_columns, size});
  columns.members.expect("bins", bins, {n_columns, n_edges - 1, size});
  return columns.for_each(pool, [&](int64_t member, int64_t f) {
    const auto at = [&](Floats array, int64_t own) { return columns.members.at(array, member) + f * own; };
    const BinColumn column(at(edges, n_edges), n_edges);
    column.forward(columns.of_x(x, member, f), columns.rows, at(kernel, size), at(bias, size), at(bins, (n_edges - 1) * size), size,
                   at(*h, size), n_columns * size);
  });
}

ffi::Error bins_backward(ffi::ThreadPool pool, Floats x, Floats edges, Floats pull, Room kernel, Room bias, Room bins) {
  Columns columns(x, pull, kernel->dimensions(), 2);
  const int64_t n_edges = last_of(edges), n_columns = columns.count, size = columns.size;
  columns.members.expect("edges", edges, {n_columns, n_edges});
  columns.members.expect("kernel", *kernel, {n_columns, size});
  columns.members.expect("bias", *bias, {n_columns, size});
  columns.members.expect("bins", *bins, {n_columns, n_edges - 1, size});
  return columns.for_each(pool, [&](int64_t member, int64_t f) {
    const auto at = [&](Floats array, int64_t own) { return columns.members.at(array, member) + f * own; };
    const BinColumn column(at(edges, n_edges), n_edges);
    column.backward(columns.of_x(x, member, f), columns.rows, columns.of_features(pull, member, f), size, at(*kernel, size), at(*bias, size),
                    at(*bins, (n_edges - 1) * size));
  });
}

void expect_waves(Columns& columns, Floats frequency, Floats phase, Floats kernel, Floats bias) {
  const int64_t n_waves = last_of(frequency), n = columns.count;
  if (columns.size != WaveColumn::kFeatures) columns.members.refuse("the number of features");
  columns.members.expect("frequency", frequency, {n, n_waves});
  columns.members.expect("phase", phase, {n, n_waves});
  columns.members.expect("kernel", kernel, {n, n_waves, WaveColumn::kMapped});
  columns.members.expect("bias", bias, {n, WaveColumn::kMapped});
}

ffi::Error waves_forward(ffi::ThreadPool pool, Floats x, Floats frequency, Floats phase, Floats kernel, Floats bias, Room h) {
  Columns columns(x, *h, h->dimensions(), 3);
  expect_waves(columns, frequency, phase, kernel, bias);
  const int64_t n_waves = last_of(frequency);
  return columns.for_each(pool, [&](int64_t member, int64_t f) {
    const auto at = [&](Floats array, int64_t own) { return columns.members.at(array, member) + f * own; };
    const WaveColumn column(at(frequency, n_waves), at(phase, n_waves), at(kernel, n_waves * WaveColumn::kMapped), n_waves);
    column.forward(columns.of_x(x, member, f), columns.rows, at(bias, WaveColumn::kMapped), at(*h, columns.size), columns.count * columns.size);
  });
}

ffi::Error waves_backward(ffi::ThreadPool pool, Floats x, Floats frequency, Floats phase, Floats kernel, Floats pull, Room dfrequency,
                          Room dphase, Room dkernel, Room dbias) {
  Columns columns(x, pull, dbias->dimensions(), 2);
  expect_waves(columns, frequency, phase, kernel, *dbias);
  expect_waves(columns, *dfrequency, *dphase, *dkernel, *dbias);
  const int64_t n_waves = last_of(frequency);
  if (last_of(*dfrequency) != n_waves) columns.members.refuse("the shape of a gradient");
  return columns.for_each(pool, [&](int64_t member, int64_t f) {
    const auto at = [&](Floats array, int64_t own) { return columns.members.at(array, member) + f * own; };
    const WaveColumn column(at(frequency, n_waves), at(phase, n_waves), at(kernel, n_waves * WaveColumn::kMapped), n_waves);
    column.backward(columns.of_x(x, member, f), columns.rows, columns.of_features(pull, member, f), at(*dfrequency, n_waves), at(*dphase, n_waves),
                    at(*dkernel, n_waves * WaveColumn::kMapped), at(*dbias, WaveColumn::kMapped));
  });
}

}  // namespace

#define DENSEQ_COLUMNS ffi::Ffi::Bind().Ctx<ffi::ThreadPool>().Arg<Floats>().Arg<Floats>().Arg<Floats>()

XLA_FFI_DEFINE_HANDLER_SYMBOL(denseq_bins_forward, bins_forward, DENSEQ_COLUMNS.Arg<Floats>().Arg<Floats>().Ret<Floats>());

XLA_FFI_DEFINE_HANDLER_SYMBOL(denseq_bins_backward, bins_backward, DENSEQ_COLUMNS.Ret<Floats>().Ret<Floats>().Ret<Floats>());

XLA_FFI_DEFINE_HANDLER_SYMBOL(denseq_waves_forward, waves_forward, DENSEQ_COLUMNS.Arg<Floats>().Arg<Floats>().Ret<Floats>());

XLA_FFI_DEFINE_HANDLER_SYMBOL(denseq_waves_backward, waves_backward,
                              DENSEQ_COLUMNS.Arg<Floats>().Arg<Floats>().Ret<Floats>().Ret<Floats>().Ret<Floats>().Ret<Floats>());

}  // namespace denseq
