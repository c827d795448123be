// Memory of a thread for what a call computes on the way.

#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>

namespace denseq {

// Memory that a thread keeps from call to call, because fresh pages cost as much as the arithmetic.
class Scratch {
 public:
  // Room for all that `take` will hand out.
  void reserve(int64_t n) {
    used_ = 0;
    if (n <= size_) return;
    data_.reset(static_cast<float*>(::operator new(n * sizeof(float), std::align_val_t(64))));
    size_ = n;
  }
  float* take(int64_t n) {
    float* taken = data_.get() + used_;
    used_ += rounded(n);
    return taken;
  }
  // A huge layer's memory is not worth keeping for as long as the thread lives.
  void release() {
    if (size_ * sizeof(float) > (std::size_t{1} << 25)) data_.reset(), size_ = 0;
  }
  static int64_t rounded(int64_t n) { return (n + 15) / 16 * 16; }

 private:
  struct Free {
    void operator()(float* data) const { ::operator delete(data, std::align_val_t(64)); }
  };
  std::unique_ptr<float, Free> data_;
  int64_t size_ = 0, used_ = 0;
};

// The distance of rows in scratch. Rows that are a multiple of 4096 bytes apart would all want the same lines of the cache.
inline int64_t row_stride(int64_t n) {
  n = Scratch::rounded(n);
  return n % 1024 == 0 ? n + 16 : n;
}

}  // namespace denseq
