// The forward pass: thread.h says how a block shares its work.

#include "thread.h"

namespace denseq {

struct Forward : Thread {
  REGISTERS(float, hidden, OWN);
  REGISTERS(float, cell, OWN);
  REGISTERS(float, z, 4 * OWN);

  DEVICE explicit Forward(int thread) : Thread(thread) {}

  DEVICE void begin(const ForwardArguments& given, Shared shared) {
    const float* weights = given.recurrent + in_weights(given.shape);
    keep_weights(shared, [&](int k, int gate) {
      return k < HIDDEN ? weights[(k * 4 + gate) * HIDDEN + unit] : 0.0f;
    });
    pad(shared, ROWS);
    find_rows(given.shape, given.lengths, given.mask);
    UNROLLED
    for (int own = 0; own < OWN; ++own) {
      hidden[own] = length[own] < 0 ? 0.0f : given.h[in_carry(given.shape, own)];
      cell[own] = length[own] < 0 ? 0.0f : given.c[in_carry(given.shape, own)];
      if (row(own) < ROWS) shared.put(STATE + unit * ROWS + row(own), hidden[own] * mask[own]);
    }
  }

  // A row of the state, of ROWS numbers.
  DEVICE static void read(Shared shared, int from, float* state) {
    if (ROWS % 4 == 0) {
      UNROLLED
      for (int r = 0; r < ROWS; r += 4) {
        const float4 four = shared.get4(from + r);
        state[r] = four.x;
        state[r + 1] = four.y;
        state[r + 2] = four.z;
        state[r + 3] = four.w;
      }
    } else {
      UNROLLED
      for (int r = 0; r < ROWS; ++r) state[r] = shared.get(from + r);
    }
  }

  // z's part from x is asked for before the products, which take as long as it takes to come.
  DEVICE void multiply_step(const ForwardArguments& given, Shared shared, int step) {
    UNROLLED
    for (int own = 0; own < OWN; ++own)
      if (step < length[own]) {
        const float* from = given.z + in_steps(given.shape, own, step, 4 * HIDDEN) + unit;
        UNROLLED
        for (int gate = 0; gate < 4; ++gate) z[4 * own + gate] = from[gate * HIDDEN];
      }
    REGISTERS(float, sums, 4 * ROWS);
    REGISTERS(float, state, ROWS);
    UNROLLED
    for (int i = 0; i < 4 * ROWS; ++i) sums[i] = 0.0f;
    multiply(shared, [&](int k, float4 weights) {
      read(shared, STATE + k * ROWS, &state[0]);
      UNROLLED
      for (int r = 0; r < ROWS; ++r) {
        sums[4 * r] += state[r] * weights.x;
        sums[4 * r + 1] += state[r] * weights.y;
        sums[4 * r + 2] += state[r] * weights.z;
        sums[4 * r + 3] += state[r] * weights.w;
      }
    });
    UNROLLED
    for (int i = 0; i < 4 * ROWS; ++i) shared.put(FORWARD_SUMS + (slice * ROWS * 4 + i) * HIDDEN + unit, sums[i]);
  }

  DEVICE void finish_step(const ForwardArguments& given, Shared shared, int step) {
    UNROLLED
    for (int own = 0; own < OWN; ++own) {
      if (length[own] < 0) continue;
      const long long place = in_steps(given.shape, own, step, HIDDEN) + unit;
      if (step >= length[own]) {
        given.outputs[place] = 0.0f;
        continue;
      }
      UNROLLED
      for (int gate = 0; gate < 4; ++gate)
        for (int part = 0; part < SLICES; ++part)
          z[4 * own + gate] += shared.get(FORWARD_SUMS + in_sums(part, own, gate, 4));
      const float in = sigmoid(z[4 * own]), forget = sigmoid(z[4 * own + 1]);
      const float fresh = tanhf(z[4 * own + 2]), out = sigmoid(z[4 * own + 3]);
      cell[own] = forget * cell[own] + in * fresh;
      hidden[own] = out * tanhf(cell[own]);
      given.outputs[place] = hidden[own];
      shared.put(STATE + unit * ROWS + row(own), hidden[own] * mask[own]);
      if (!given.gates) continue;
      float* gates = given.gates + in_steps(given.shape, own, step, 4 * HIDDEN) + unit;
      gates[0] = in;
      gates[HIDDEN] = forget;
      gates[2 * HIDDEN] = fresh;
      gates[3 * HIDDEN] = out;
      given.cells[place] = cell[own];
    }
  }

  DEVICE void end(const ForwardArguments& given, int longest) {
    UNROLLED
    for (int own = 0; own < OWN; ++own) {
      if (length[own] < 0) continue;
      for (int step = longest; step < given.shape.steps; ++step)
        given.outputs[in_steps(given.shape, own, step, HIDDEN) + unit] = 0.0f;
      given.last_h[in_carry(given.shape, own)] = hidden[own];
      given.last_c[in_carry(given.shape, own)] = cell[own];
    }
  }
};

}  // namespace denseq

KERNEL(denseq_lstm_forward)(const denseq::ForwardArguments given) {
  const denseq::Shared shared = denseq::shared_of_block();
  const denseq::Course course(given.shape, given.lengths);
  EACH_THREAD(denseq::Forward, me)
  PHASE(me) { me.begin(given, shared); }
  BARRIER();
  for (int s = 0; s < course.longest; ++s) {
    PHASE(me) { me.multiply_step(given, shared, course.step(s)); }
    BARRIER();
    PHASE(me) { me.finish_step(given, shared, course.step(s)); }
    BARRIER();
  }
  PHASE(me) { me.end(given, course.longest); }
}
