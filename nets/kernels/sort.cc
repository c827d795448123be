// What XLA calls to put rows in the order of their keys: a radix sort, where XLA's own compares pairs by a call each.

#include <array>
#include <cstring>
#include <memory>

#include "members.h"
#include "parallel.h"

namespace denseq {
namespace {

using Keys = ffi::Buffer<ffi::U32>;

constexpr int kBits = 11, kPasses = 3;  // 3 times 11 bits are all of 32
constexpr uint64_t kMost = (1 << kBits) - 1;

inline uint64_t digit(uint64_t pair, int pass) { return pair >> (32 + kBits * pass) & kMost; }

// The values in the order of their keys; of equal keys as they stood. `room` is for 2 n pairs, key and value in one.
void sort(const uint32_t* keys, const int32_t* values, int64_t n, int32_t* sorted, uint64_t* room) {
  std::array<std::array<int64_t, kMost + 1>, kPasses> places{};
  uint64_t *from = room, *to = room + n;
  for (int64_t i = 0; i < n; ++i) {
    from[i] = static_cast<uint64_t>(keys[i]) << 32 | static_cast<uint32_t>(values[i]);
    for (int pass = 0; pass < kPasses; ++pass) ++places[pass][digit(from[i], pass)];
  }
  for (int pass = 0; pass < kPasses; ++pass) {
    int64_t place = 0;
    for (int64_t& count : places[pass]) {
      const int64_t begin = place;
      place += count;
      count = begin;
    }
    for (int64_t i = 0; i < n; ++i) to[places[pass][digit(from[i], pass)]++] = from[i];
    std::swap(from, to);
  }
  for (int64_t i = 0; i < n; ++i) sorted[i] = static_cast<int32_t>(from[i]);
}

ffi::Error run_sort(ffi::ThreadPool pool, Keys keys, Integers values, ffi::Result<Integers> sorted) {
  if (!sorted->dimensions().size()) return ffi::Error::InvalidArgument("what is sorted has an axis");
  Members members(sorted->dimensions(), 1);
  const int64_t n = sorted->dimensions().back();
  members.expect("keys", keys, {n});
  members.expect("values", values, {n});
  if (!members.problem().empty()) return ffi::Error::InvalidArgument(members.problem());
  parallel(members.count(), std::max<int64_t>(1, pool.num_threads()), [&](int64_t member) {
    const std::unique_ptr<uint64_t[]> room(new uint64_t[2 * n]);
    sort(members.at(keys, member), members.at(values, member), n, members.at(*sorted, member), room.get());
  });
  return ffi::Error::Success();
}

}  // namespace

XLA_FFI_DEFINE_HANDLER_SYMBOL(denseq_sort, run_sort,
                              ffi::Ffi::Bind().Ctx<ffi::ThreadPool>().Arg<Keys>().Arg<Integers>().Ret<Integers>());

}  // namespace denseq
