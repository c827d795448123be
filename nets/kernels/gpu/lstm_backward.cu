// The backward pass: thread.h says how a block shares its work. It gives the gradient of z and of the first carry.
//
// A unit's thread multiplies by the unit's own row of R: its state is the gradient of z, four numbers for each unit.

#include "thread.h"

namespace denseq {

struct Backward : Thread {
  REGISTERS(float, dh, OWN);
  REGISTERS(float, dc, OWN);
  // Of the step to come: what it kept, and what hangs on its output.
  REGISTERS(float, gates, 4 * OWN);
  REGISTERS(float, cell, OWN);
  REGISTERS(float, cell_before, OWN);
  REGISTERS(float, pull, OWN);

  DEVICE explicit Backward(int thread) : Thread(thread) {}

  DEVICE void begin(const BackwardArguments& given, Shared shared, const Course& course) {
    const float* weights = given.recurrent + in_weights(given.shape);
    keep_weights(shared, [&](int k, int gate) {
      return k < HIDDEN ? weights[(unit * 4 + gate) * HIDDEN + k] : 0.0f;
    });
    pad(shared, 4 * ROWS);
    find_rows(given.shape, given.lengths, given.mask);
    UNROLLED
    for (int own = 0; own < OWN; ++own) {
      dh[own] = length[own] < 0 ? 0.0f : given.last_h[in_carry(given.shape, own)];
      dc[own] = length[own] < 0 ? 0.0f : given.last_c[in_carry(given.shape, own)];
    }
    if (course.longest) fetch(given, course, course.longest - 1);
  }

  // Asks for what step number s needs.
  DEVICE void fetch(const BackwardArguments& given, const Course& course, int s) {
    const int step = course.step(s), before = course.backwards ? step + 1 : step - 1;
    UNROLLED
    for (int own = 0; own < OWN; ++own) {
      if (step >= length[own]) continue;
      const long long place = in_steps(given.shape, own, step, HIDDEN) + unit;
      const float* kept_gates = given.gates + in_steps(given.shape, own, step, 4 * HIDDEN) + unit;
      UNROLLED
      for (int gate = 0; gate < 4; ++gate) gates[4 * own + gate] = kept_gates[gate * HIDDEN];
      cell[own] = given.cells[place];
      const bool is_first = before < 0 || before >= length[own];
      cell_before[own] = is_first ? given.c[in_carry(given.shape, own)]
                                  : given.cells[in_steps(given.shape, own, before, HIDDEN) + unit];
      pull[own] = given.outputs ? given.outputs[place] : 0.0f;
    }
  }

  DEVICE void begin_step(const BackwardArguments& given, Shared shared, int step) {
    UNROLLED
    for (int own = 0; own < OWN; ++own) {
      if (row(own) >= ROWS) continue;
      REGISTERS(float, dz, 4);
      UNROLLED
      for (int gate = 0; gate < 4; ++gate) dz[gate] = 0.0f;
      if (step < length[own]) {
        const float in = gates[4 * own], forget = gates[4 * own + 1];
        const float fresh = gates[4 * own + 2], out = gates[4 * own + 3], level = tanhf(cell[own]);
        dh[own] += pull[own];
        dc[own] += dh[own] * out * (1.0f - level * level);
        dz[0] = dc[own] * fresh * in * (1.0f - in);
        dz[1] = dc[own] * cell_before[own] * forget * (1.0f - forget);
        dz[2] = dc[own] * in * (1.0f - fresh * fresh);
        dz[3] = dh[own] * level * out * (1.0f - out);
        dc[own] *= forget;
      }
      shared.put4(STATE + (unit * ROWS + row(own)) * 4, float4{dz[0], dz[1], dz[2], dz[3]});
      if (length[own] < 0) continue;
      float* to = given.z + in_steps(given.shape, own, step, 4 * HIDDEN) + unit;
      UNROLLED
      for (int gate = 0; gate < 4; ++gate) to[gate * HIDDEN] = dz[gate];
    }
  }

  DEVICE void multiply_step(const BackwardArguments& given, Shared shared, const Course& course, int s) {
    if (s) fetch(given, course, s - 1);
    REGISTERS(float, sums, ROWS);
    UNROLLED
    for (int r = 0; r < ROWS; ++r) sums[r] = 0.0f;
    multiply(shared, [&](int k, float4 weights) {
      UNROLLED
      for (int r = 0; r < ROWS; ++r) {
        const float4 dz = shared.get4(STATE + (k * ROWS + r) * 4);
        sums[r] += dz.x * weights.x;
        sums[r] += dz.y * weights.y;
        sums[r] += dz.z * weights.z;
        sums[r] += dz.w * weights.w;
      }
    });
    UNROLLED
    for (int r = 0; r < ROWS; ++r) shared.put(BACKWARD_SUMS + (slice * ROWS + r) * HIDDEN + unit, sums[r]);
  }

  DEVICE void finish_step(Shared shared, int step) {
    UNROLLED
    for (int own = 0; own < OWN; ++own) {
      if (step >= length[own]) continue;
      float sum = 0.0f;
      for (int part = 0; part < SLICES; ++part) sum += shared.get(BACKWARD_SUMS + in_sums(part, own, 0, 1));
      dh[own] = sum * mask[own];
    }
  }

  DEVICE void end(const BackwardArguments& given, int longest) {
    UNROLLED
    for (int own = 0; own < OWN; ++own) {
      if (length[own] < 0) continue;
      for (int step = longest; step < given.shape.steps; ++step)
        for (int gate = 0; gate < 4; ++gate)
          given.z[in_steps(given.shape, own, step, 4 * HIDDEN) + gate * HIDDEN + unit] = 0.0f;
      given.h[in_carry(given.shape, own)] = dh[own];
      given.c_gradient[in_carry(given.shape, own)] = dc[own];
    }
  }
};

}  // namespace denseq

KERNEL(denseq_lstm_backward)(const denseq::BackwardArguments given) {
  const denseq::Shared shared = denseq::shared_of_block();
  const denseq::Course course(given.shape, given.lengths);
  EACH_THREAD(denseq::Backward, me)
  PHASE(me) { me.begin(given, shared, course); }
  for (int s = course.longest - 1; s >= 0; --s) {
    const int step = course.step(s);
    PHASE(me) { me.begin_step(given, shared, step); }
    BARRIER();
    PHASE(me) { me.multiply_step(given, shared, course, s); }
    BARRIER();
    PHASE(me) { me.finish_step(shared, step); }
  }
  PHASE(me) { me.end(given, course.longest); }
}
