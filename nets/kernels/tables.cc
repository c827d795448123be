// What Python calls, by ctypes: answers to rows of a table.

#include "tables.h"

#include <thread>

#include "parallel.h"

namespace denseq {
namespace {

constexpr int64_t kFewRows = 12;  // for which it pays to wake a thread

}  // namespace

extern "C" {

// Numbers in a register: a panel is of four.
int64_t denseq_lanes() { return kLanes; }

// Answers [rows, n_answers] to numbers [rows, n_numbers] and codes [rows, n_codes].
void denseq_table(const TableNet* net, const float* numbers, const int32_t* codes, int64_t rows, float* answers) {
  const TableRows all(*net, numbers, codes, answers);
  const int64_t n_threads = std::max<int64_t>(1, std::thread::hardware_concurrency());
  const int64_t n_parts = std::max((rows + kRows - 1) / kRows, std::min(rows / kFewRows, n_threads));
  parallel(n_parts, n_threads, [&](int64_t part) {
    thread_local Scratch scratch;
    all.run(part * rows / n_parts, (part + 1) * rows / n_parts, scratch);
  });
}
}

}  // namespace denseq
