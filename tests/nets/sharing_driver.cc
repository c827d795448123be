// What is measured of how quickly cores share, with lines that all or none are below: no test can know the machine's own.

#include <chrono>
#include <cstdio>
#include <thread>
#include <vector>

#include "functions.h"
#include "sharing.h"

using denseq::Sharing;

constexpr int64_t kCallers = 3;

// Whether it says so before enough time is over to have measured it, on a machine that others use too.
static bool becomes_quick(Sharing& sharing) {
  const auto until = denseq::Clock::now() + std::chrono::seconds(1);
  while (denseq::Clock::now() < until)
    if (sharing.is_quick()) return true;
  return false;
}

// The number of the question from which on it is quick, where no helper is free for the first ones.
static int64_t first_quick(Sharing& sharing, int64_t n_busy) {
  int64_t n_quick = 0;
  denseq::parallel(1, 1, [&](int64_t) {
    for (int64_t i = 0; i < n_busy; ++i) n_quick += sharing.is_quick();
  });
  if (n_quick) return 0;
  for (int64_t i = n_busy; i < (1 << 20); ++i)
    if (sharing.is_quick()) return i;
  return -1;
}

int main() {
  int n_wrong = 0;
  const auto expect = [&](bool is_right, const char* what) {
    if (is_right) return;
    ++n_wrong;
    std::printf("%s\n", what);
  };
  const bool has_helpers = denseq::Cores().count > 0;
  Sharing all(denseq::kNever), none(0);
  expect(becomes_quick(all) == has_helpers, "all lines are quick, and it does not say so");
  expect(!becomes_quick(none), "no line is quick");

  // Nobody was free at the first question, and it is asked again after kSoon more; and then after twice as many.
  for (int64_t n_busy : {int64_t{1}, denseq::kSoon + 2}) {
    const int64_t next = n_busy == 1 ? denseq::kSoon + 1 : 3 * denseq::kSoon + 2;
    Sharing sharing(denseq::kNever);
    const int64_t first = first_quick(sharing, n_busy);
    expect(!has_helpers || first < 0 || first >= next, "it is measured before its time");
    expect(first, "a helper was free that was not");
  }

  Sharing shared(denseq::kNever);
  std::vector<std::thread> callers;
  for (int64_t i = 0; i < kCallers; ++i)
    callers.emplace_back([&] {
      for (int64_t question = 0; question < (1 << 14); ++question) shared.is_quick();
    });
  for (std::thread& caller : callers) caller.join();
  std::printf("%d lanes: %d things wrong\n", denseq::kLanes, n_wrong);
  return n_wrong > 0;
}
