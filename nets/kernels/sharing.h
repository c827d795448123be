// How quickly cores share what they write, which differs by machine, and on a virtual one from minute to minute.

#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>

#include "parallel.h"

namespace denseq {

constexpr int64_t kShared = 512;            // lines of the cache that are tried
constexpr int64_t kLine = 16;               // numbers of one
constexpr int64_t kTries = 4;               // the quickest counts
constexpr int64_t kSoon = 1 << 6;           // questions until it is tried again where nobody was free, twice as many each time
constexpr int64_t kMeasuredEvery = 1 << 13; // questions at the most
constexpr double kNever = 1e9;
constexpr double kQuickLine = 14e-9;        // seconds; 7 on a Xeon of 2023, 27 on an EPYC of 2022

class Sharing {
 public:
  explicit Sharing(double quick_line = kQuickLine) : quick_line_(quick_line) {}

  static Sharing& get() {
    static Sharing sharing;
    return sharing;
  }

  // Whether a core writes quickly again what another has read; no, until that was measured. Asked by several callers at
  // once, one measures.
  bool is_quick() {
    if (unasked_.fetch_sub(1) <= 0) measure();
    return is_quick_.load();
  }

 private:
  void measure() {
    const std::unique_lock<std::mutex> lock(mutex_, std::try_to_lock);
    if (!lock.owns_lock()) return;
    double least = kNever;
    for (int64_t i = 0; i < kTries; ++i) {
      write();
      if (!is_read_by_helper()) break;
      const Clock::time_point began = Clock::now();
      write();
      least = std::min(least, std::chrono::duration<double>(Clock::now() - began).count() / kShared);
    }
    if (least < kNever) is_quick_.store(least < quick_line_);
    if (least < kNever) pause_ = kMeasuredEvery;
    unasked_.store(pause_);
    pause_ = std::min(2 * pause_, kMeasuredEvery);
  }

  void write() {
    for (int64_t line = 0; line < kShared; ++line) {
      volatile float& number = numbers_[line * kLine];
      number = static_cast<float>(line);
    }
  }

  bool is_read_by_helper() {
    std::atomic<bool> is_read{false};
    parallel(2, 2, [&](int64_t i, int64_t thread) {
      if (!thread) {
        // The other task comes to it too where no helper has.
        if (!i) spin(Clock::now() + kSpin, [&] { return is_read.load(); });
        return;
      }
      for (int64_t line = 0; line < kShared; ++line) {
        volatile const float& number = numbers_[line * kLine];
        [[maybe_unused]] const float read = number;
      }
      is_read.store(true);
    });
    return is_read.load();
  }

  const double quick_line_;
  std::mutex mutex_;
  std::atomic<int64_t> unasked_{0};
  int64_t pause_ = kSoon;
  std::atomic<bool> is_quick_{false};
  alignas(64) float numbers_[kShared * kLine] = {};
};

}  // namespace denseq
