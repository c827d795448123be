// The LSTM recurrence on a GPU, forward and backward, for one number of hidden units.
//
//   i, f, o = sigmoid(z), n = tanh(z) with z = x W + b + (h * mask) R;  c = f c + i n;  h = o tanh(c)
//
// x W + b, and backward the products of z's gradient, are the caller's: each one product for all steps. A block takes
// ROWS rows of one direction of one member through all steps, which it shares with no other block. Thread (slice, unit)
// multiplies the slice's DEPTH rows of R by the unit's four columns, for all ROWS rows of the batch; then SLICES threads
// share the rows of that unit between them, and each keeps its rows' cells in registers. Of its DEPTH x 4 weights a
// thread keeps the first KEPT x 4 in registers, all others lie in shared memory, for the whole sequence.
//
// HIDDEN, ROWS, SLICES and KEPT are constants of the compilation, chosen by plan.py. A phase, which is what stands
// between two barriers, is written for one thread. Without CUDA the same text is compiled for a CPU, where phases are
// loops over a block's threads (tests/nets/emulated/emulation.h).

#pragma once

#include "arguments.h"

#ifdef __CUDACC__
#define DEVICE __device__ __forceinline__
#define REGISTERS(type, name, n) type name[(n) > 0 ? (n) : 1]
#define UNROLLED _Pragma("unroll")
#define UNROLLED_BY_4 _Pragma("unroll 4")
#define KERNEL(name) extern "C" __global__ void __launch_bounds__(HIDDEN * SLICES, 1) name
#define EACH_THREAD(Type, me) Type me(threadIdx.x);
#define PHASE(me)
#define BARRIER() __syncthreads()
#define BLOCK_OF_ROWS blockIdx.x
#define DIRECTION blockIdx.y
#define MEMBER blockIdx.z

namespace denseq {
extern __shared__ float4 shared_memory[];

// Shared memory as numbers.
struct Shared {
  float* all;
  DEVICE float get(int i) const { return all[i]; }
  DEVICE float4 get4(int i) const { return *reinterpret_cast<const float4*>(all + i); }
  DEVICE void put(int i, float value) const { all[i] = value; }
  DEVICE void put4(int i, float4 value) const { *reinterpret_cast<float4*>(all + i) = value; }
};
DEVICE Shared shared_of_block() { return {reinterpret_cast<float*>(shared_memory)}; }
}  // namespace denseq
#else
#include "emulation.h"
#endif

#define DEPTH ((HIDDEN + SLICES - 1) / SLICES)
#define OWN ((ROWS + SLICES - 1) / SLICES)  // rows whose cells a thread keeps, at most
// Shared memory, in floats: weights [SLICES, DEPTH - KEPT, HIDDEN, 4]; what they are multiplied by, [SLICES * DEPTH,
// ROWS] forward and [SLICES * DEPTH, ROWS, 4] backward; what each slice's products sum up to, [SLICES, ROWS, 4, HIDDEN]
// forward and [SLICES, ROWS, HIDDEN] backward.
#define STATE (SLICES * (DEPTH - KEPT) * HIDDEN * 4)
#define FORWARD_SUMS (STATE + SLICES * DEPTH * ROWS)
#define BACKWARD_SUMS (STATE + SLICES * DEPTH * ROWS * 4)

namespace denseq {

DEVICE float sigmoid(float x) { return 1.0f / (1.0f + expf(-x)); }

// Where in time a block is: its rows' steps, the longest of which it takes.
struct Course {
  int longest;
  bool backwards;

  DEVICE Course(const Shape& shape, const int* lengths) : longest(0), backwards(shape.reverse >> DIRECTION & 1) {
    for (int r = 0; r < ROWS; ++r) {
      const int row = BLOCK_OF_ROWS * ROWS + r;
      if (row < shape.rows) longest = max(longest, min(lengths[MEMBER * shape.rows + row], shape.steps));
    }
  }
  // The step that is read as number s.
  DEVICE int step(int s) const { return backwards ? longest - 1 - s : s; }
};

// What a thread of either pass knows of its place, and its weights.
struct Thread {
  int slice, unit;
  REGISTERS(float, kept, 4 * KEPT);
  REGISTERS(int, length, OWN);  // of its own rows; -1: no such row
  REGISTERS(float, mask, OWN);

  DEVICE explicit Thread(int thread) : slice(thread / HIDDEN), unit(thread % HIDDEN) {}

  DEVICE int row(int own) const { return own * SLICES + slice; }
  DEVICE int batch_row(int own) const { return BLOCK_OF_ROWS * ROWS + row(own); }
  // The place of the block's weights in [M, D, H, G].
  DEVICE long long in_weights(const Shape& shape) const {
    return (static_cast<long long>(MEMBER) * shape.directions + DIRECTION) * HIDDEN * HIDDEN * 4;
  }
  // The place of an own row in [M, D, B, H].
  DEVICE long long in_carry(const Shape& shape, int own) const {
    const long long lead = static_cast<long long>(MEMBER) * shape.directions + DIRECTION;
    return (lead * shape.rows + batch_row(own)) * HIDDEN + unit;
  }
  // The place of an own row's step in [M, B, T, D, n], before that of its n numbers.
  DEVICE long long in_steps(const Shape& shape, int own, int step, int n) const {
    const long long lead = static_cast<long long>(MEMBER) * shape.rows + batch_row(own);
    return ((lead * shape.steps + step) * shape.directions + DIRECTION) * n;
  }
  DEVICE int in_sums(int part, int own, int gate, int n_gates) const {
    return ((part * ROWS + row(own)) * n_gates + gate) * HIDDEN + unit;
  }

  DEVICE void find_rows(const Shape& shape, const int* lengths, const float* masks) {
    UNROLLED
    for (int own = 0; own < OWN; ++own) {
      const bool is_there = row(own) < ROWS && batch_row(own) < shape.rows;
      length[own] = is_there ? max(0, min(lengths[MEMBER * shape.rows + batch_row(own)], shape.steps)) : -1;
      mask[own] = is_there && masks ? masks[in_carry(shape, own)] : 1.0f;
    }
  }

  // `weight(k, gate)` is what the unit's gate has for row k of the state.
  template <typename Weight>
  DEVICE void keep_weights(Shared shared, Weight weight) {
    UNROLLED
    for (int j = 0; j < KEPT; ++j)
      UNROLLED
      for (int gate = 0; gate < 4; ++gate) kept[4 * j + gate] = weight(slice * DEPTH + j, gate);
    for (int j = KEPT; j < DEPTH; ++j)
      for (int gate = 0; gate < 4; ++gate) shared.put(4 * place(j) + gate, weight(slice * DEPTH + j, gate));
  }
  DEVICE int place(int j) const { return (slice * (DEPTH - KEPT) + j - KEPT) * HIDDEN + unit; }

  // Rows of the state beyond the last unit are zero; `n` numbers each.
  DEVICE void pad(Shared shared, int n) const {
    if (slice || unit >= SLICES * DEPTH - HIDDEN) return;
    for (int i = 0; i < n; ++i) shared.put(STATE + (HIDDEN + unit) * n + i, 0.0f);
  }

  // Calls `add(k, weights)` for the slice's rows k of the state, with the unit's four weights of each.
  template <typename Add>
  DEVICE void multiply(Shared shared, Add add) const {
    UNROLLED
    for (int j = 0; j < KEPT; ++j)
      add(slice * DEPTH + j, float4{kept[4 * j], kept[4 * j + 1], kept[4 * j + 2], kept[4 * j + 3]});
    UNROLLED_BY_4
    for (int j = KEPT; j < DEPTH; ++j) add(slice * DEPTH + j, shared.get4(4 * place(j)));
  }
};

}  // namespace denseq
