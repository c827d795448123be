// Tasks 0 .. n-1 on the caller's thread and on helpers, threads of this library's own.
//
// XLA's pool has threads too, but a layer is called thousands of times a second, and what it takes to have one of them
// begin is often more than a layer: the system may put it on the caller's own core, behind the caller, while another
// core is idle. A helper is kept off that core, and where calls follow each other closely it waits for the next one awake.

#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <limits>
#include <memory>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#if defined(__linux__) || defined(__APPLE__)
#include <pthread.h>
#include <sched.h>
#endif

namespace denseq {

using Clock = std::chrono::steady_clock;

constexpr Clock::duration kLinger = std::chrono::microseconds(100);  // how long a helper waits awake
constexpr Clock::duration kSpin = std::chrono::microseconds(50);     // and a caller for the last task of others

constexpr Clock::duration kLate = std::chrono::microseconds(100);   // beyond what a caller's own tasks took
constexpr int64_t kMostAlone = 512;                                // calls without helpers after late ones

inline void relax() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// Tests `done()` for so long; others that want the core get it meanwhile.
template <typename Done>
bool spin(Clock::time_point until, const Done& done) {
  while (!done()) {
    for (int i = 0; i < 16; ++i) relax();
    std::this_thread::yield();
    if (Clock::now() > until) return done();
  }
  return true;
}

// One call of `parallel`, held by all who may still look at it.
class Call {
 public:
  using Run = void (*)(const void* task, int64_t i);
  Call(int64_t n, const void* task, Run run) : n_(n), task_(task), run_(run) {}

  // Takes tasks until there are none left. A helper that comes late finds none, and touches nothing but this. `leave()` is
  // called as soon as that is known, before the caller can hear that all is done: so its next call finds the helper free.
  template <typename Leave>
  void work(const Leave& leave) {
    int64_t i = next_.fetch_add(1);
    if (i >= n_) leave();
    while (i < n_) {
      run_(task_, i);
      i = next_.fetch_add(1);
      if (i >= n_) leave();
      if (done_.fetch_add(1) + 1 < n_) continue;
      const std::lock_guard<std::mutex> lock(mutex_);
      all_done_.notify_one();
    }
  }

  void wait() {
    const auto is_done = [this] { return done_.load() == n_; };
    if (is_done() || spin(Clock::now() + kSpin, is_done)) return;
    std::unique_lock<std::mutex> lock(mutex_);
    all_done_.wait(lock, is_done);
  }

 private:
  const int64_t n_;
  const void* const task_;
  const Run run_;
  std::atomic<int64_t> next_{0}, done_{0};
  std::mutex mutex_;
  std::condition_variable all_done_;
};

// Those that the caller may use, but for the one that it is on; -1 and nothing where the system does not tell.
struct Cores {
  int left_out = -1;
  int64_t count = std::numeric_limits<int64_t>::max();
#if defined(__linux__)
  cpu_set_t set;
  Cores() {
    const int core = sched_getcpu();
    if (core < 0 || sched_getaffinity(0, sizeof set, &set)) return;
    left_out = core;
    CPU_CLR(core, &set);
    count = CPU_COUNT(&set);
  }
#endif
};

// A thread that works at one call at a time, for as long as the process lives.
class Helper {
 public:
  Helper() : thread_([this] { run(); }) {}

  // Whether it will come, to one of `cores`: not while it works for another call. One that has yet to come for an older
  // call, which could not wait for it, comes for this one.
  bool take(const std::shared_ptr<Call>& call, const Cores& cores) {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      if (works_) return false;
      call_ = call;
      called_at_ = Clock::now();
      called_.store(true);
    }
    move_to(cores);
    wake_.notify_one();
    return true;
  }

 private:
  void run() {
    const auto is_called = [this] { return called_.load(); };
    for (bool lingers = false;;) {
      const Clock::time_point until = Clock::now() + kLinger;
      const bool came = lingers && spin(until, is_called);
      std::unique_lock<std::mutex> lock(mutex_);
      if (!came) wake_.wait(lock, is_called);
      // It waits awake only if that would have been long enough the last time: in vain it would be in the way of others.
      lingers = called_at_ < until;
      const std::shared_ptr<Call> call = std::move(call_);
      called_.store(false);
      works_ = true;
      lock.unlock();
      call->work([this] { leave(); });
    }
  }

  void leave() {
    const std::lock_guard<std::mutex> lock(mutex_);
    works_ = false;
  }

  // A hint: where the system refuses it, it is not asked again.
  void move_to(const Cores& cores) {
    if (cores.left_out < 0 || cores.left_out == left_out_) return;
    left_out_ = cores.left_out;
#if defined(__linux__)
    pthread_setaffinity_np(thread_.native_handle(), sizeof cores.set, &cores.set);
#endif
  }

  std::mutex mutex_;  // of all but what `take` alone uses, which is called by one thread at a time
  std::condition_variable wake_;
  std::shared_ptr<Call> call_;
  Clock::time_point called_at_;
  std::atomic<bool> called_{false};
  bool works_ = false;
  int left_out_ = -1;
  std::thread thread_;  // last: it begins with all of the above in place
};

// All helpers there are, and how many threads are in `parallel`.
class Helpers {
 public:
  // Never destroyed: its threads run until the process ends. A process that is forked has none of them.
  static Helpers& get() {
    static Helpers* helpers = new Helpers;
#if defined(__linux__) || defined(__APPLE__)
    static const int of_a_fork = pthread_atfork(nullptr, nullptr, [] { helpers = new Helpers; });
    (void)of_a_fork;
#endif
    return *helpers;
  }

  // A thread begins a call; how many are in one with it. They leave a core each to the others.
  int64_t enter() { return ++callers_; }
  void leave() { --callers_; }

  // Whether helpers are worth calling: not for a while after they were late.
  bool are_asked() {
    if (to_sit_out_.load() <= 0) return true;
    --to_sit_out_;
    return false;
  }

  // How a call with helpers went. One that others keep from its core holds a task for milliseconds, and its caller with it:
  // on a busy machine a caller is faster alone, and tries again after more and more calls.
  void judge(Clock::duration worked, Clock::duration waited) {
    const bool late = waited > 2 * worked + kLate;
    lateness_ = late ? std::min<int64_t>(2 * lateness_ + 8, kMostAlone) : lateness_ / 2;
    if (late) to_sit_out_ = lateness_.load();
  }

  // Has up to `n` of at most `n_most` helpers come to a call.
  void send(const std::shared_ptr<Call>& call, int64_t n, int64_t n_most) {
    const Cores cores;
    n = std::min(n, cores.count);
    const std::lock_guard<std::mutex> lock(mutex_);
    for (std::size_t i = 0; n > 0 && static_cast<int64_t>(i) < n_most; ++i) {
      if (i == all_.size() && !add()) return;
      n -= all_[i]->take(call, cores);
    }
  }

 private:
  // The system may have no more threads to give: then there are fewer helpers.
  bool add() {
    try {
      all_.push_back(std::make_unique<Helper>());
      return true;
    } catch (const std::system_error&) {
      return false;
    }
  }

  std::atomic<int64_t> callers_{0}, to_sit_out_{0}, lateness_{0};
  std::mutex mutex_;
  std::vector<std::unique_ptr<Helper>> all_;
};

// Calls task(i) once for every i below `n`, on at most `n_threads` threads, and returns when all are done. The caller
// waits for tasks that run, not for helpers that have yet to come. A task that throws ends the process.
template <typename Task>
void parallel(int64_t n, int64_t n_threads, const Task& task) {
  Helpers& helpers = Helpers::get();
  const int64_t n_free = n_threads - helpers.enter();
  const auto run = [](const void* of, int64_t i) noexcept { (*static_cast<const Task*>(of))(i); };
  const auto call = std::make_shared<Call>(n, &task, run);
  const bool asks = n > 1 && n_free > 0 && helpers.are_asked();
  if (asks) helpers.send(call, std::min(n - 1, n_free), n_threads - 1);
  const auto began = Clock::now();
  call->work([] {});
  const auto worked = Clock::now();
  call->wait();
  if (asks) helpers.judge(worked - began, Clock::now() - worked);
  helpers.leave();
}

}  // namespace denseq
