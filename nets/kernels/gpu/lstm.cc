// What XLA calls: the LSTM's recurrence on a GPU, all members at once. Shapes stand in arguments.h.
//
// A kernel is compiled by Python for one number of units, made known here by a key, and launched on XLA's own stream.

#include <algorithm>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

#include "arguments.h"
#include "driver.h"
#include "xla/ffi/api/ffi.h"

namespace denseq {
namespace {

namespace ffi = xla::ffi;
using Floats = ffi::Buffer<ffi::F32>;
using Integers = ffi::Buffer<ffi::S32>;
using Room = ffi::Result<Floats>;

constexpr int64_t kGates = 4;

Driver& driver() {
  static Driver* const one = new Driver;  // for as long as the process lives: XLA's threads may outlive main
  return *one;
}

struct Sizes {
  int64_t members, rows, steps, directions, hidden;
};

// The shapes of a call; `problem` names an array that does not fit.
struct Shapes {
  Sizes s;
  std::string problem;

  template <typename Buffer>
  void expect(const char* name, const Buffer& buffer, std::initializer_list<int64_t> shape) {
    const auto found = buffer.dimensions();
    if (!std::equal(found.begin(), found.end(), shape.begin(), shape.end()) && problem.empty())
      problem = std::string("the shape of ") + name + " does not fit the others";
  }
  template <typename Buffer>
  void expect_steps(const char* name, const Buffer& buffer, int64_t n) {
    expect(name, buffer, {s.members, s.rows, s.steps, s.directions, n});
  }
  template <typename Buffer>
  void expect_carry(const char* name, const Buffer& buffer) {
    expect(name, buffer, {s.members, s.directions, s.rows, s.hidden});
  }
  void expect_weights(const Floats& recurrent, const Integers& lengths, const Floats& mask) {
    expect("recurrent", recurrent, {s.members, s.directions, s.hidden, kGates * s.hidden});
    expect("lengths", lengths, {s.members, s.rows});
    if (mask.element_count()) expect_carry("mask", mask);
  }
  Shape shape(int64_t reverse) const {
    return {static_cast<int>(s.rows), static_cast<int>(s.steps), static_cast<int>(s.directions),
            static_cast<unsigned>(reverse)};
  }
};

// Of arrays in the shape of outputs.
std::optional<Sizes> sizes_of(const ffi::AnyBuffer::Dimensions& found) {
  if (found.size() != 5) return std::nullopt;
  return Sizes{found[0], found[1], found[2], found[3], found[4]};
}

// The chosen launch, of plan.py.
struct Chosen {
  std::string_view key;
  int64_t block_rows, threads, shared_bytes;
};

template <typename Arguments>
ffi::Error launch(const char* name, const Chosen& chosen, const Shapes& shapes, void* stream, Arguments arguments) {
  if (!shapes.problem.empty()) return ffi::Error(ffi::ErrorCode::kInvalidArgument, shapes.problem);
  const Sizes& s = shapes.s;
  const Driver::Grid grid{static_cast<unsigned>((s.rows + chosen.block_rows - 1) / chosen.block_rows),
                          static_cast<unsigned>(s.directions), static_cast<unsigned>(s.members)};
  const std::string failed =
      driver().launch(std::string(chosen.key), name, grid, static_cast<unsigned>(chosen.threads),
                      static_cast<unsigned>(chosen.shared_bytes), stream, &arguments);
  return failed.empty() ? ffi::Error::Success() : ffi::Error(ffi::ErrorCode::kInternal, std::string(name) + ": " + failed);
}

float* or_null(const Floats& array) { return array.element_count() ? array.typed_data() : nullptr; }

ffi::Error run_forward(void* stream, Floats z, Floats recurrent, Floats h, Floats c, Integers lengths, Floats mask,
                       Room outputs, Room last_h, Room last_c, Room gates, Room cells, std::string_view key,
                       int64_t block_rows, int64_t threads, int64_t shared_bytes, int64_t reverse) {
  const auto sizes = sizes_of(outputs->dimensions());
  if (!sizes) return ffi::Error(ffi::ErrorCode::kInvalidArgument, "the outputs have no five axes");
  Shapes shapes{*sizes, ""};
  shapes.expect_steps("z", z, kGates * sizes->hidden);
  shapes.expect_weights(recurrent, lengths, mask);
  for (const Floats& carry : {h, c, *last_h, *last_c}) shapes.expect_carry("a carry", carry);
  const bool keeps = gates->element_count();
  if (keeps) shapes.expect_steps("gates", *gates, kGates * sizes->hidden);
  if (keeps) shapes.expect_steps("cells", *cells, sizes->hidden);
  return launch("denseq_lstm_forward", {key, block_rows, threads, shared_bytes}, shapes, stream,
                ForwardArguments{shapes.shape(reverse), z.typed_data(), recurrent.typed_data(), h.typed_data(),
                                 c.typed_data(), lengths.typed_data(), or_null(mask), outputs->typed_data(),
                                 last_h->typed_data(), last_c->typed_data(), or_null(*gates), or_null(*cells)});
}

ffi::Error run_backward(void* stream, Floats recurrent, Floats c, Integers lengths, Floats mask, Floats gates,
                        Floats cells, Floats outputs, Floats last_h, Floats last_c, Room z, Room h, Room c_gradient,
                        std::string_view key, int64_t block_rows, int64_t threads, int64_t shared_bytes,
                        int64_t reverse) {
  const auto sizes = sizes_of(cells.dimensions());
  if (!sizes) return ffi::Error(ffi::ErrorCode::kInvalidArgument, "the cells have no five axes");
  Shapes shapes{*sizes, ""};
  shapes.expect_weights(recurrent, lengths, mask);
  shapes.expect_steps("gates", gates, kGates * sizes->hidden);
  if (outputs.element_count()) shapes.expect_steps("outputs", outputs, sizes->hidden);
  shapes.expect_steps("z", *z, kGates * sizes->hidden);
  for (const Floats& carry : {c, last_h, last_c, *h, *c_gradient}) shapes.expect_carry("a carry", carry);
  return launch("denseq_lstm_backward", {key, block_rows, threads, shared_bytes}, shapes, stream,
                BackwardArguments{shapes.shape(reverse), recurrent.typed_data(), c.typed_data(), lengths.typed_data(),
                                  or_null(mask), gates.typed_data(), cells.typed_data(), or_null(outputs),
                                  last_h.typed_data(), last_c.typed_data(), z->typed_data(), h->typed_data(),
                                  c_gradient->typed_data()});
}

}  // namespace

// Tests on a CPU, for which XLA has no stream, define another (tests/nets/emulated/stream.h).
#ifndef DENSEQ_STREAM
#define DENSEQ_STREAM ffi::PlatformStream<void*>
#endif
#define DENSEQ_LAUNCH \
  Attr<std::string_view>("key").Attr<int64_t>("block_rows").Attr<int64_t>("threads").Attr<int64_t>("shared_bytes") \
      .Attr<int64_t>("reverse")

XLA_FFI_DEFINE_HANDLER_SYMBOL(denseq_gpu_lstm_forward, run_forward, ffi::Ffi::Bind().Ctx<DENSEQ_STREAM>()
                              .Arg<Floats>().Arg<Floats>().Arg<Floats>().Arg<Floats>().Arg<Integers>().Arg<Floats>()
                              .Ret<Floats>().Ret<Floats>().Ret<Floats>().Ret<Floats>().Ret<Floats>().DENSEQ_LAUNCH);

XLA_FFI_DEFINE_HANDLER_SYMBOL(denseq_gpu_lstm_backward, run_backward, ffi::Ffi::Bind().Ctx<DENSEQ_STREAM>()
                              .Arg<Floats>().Arg<Floats>().Arg<Integers>().Arg<Floats>().Arg<Floats>().Arg<Floats>()
                              .Arg<Floats>().Arg<Floats>().Arg<Floats>().Ret<Floats>().Ret<Floats>().Ret<Floats>()
                              .DENSEQ_LAUNCH);

extern "C" {

// Opens the CUDA driver at a path; null, or why it cannot.
const char* denseq_gpu_open(const char* path) {
  static std::string problem;
  problem = driver().open(path);
  return problem.empty() ? nullptr : problem.c_str();
}

void denseq_gpu_add(const char* key, const char* image, int64_t n) { driver().add(key, image, n); }
}

}  // namespace denseq
