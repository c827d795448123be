// Arrays of XLA whose leading axes are members: those that vmap adds.
//
// Each array's leading axes are as long as the result's, or 1 where all members share it.

#pragma once

#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <vector>

#if defined(__linux__)
#include <sys/mman.h>
#endif

#include "xla/ffi/api/ffi.h"

namespace denseq {

namespace ffi = xla::ffi;
using Floats = ffi::Buffer<ffi::F32>;
using Integers = ffi::Buffer<ffi::S32>;
using Room = ffi::Result<Floats>;
using Dimensions = ffi::AnyBuffer::Dimensions;

// Offsets of members in arrays, and whether those have the shapes they must have.
class Members {
 public:
  Members(Dimensions result, int64_t n_own) : lead_(result.begin(), result.end() - n_own) {
    for (int64_t n : lead_) count_ *= n;
  }
  int64_t count() const { return count_; }
  const std::string& problem() const { return problem_; }

  template <typename Buffer>
  void expect(const char* name, const Buffer& buffer, std::initializer_list<int64_t> own) {
    const Dimensions found = buffer.dimensions();
    bool fits = found.size() == lead_.size() + own.size() && std::equal(own.begin(), own.end(), found.begin() + lead_.size());
    for (std::size_t i = 0; fits && i < lead_.size(); ++i) fits = found[i] == lead_[i] || found[i] == 1;
    if (!fits) refuse(std::string("the shape of ") + name);
  }
  void refuse(const std::string& what) {
    if (problem_.empty()) problem_ = what + " does not fit the others";
  }

  // Which of an array's own members, in their order, is a member's.
  int64_t place(Dimensions found, int64_t member) const {
    int64_t stride = 1, place = 0;
    for (std::size_t i = lead_.size(); i-- > 0; member /= lead_[i]) {
      if (found[i] != 1) place += member % lead_[i] * stride;
      stride *= found[i];
    }
    return place;
  }

  // The first number of a member in a buffer.
  template <typename Buffer>
  auto at(const Buffer& buffer, int64_t member) const {
    const Dimensions found = buffer.dimensions();
    int64_t size = 1;
    for (std::size_t i = lead_.size(); i < found.size(); ++i) size *= found[i];
    return buffer.typed_data() + place(found, member) * size;
  }

 private:
  std::vector<int64_t> lead_;
  int64_t count_ = 1;
  std::string problem_;
};

// Asks for large pages under an array that is about to be written first: mapping fresh memory in small ones costs as
// much as the arithmetic. A hint; what stands there already stays as it is. Pages that the array shares with others are
// among them, so that a gap between two arrays may cost memory: mostly those stand side by side and are written in turn.
inline void expect_writes(Room& room) {
#if defined(__linux__)
  constexpr std::uintptr_t kPage = std::uintptr_t{1} << 21;
  const auto begin = reinterpret_cast<std::uintptr_t>(room->untyped_data()), end = begin + room->size_bytes();
  if (end - begin < kPage) return;
  const std::uintptr_t first = begin / kPage * kPage, last = (end + kPage - 1) / kPage * kPage;
  madvise(reinterpret_cast<void*>(first), last - first, MADV_HUGEPAGE);
#else
  (void)room;
#endif
}

}  // namespace denseq
