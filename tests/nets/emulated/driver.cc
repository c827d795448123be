// A stand-in for the CUDA driver, libcuda.so.1, whose one device is this CPU: kernels are launched by emulation.h.
//
// A module's image is text, the constants of a compilation: "hidden rows slices kept". A launch is refused as a GPU
// refuses it, or, for what a GPU would not notice (a race, memory out of bounds), with a message that names it.

#include <cstdio>
#include <cstring>
#include <mutex>

#include "lstm_backward.cu"
#include "lstm_forward.cu"

namespace {

constexpr int kInvalid = 1, kFault = 700;
constexpr unsigned kFreeBytes = 48 * 1024;  // of shared memory, that need not be asked for

struct Module {
  int hidden, rows, slices, kept;
};
struct Function {
  Module module;
  bool is_forward;
  unsigned most_bytes = kFreeBytes;
};

std::mutex one_at_a_time;
std::string message;
int context;
int64_t n_launches = 0;

int refuse(const std::string& why) {
  message = why;
  return kFault;
}

}  // namespace

extern "C" {

// Of the launches to come: the order of threads, as in emulation.h.
void emulated_order(int order) { denseq::launch.order = order; }
int64_t emulated_launches() { return n_launches; }
// The bytes of shared memory that the last launch used.
int64_t emulated_touched() { return 4 * denseq::launch.touched; }

int cuInit(unsigned) { return 0; }
int cuDeviceGet(int* device, int) { return *device = 0; }
// A card of compute capability 9.0, as an H100.
int cuDeviceGetAttribute(int* value, int attribute, int) {
  switch (attribute) {
    case 12: case 82: *value = 65536; return 0;
    case 16: *value = 132; return 0;
    case 75: *value = 9; return 0;
    case 76: *value = 0; return 0;
    case 97: *value = 232448; return 0;
    default: return kInvalid;
  }
}
int cuCtxGetCurrent(void** current) { return *current = &context, 0; }
int cuGetErrorString(int error, const char** text) {
  *text = error == kFault ? message.c_str() : "invalid argument";
  return 0;
}
int cuModuleLoadData(void** module, const void* image) {
  Module made;
  const char* text = static_cast<const char*>(image);
  if (std::sscanf(text, "%d %d %d %d", &made.hidden, &made.rows, &made.slices, &made.kept) != 4) return kInvalid;
  *module = new Module(made);
  return 0;
}
int cuModuleGetFunction(void** function, void* module, const char* name) {
  const bool is_forward = !std::strcmp(name, "denseq_lstm_forward");
  if (!is_forward && std::strcmp(name, "denseq_lstm_backward")) return kInvalid;
  *function = new Function{*static_cast<Module*>(module), is_forward};
  return 0;
}
int cuFuncSetAttribute(void* function, int attribute, int value) {
  if (attribute != 8) return kInvalid;
  static_cast<Function*>(function)->most_bytes = value;
  return 0;
}
int cuLaunchKernel(void* function, unsigned grid_x, unsigned grid_y, unsigned grid_z, unsigned x, unsigned y, unsigned z,
                   unsigned bytes, void*, void** parameters, void** extra) {
  const std::lock_guard<std::mutex> hold(one_at_a_time);
  const Function& found = *static_cast<Function*>(function);
  auto& launch = denseq::launch;
  if (bytes > found.most_bytes || extra || !grid_x || !grid_y || !grid_z) return kInvalid;
  if (static_cast<int>(x) != found.module.hidden * found.module.slices || y != 1 || z != 1) return kInvalid;
  launch.hidden = found.module.hidden;
  launch.rows = found.module.rows;
  launch.slices = found.module.slices;
  launch.kept = found.module.kept;
  launch.memory.resize(bytes / 4);
  launch.fault.clear();
  launch.touched = 0;
  launch.random.seed(0);
  ++n_launches;
  for (unsigned member = 0; member < grid_z; ++member)
    for (unsigned direction = 0; direction < grid_y; ++direction)
      for (unsigned rows = 0; rows < grid_x; ++rows) {
        launch.block[0] = rows;
        launch.block[1] = direction;
        launch.block[2] = member;
        if (found.is_forward)
          denseq_lstm_forward(*static_cast<denseq::ForwardArguments*>(parameters[0]));
        else
          denseq_lstm_backward(*static_cast<denseq::BackwardArguments*>(parameters[0]));
      }
  return launch.fault.empty() ? 0 : refuse(launch.fault);
}

}  // extern "C"
