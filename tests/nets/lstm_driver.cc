// The kernel alone, without XLA, for sanitizers and for machines that are only emulated: both passes over odd sizes on
// several threads, against plain loops in double, and the threads themselves. Exit code 1 and a line for what is wrong.
//
// Arrays are of exactly their size on the heap, so that a read or write beyond one is seen.

#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <thread>
#include <utility>
#include <vector>

#if defined(__linux__)
#include <sys/wait.h>
#include <unistd.h>
#endif

#include "driver.h"
#include "gradient.h"
#include "layer.h"
#include "parallel.h"

using denseq::Sizes;

constexpr double kLeast = 0.1;  // of a truth, whose gradients are small

static double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

struct Case {
  Sizes s;
  bool reverse;
  Floats x, kernel, recurrent, bias, h, c, mask, pull, pull_h, pull_c;
  std::vector<int32_t> lengths;
};

struct Truth {
  Doubles y, last_h, last_c, dx, dkernel, drecurrent, dbias, dh, dc, dmask;
};

static Case make_case(Sizes s, bool reverse) {
  Case made{s, reverse, random_numbers(s.rows * s.steps * s.inputs), random_numbers(s.inputs * 4 * s.hidden),
            random_numbers(s.hidden * 4 * s.hidden), random_numbers(4 * s.hidden), random_numbers(s.rows * s.hidden),
            random_numbers(s.rows * s.hidden), random_numbers(s.rows * s.hidden),
            random_numbers(s.rows * s.steps * s.hidden), random_numbers(s.rows * s.hidden),
            random_numbers(s.rows * s.hidden), {}};
  for (float& w : made.recurrent) w /= std::sqrt(static_cast<float>(s.hidden));
  for (int64_t row = 0; row < s.rows; ++row) made.lengths.push_back(static_cast<int32_t>((row * 7 + 3) % (s.steps + 1)));
  return made;
}

static Truth by_loops(const Case& k) {
  const auto [B, T, F, H, D] = k.s;
  Truth t{Doubles(B * T * H), Doubles(B * H), Doubles(B * H), Doubles(B * T * F), Doubles(F * 4 * H),
          Doubles(H * 4 * H), Doubles(4 * H), Doubles(B * H), Doubles(B * H), Doubles(B * H)};
  for (int64_t b = 0; b < B; ++b) {
    const int64_t n = k.lengths[b];
    std::vector<Doubles> hs{Doubles(H)}, cs{Doubles(H)}, gates;
    for (int64_t u = 0; u < H; ++u) hs[0][u] = k.h[b * H + u], cs[0][u] = k.c[b * H + u];
    const auto at = [&](int64_t s) { return k.reverse ? n - 1 - s : s; };
    for (int64_t s = 0; s < n; ++s) {
      Doubles z(k.bias.begin(), k.bias.end()), h(H), c(H);
      for (int64_t g = 0; g < 4 * H; ++g) {
        for (int64_t f = 0; f < F; ++f) z[g] += k.x[(b * T + at(s)) * F + f] * k.kernel[f * 4 * H + g];
        for (int64_t u = 0; u < H; ++u) z[g] += hs[s][u] * k.mask[b * H + u] * k.recurrent[u * 4 * H + g];
        z[g] = g / H == 2 ? std::tanh(z[g]) : sigmoid(z[g]);
      }
      for (int64_t u = 0; u < H; ++u) {
        c[u] = z[H + u] * cs[s][u] + z[u] * z[2 * H + u];
        h[u] = z[3 * H + u] * std::tanh(c[u]);
        t.y[(b * T + at(s)) * H + u] = h[u];
      }
      hs.push_back(h), cs.push_back(c), gates.push_back(z);
    }
    Doubles dh(H), dc(H);
    for (int64_t u = 0; u < H; ++u) {
      t.last_h[b * H + u] = hs[n][u], t.last_c[b * H + u] = cs[n][u];
      dh[u] = k.pull_h[b * H + u], dc[u] = k.pull_c[b * H + u];
    }
    for (int64_t s = n; s-- > 0;) {
      const Doubles& z = gates[s];
      Doubles dz(4 * H);
      for (int64_t u = 0; u < H; ++u) {
        const double tanh_c = std::tanh(cs[s + 1][u]), i = z[u], f = z[H + u], fresh = z[2 * H + u], o = z[3 * H + u];
        dh[u] += k.pull[(b * T + at(s)) * H + u];
        dc[u] += dh[u] * o * (1 - tanh_c * tanh_c);
        dz[u] = dc[u] * fresh * i * (1 - i);
        dz[H + u] = dc[u] * cs[s][u] * f * (1 - f);
        dz[2 * H + u] = dc[u] * i * (1 - fresh * fresh);
        dz[3 * H + u] = dh[u] * tanh_c * o * (1 - o);
        dc[u] *= f;
        dh[u] = 0;
      }
      for (int64_t g = 0; g < 4 * H; ++g) {
        t.dbias[g] += dz[g];
        for (int64_t f = 0; f < F; ++f) {
          t.dkernel[f * 4 * H + g] += k.x[(b * T + at(s)) * F + f] * dz[g];
          t.dx[(b * T + at(s)) * F + f] += k.kernel[f * 4 * H + g] * dz[g];
        }
        for (int64_t u = 0; u < H; ++u) {
          const double from = k.recurrent[u * 4 * H + g] * dz[g], mask = k.mask[b * H + u];
          t.drecurrent[u * 4 * H + g] += hs[s][u] * mask * dz[g];
          t.dmask[b * H + u] += hs[s][u] * from;
          dh[u] += mask * from;
        }
      }
    }
    for (int64_t u = 0; u < H; ++u) t.dh[b * H + u] = dh[u], t.dc[b * H + u] = dc[u];
  }
  return t;
}

static double compare(const Case& k, int64_t n_parts) {
  const Sizes& s = k.s;
  const int64_t n = s.rows * s.hidden, padded = s.padded(), n_weights = (s.inputs + s.hidden + 1) * 4 * padded;
  Floats y(n * s.steps), last_h(n), last_c(n), gates(s.steps * s.rows * 4 * padded), cells(s.steps * s.rows * padded);
  Floats dx(s.rows * s.steps * s.inputs), dh(n), dc(n), dmask(n), sums(n_parts * n_weights);
  Floats dkernel(k.kernel.size()), drecurrent(k.recurrent.size()), dbias(k.bias.size()), inferred(y.size());
  const denseq::Given given{k.x.data(), k.kernel.data(), k.recurrent.data(), k.bias.data(), k.h.data(),
                            k.c.data(), k.mask.data(), k.lengths.data(), k.reverse};
  const denseq::Answer answer{y.data(), last_h.data(), last_c.data(), gates.data(), cells.data()};
  const denseq::Answer inference{inferred.data(), last_h.data(), last_c.data(), nullptr, nullptr};
  const denseq::Pulls pulls{k.pull.data(), k.pull_h.data(), k.pull_c.data()};
  const auto run = [&](auto task) { denseq::parallel(n_parts, 3, task); };
  run([&](int64_t part) { denseq::Scratch room; denseq::forward(given, s, inference, part, n_parts, room); });
  run([&](int64_t part) { denseq::Scratch room; denseq::forward(given, s, answer, part, n_parts, room); });
  Floats room_turned(denseq::Turned::size(s, true));
  const denseq::Turned turned(s, given, true, room_turned.data());
  denseq::parallel(turned.count(), 3, [&](int64_t panel) { turned.pack(panel); });
  run([&](int64_t part) {
    denseq::Scratch room;
    const denseq::Gradient gradient{dx.data(), dh.data(), dc.data(), dmask.data(), sums.data() + part * n_weights};
    denseq::backward(given, s, answer, pulls, turned, gradient, part, n_parts, room);
  });
  for (int64_t share = 0; share < n_parts; ++share)
    denseq::unpack_weights(s, sums.data(), share, n_parts, dkernel.data(), drecurrent.data(), dbias.data());
  const Truth t = by_loops(k);
  double worst = difference(inferred, t.y, kLeast);
  const std::pair<const Floats&, const Doubles&> pairs[] = {
      {y, t.y}, {last_h, t.last_h}, {last_c, t.last_c}, {dx, t.dx}, {dkernel, t.dkernel}, {drecurrent, t.drecurrent},
      {dbias, t.dbias}, {dh, t.dh}, {dc, t.dc}, {dmask, t.dmask}};
  for (const auto& [ours, truth] : pairs) worst = std::max(worst, difference(ours, truth, kLeast));
  return worst;
}

// How many of the numbers from -100 to 100 have a gate that is far from the formula.
static int count_wrong_gates() {
  int n_wrong = 0;
  for (double x = -100; x <= 100; x += 1.0 / 512) {
    const denseq::Vector number = denseq::broadcast(static_cast<float>(x));
    const double gate = denseq::sigmoid(number)[denseq::kLanes - 1], fresh = denseq::tanh(number)[0];
    const double share = std::abs(gate / sigmoid(x) - 1);
    n_wrong += x < -87 ? !(gate < 2e-38) : !(share < 1e-6);
    n_wrong += x > 17.4 && gate != 1;
    n_wrong += !(std::abs(fresh - std::tanh(x)) <= 5e-7 * std::abs(x)) || std::abs(fresh) > 1;
    n_wrong += std::abs(x) > 9.03 && std::abs(fresh) != 1;
  }
  const denseq::Vector nan = denseq::broadcast(std::nanf(""));
  n_wrong += !std::isnan(denseq::sigmoid(nan)[0]) + !std::isnan(denseq::tanh(nan)[0]);
  return n_wrong;
}

// How many tasks are not called once, where several threads call at once, and some only after helpers fell asleep.
static int count_missed() {
  std::atomic<int> n_missed{0};
  const auto call = [&](int64_t n_threads) {
    for (int64_t n = 1; n < 200; ++n) {
      std::vector<std::atomic<int>> counts(n % 9 + 1);
      denseq::parallel(n % 9 + 1, n_threads, [&](int64_t i) { ++counts[i]; });
      for (const auto& count : counts) n_missed += count != 1;
      if (n % 50 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  };
  std::vector<std::thread> callers;
  for (int64_t n_threads = 1; n_threads <= 5; ++n_threads) callers.emplace_back(call, n_threads);
  for (std::thread& caller : callers) caller.join();
  call(4);
  return n_missed;
}

// Whether two tasks run at once whenever they are asked to, on threads of which one may not use the other's core.
static bool helpers_come() {
  const denseq::Cores cores;
  if (cores.count < 1) return true;
  for (int turn = 0; turn < 100; ++turn) {
    std::atomic<int> n_begun{0};
    std::atomic<bool> met{true}, apart{cores.left_out < 0};
    const auto caller = std::this_thread::get_id();
    while (!denseq::Helpers::get().are_asked()) continue;  // late ones would sit some calls out
    denseq::parallel(2, 2, [&](int64_t) {
      const denseq::Cores own;
      if (std::this_thread::get_id() != caller && own.count < cores.count) apart = true;
      ++n_begun;
      const auto limit = denseq::Clock::now() + std::chrono::seconds(10);
      if (!denseq::spin(limit, [&] { return n_begun.load() == 2; })) met = false;
    });
    if (!met || !apart) return false;
    if (turn % 10 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

// Whether a process that is forked can call too: it has no helpers but those that it makes.
static bool survives_fork() {
#if defined(__linux__) && !defined(__SANITIZE_THREAD__)
  const pid_t child = fork();
  if (child == 0) _exit(!helpers_come());
  int status = 1;
  waitpid(child, &status, 0);
  return status == 0;
#else
  return true;
#endif
}

int main() {
  int n_wrong = count_missed();
  if (n_wrong) std::printf("%d tasks not called once\n", n_wrong);
  if (const int n_gates = count_wrong_gates()) n_wrong += n_gates, std::printf("%d gates wrong\n", n_gates);
  if (!helpers_come()) ++n_wrong, std::printf("a helper did not come, or to its caller's core\n");
  if (!survives_fork()) ++n_wrong, std::printf("no helpers after a fork\n");
  const Sizes sizes[] = {{1, 1, 1, 1, 1}, {7, 5, 3, 18, 1}, {13, 9, 17, 33, 1}, {3, 40, 70, 16, 1}, {200, 3, 2, 5, 1}};
  for (const Sizes& s : sizes)
    for (int64_t n_parts : {1, 4})
      for (bool reverse : {false, true}) {
        const double worst = compare(make_case(s, reverse), n_parts);
        if (worst < 2e-6) continue;
        ++n_wrong;
        std::printf("rows %d steps %d inputs %d hidden %d parts %d reverse %d: %.2g\n", int(s.rows), int(s.steps),
                    int(s.inputs), int(s.hidden), int(n_parts), reverse, worst);
      }
  std::printf("%d lanes: %d things wrong\n", denseq::kLanes, n_wrong);
  return n_wrong > 0;
}
