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
#include <type_traits>
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

constexpr Clock::duration kKept = std::chrono::microseconds(40);     // of which either keeps its core
constexpr Clock::duration kLate = std::chrono::microseconds(100);   // beyond what a caller's own tasks took
constexpr int64_t kMostAlone = 512;                                // calls without helpers after late ones

inline void relax() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// Tests `done()` for so long. After kKept others that want the core get it meanwhile: not before, for a thread that is
// woken for nothing, as those of XLA's pool between two calls, keeps it for tens of microseconds.
template <typename Done>
bool spin(Clock::time_point until, const Done& done) {
  const Clock::time_point began = Clock::now();
  while (!done()) {
    for (int i = 0; i < 16; ++i) relax();
    const Clock::time_point now = Clock::now();
    if (now > until) return done();
    if (now - began > kKept) std::this_thread::yield();
  }
  return true;
}

constexpr int64_t kMostShares = 16;

// One call of `parallel`, held by all who may still look at it.
//
// Tasks are divided into shares of tasks that follow each other, one a thread: the caller's is the first. Whoever is done
// with its own takes of the others'. So in calls that follow each other a thread has the same rows, and finds in its own
// cache what it left there: what another core wrote costs many times as much.
class Call {
 public:
  using Run = void (*)(const void* task, int64_t i, int64_t thread);
  Call(int64_t n, int64_t n_threads, const void* task, Run run)
      : n_(n), n_shares_(std::clamp<int64_t>(std::min(n, n_threads), 1, kMostShares)), task_(task), run_(run) {
    for (int64_t s = 0; s < n_shares_; ++s) shares_[s].next = s * n_ / n_shares_;
  }

  // Takes tasks until there are none left. A helper that comes late finds none, and touches nothing but this. `leave()` is
  // called as soon as that is known, before the caller can hear that all is done: so its next call finds the helper free.
  template <typename Leave>
  void work(int64_t thread, const Leave& leave) {
    int64_t share = thread % n_shares_, n_empty = 0;
    int64_t i = take(share, n_empty);
    if (i < 0) leave();
    while (i >= 0) {
      run_(task_, i, thread);
      i = take(share, n_empty);
      if (i < 0) leave();
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
  struct alignas(64) Share {
    std::atomic<int64_t> next{0};
  };

  // The next task of `share`, or of the shares after it where that has none; -1 where none has.
  int64_t take(int64_t& share, int64_t& n_empty) {
    for (; n_empty < n_shares_; ++n_empty, share = (share + 1) % n_shares_) {
      const int64_t i = shares_[share].next.fetch_add(1);
      if (i < (share + 1) * n_ / n_shares_) return i;
    }
    return -1;
  }

  const int64_t n_, n_shares_;
  const void* const task_;
  const Run run_;
  std::atomic<int64_t> done_{0};
  Share shares_[kMostShares];
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
  // `number`: from 1 on; 0 is the caller's.
  explicit Helper(int64_t number) : number_(number), thread_([this] { run(); }) {}

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
      call->work(number_, [this] { leave(); });
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

  const int64_t number_;
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
      all_.push_back(std::make_unique<Helper>(all_.size() + 1));
      return true;
    } catch (const std::system_error&) {
      return false;
    }
  }

  std::atomic<int64_t> callers_{0}, to_sit_out_{0}, lateness_{0};
  std::mutex mutex_;
  std::vector<std::unique_ptr<Helper>> all_;
};

// Calls task(i), or task(i, thread), once for every i below `n`, on at most `n_threads` threads, and returns when all are
// done. `thread` is below `n_threads`, 0 for the caller, and no two that run at once have the same. The caller waits for
// tasks that run, not for helpers that have yet to come. A task that throws ends the process.
template <typename Task>
void parallel(int64_t n, int64_t n_threads, const Task& task) {
  Helpers& helpers = Helpers::get();
  const int64_t n_free = n_threads - helpers.enter();
  const auto run = [](const void* of, int64_t i, int64_t thread) noexcept {
    if constexpr (std::is_invocable_v<const Task&, int64_t, int64_t>)
      (*static_cast<const Task*>(of))(i, thread);
    else
      (*static_cast<const Task*>(of))(i), (void)thread;
  };
  const bool asks = n > 1 && n_free > 0 && helpers.are_asked();
  const auto call = std::make_shared<Call>(n, asks ? n_threads : 1, &task, run);
  if (asks) helpers.send(call, std::min(n - 1, n_free), n_threads - 1);
  const auto began = Clock::now();
  call->work(0, [] {});
  const auto worked = Clock::now();
  call->wait();
  if (asks) helpers.judge(worked - began, Clock::now() - worked);
  helpers.leave();
}

}  // namespace denseq
