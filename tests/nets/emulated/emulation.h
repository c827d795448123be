// What the kernels' text needs of CUDA, for a CPU: a block's threads are loops, phase by phase, in an order that is
// asked for, and shared memory knows who touched what since the last barrier.
//
// The constants of a compilation are numbers of the launch here, so that one library serves all shapes.

#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numeric>
#include <random>
#include <string>
#include <vector>

struct float4 {
  float x, y, z, w;
};

namespace denseq {

using std::max;
using std::min;

constexpr float kNothing = std::numeric_limits<float>::quiet_NaN();

struct Launch {
  int hidden, rows, slices, kept;  // the constants
  int block[3];                    // of rows, direction, member
  int order = 0;                   // of a phase's threads: 0 as they are, 1 the last first, 2 shuffled anew
  std::mt19937 random{0};
  std::string fault;  // the first

  int thread = 0, phase = 0;
  int64_t touched = 0;  // floats of shared memory, by any block
  struct Cell {
    float value = kNothing;
    int writer = -1, written = -1, reader = -1, read = -1;  // thread and time between barriers; -2: several threads
  };
  std::vector<Cell> memory;

  void refuse(const std::string& what, int64_t i) {
    if (fault.empty())
      fault = what + " at float " + std::to_string(i) + " of shared memory by thread " + std::to_string(thread);
  }
  Cell* at(int64_t i) {
    if (i < 0 || i >= static_cast<int64_t>(memory.size())) return refuse("nothing is there", i), nullptr;
    touched = std::max(touched, i + 1);
    return &memory[i];
  }
  float get(int64_t i) {
    Cell* cell = at(i);
    if (!cell) return kNothing;
    if (cell->written == phase && cell->writer != thread) refuse("read while another thread writes", i);
    cell->reader = cell->read == phase && cell->reader != thread ? -2 : thread;
    cell->read = phase;
    return cell->value;
  }
  void put(int64_t i, float value) {
    Cell* cell = at(i);
    if (!cell) return;
    if (cell->written == phase && cell->writer != thread) refuse("two threads write", i);
    if (cell->read == phase && cell->reader != thread) refuse("written while another thread reads", i);
    *cell = {value, thread, phase, cell->reader, cell->read};
  }
};

inline Launch launch;

struct Shared {
  float get(int i) const { return launch.get(i); }
  float4 get4(int i) const {
    if (i % 4) launch.refuse("four numbers begin", i);
    return {get(i), get(i + 1), get(i + 2), get(i + 3)};
  }
  void put(int i, float value) const { launch.put(i, value); }
  void put4(int i, float4 four) const {
    if (i % 4) launch.refuse("four numbers begin", i);
    put(i, four.x), put(i + 1, four.y), put(i + 2, four.z), put(i + 3, four.w);
  }
};

// A block's first moment: nothing is in its memory.
inline Shared shared_of_block() {
  std::fill(launch.memory.begin(), launch.memory.end(), Launch::Cell{});
  launch.phase = 0;
  return {};
}

inline std::vector<int> order_of_threads() {
  std::vector<int> order(launch.hidden * launch.slices);
  std::iota(order.begin(), order.end(), 0);
  if (launch.order == 1) std::reverse(order.begin(), order.end());
  if (launch.order == 2) std::shuffle(order.begin(), order.end(), launch.random);
  return order;
}

template <typename Type>
std::vector<Type> all_threads() {
  std::vector<Type> all;
  for (int thread = 0; thread < launch.hidden * launch.slices; ++thread) all.emplace_back(thread);
  return all;
}

template <typename Type>
std::vector<Type> registers(int n) {
  return std::vector<Type>(std::max(n, 1), std::numeric_limits<Type>::has_quiet_NaN ? Type(kNothing) : Type());
}

}  // namespace denseq

#define HIDDEN denseq::launch.hidden
#define ROWS denseq::launch.rows
#define SLICES denseq::launch.slices
#define KEPT denseq::launch.kept
#define DEVICE inline
#define REGISTERS(type, name, n) std::vector<type> name = denseq::registers<type>(n)
#define UNROLLED
#define UNROLLED_BY_4
#define KERNEL(name) inline void name
#define EACH_THREAD(Type, me) std::vector<Type> all_##me = denseq::all_threads<Type>();
#define PHASE(me)                                            \
  for (const int thread : denseq::order_of_threads())        \
    if (auto& me = all_##me[denseq::launch.thread = thread]; true)
#define BARRIER() ++denseq::launch.phase
#define BLOCK_OF_ROWS denseq::launch.block[0]
#define DIRECTION denseq::launch.block[1]
#define MEMBER denseq::launch.block[2]
