// The GPU's LSTM kernel, emulated, on arrays of exactly their sizes: sanitizers see what reaches beyond.
//
// Numbers and orders of threads are looked at by test_gpu_lstm.py.

#include <array>

#include "driver.cc"

namespace {

constexpr int kMembers = 2, kDirections = 2, kRows = 5, kSteps = 4;

using Floats = std::vector<float>;

int launch(const char* name, const std::string& image, int threads, int block_rows, int bytes, void* arguments) {
  void *module, *function;
  cuModuleLoadData(&module, image.c_str());
  cuModuleGetFunction(&function, module, name);
  cuFuncSetAttribute(function, 8, bytes);
  void* parameters[] = {arguments};
  const int failed = cuLaunchKernel(function, (kRows + block_rows - 1) / block_rows, kDirections, kMembers, threads, 1, 1,
                                    bytes, nullptr, parameters, nullptr);
  delete static_cast<Function*>(function);
  delete static_cast<Module*>(module);
  if (failed) std::fprintf(stderr, "%s (%s): %s\n", name, image.c_str(), message.c_str());
  return failed != 0;
}

int run(int hidden, int rows, int slices, int kept) {
  const int n_carry = kMembers * kDirections * kRows * hidden, n_steps = n_carry * kSteps;
  const int depth = (hidden + slices - 1) / slices, weights = slices * (depth - kept) * hidden * 4;
  const Floats carry(n_carry, 0.5f), recurrent(kMembers * kDirections * hidden * hidden * 4, 0.1f);
  const Floats x(n_steps * 4, 0.3f);
  std::vector<int> lengths;
  for (int i = 0; i < kMembers * kRows; ++i) lengths.push_back(i % (kSteps + 1));
  Floats outputs(n_steps), last_h(n_carry), last_c(n_carry), gates(n_steps * 4), cells(n_steps);
  const denseq::Shape shape{kRows, kSteps, kDirections, 2};
  denseq::ForwardArguments forward{shape,          x.data(),       recurrent.data(), carry.data(),  carry.data(), lengths.data(),
                                   carry.data(),   outputs.data(), last_h.data(),    last_c.data(), gates.data(), cells.data()};
  Floats z(n_steps * 4), h(n_carry), c(n_carry);
  denseq::BackwardArguments backward{shape,        recurrent.data(), carry.data(),  lengths.data(), carry.data(),
                                     gates.data(), cells.data(),     outputs.data(), last_h.data(), last_c.data(),
                                     z.data(),     h.data(),         c.data()};
  const std::string image = std::to_string(hidden) + " " + std::to_string(rows) + " " + std::to_string(slices) + " " +
                            std::to_string(kept);
  const int threads = slices * hidden;
  return launch("denseq_lstm_forward", image, threads, rows,
                4 * (weights + slices * depth * rows + slices * rows * 4 * hidden), &forward) +
         launch("denseq_lstm_backward", image, threads, rows,
                4 * (weights + slices * depth * rows * 4 + slices * rows * hidden), &backward);
}

}  // namespace

int main() {
  int n_refused = 0, n = 0;
  for (int rows : {1, 2, 4, 8})
    for (auto [hidden, slices, kept] : {std::array<int, 3>{1, 1, 1}, {7, 3, 2}, {16, 2, 0}}) {
      n_refused += run(hidden, rows, slices, kept);
      ++n;
    }
  std::printf("%d launches of each pass, %d refused\n", n, n_refused);
  return n_refused != 0;
}
