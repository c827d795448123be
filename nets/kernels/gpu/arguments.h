// What the kernels of lstm.cu are given, for the host that launches them too. No include: NVRTC has no headers.
//
// Sizes: M members, D directions, B rows, T steps, H hidden units, G = 4H gates in the order i, f, n, o.

#pragma once

namespace denseq {

struct Shape {
  int rows, steps, directions;
  unsigned reverse;  // bit d: direction d reads from the end
};

struct ForwardArguments {
  Shape shape;
  const float* z;          // [M, B, T, D, G], x W + b
  const float* recurrent;  // [M, D, H, G]
  const float* h;          // [M, D, B, H], the first
  const float* c;          // [M, D, B, H]
  const int* lengths;      // [M, B]
  const float* mask;       // [M, D, B, H], or null
  float* outputs;          // [M, B, T, D, H], zero beyond a row's length
  float* last_h;           // [M, D, B, H]
  float* last_c;           // [M, D, B, H]
  float* gates;            // [M, B, T, D, G], activated, or null; nothing is written beyond a row's length
  float* cells;            // [M, B, T, D, H], as gates
};

struct BackwardArguments {
  Shape shape;
  const float* recurrent;  // [M, D, H, G]
  const float* c;          // [M, D, B, H], the first
  const int* lengths;      // [M, B]
  const float* mask;       // [M, D, B, H], or null
  const float* gates;      // [M, B, T, D, G]
  const float* cells;      // [M, B, T, D, H]
  const float* outputs;    // [M, B, T, D, H], the gradient of outputs, or null where it is zero
  const float* last_h;     // [M, D, B, H], the gradient of the last h
  const float* last_c;     // [M, D, B, H]
  float* z;                // [M, B, T, D, G], the gradient of z, zero beyond a row's length
  float* h;                // [M, D, B, H], the gradient of the first h
  float* c_gradient;       // [M, D, B, H]
};

}  // namespace denseq
