// Tasks 0 .. n-1 on the caller's thread and, as they come free, on those of a pool.

#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>

namespace denseq {

// Calls task(i) once for every i below `n` and returns when all are done. `schedule(job)` hands a job to another
// thread, at any time or never: the caller waits for tasks that run, not for jobs that have yet to begin, so a pool
// that is busy, or is waiting for this very call, blocks nothing. `task` must not throw.
template <typename Task, typename Schedule>
void parallel(int64_t n, int64_t n_threads, const Task& task, const Schedule& schedule) {
  struct Shared {
    std::atomic<int64_t> next{0};
    int64_t done = 0;
    std::mutex mutex;
    std::condition_variable all_done;
  };
  // A job that begins late finds no task left and touches nothing but this, which it holds.
  const auto shared = std::make_shared<Shared>();
  const auto work = [shared, n, task = &task] {
    for (int64_t i; (i = shared->next.fetch_add(1)) < n;) {
      (*task)(i);
      const std::lock_guard<std::mutex> lock(shared->mutex);
      if (++shared->done == n) shared->all_done.notify_one();
    }
  };
  for (int64_t other = 1; other < n_threads && other < n; ++other) schedule(work);
  work();
  std::unique_lock<std::mutex> lock(shared->mutex);
  shared->all_done.wait(lock, [&] { return shared->done == n; });
}

}  // namespace denseq
