// The few functions of the CUDA driver that launch a kernel, found when they are first needed: nothing of CUDA is asked
// for when this is compiled, and nothing is linked.
//
// Declarations as in the CUDA Driver API reference; handles are pointers, a CUresult of 0 is success.

#pragma once

#include <dlfcn.h>

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace denseq {

constexpr int kMostDynamicShared = 8;  // CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES

class Driver {
 public:
  // Takes the driver's library at a path; the reason if it cannot.
  std::string open(const char* path) {
    void* library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!library) return dlerror();
    const bool has_all = find(library, "cuCtxGetCurrent", current_) && find(library, "cuModuleLoadData", load_) &&
                         find(library, "cuModuleGetFunction", function_) && find(library, "cuFuncSetAttribute", set_) &&
                         find(library, "cuLaunchKernel", launch_) && find(library, "cuGetErrorString", explain_);
    is_open_ = has_all;
    return has_all ? "" : std::string(path) + " lacks a function of the CUDA driver";
  }

  // Makes a compiled kernel known by a key. The driver reads it when it is first launched in a context.
  void add(const std::string& key, const char* image, int64_t n) {
    const std::lock_guard<std::mutex> hold(one_at_a_time_);
    images_.emplace(key, std::vector<char>(image, image + n));
  }

  struct Grid {
    unsigned x, y, z;
  };

  // Puts a kernel on a stream of the current context; what is wrong, or nothing.
  std::string launch(const std::string& key, const char* name, Grid grid, unsigned threads, unsigned shared_bytes,
                     void* stream, void* arguments) {
    void* function = nullptr;
    const std::string problem = find_kernel(key, name, shared_bytes, function);
    if (!problem.empty()) return problem;
    void* parameters[] = {arguments};
    const int failed =
        launch_(function, grid.x, grid.y, grid.z, threads, 1, 1, shared_bytes, stream, parameters, nullptr);
    return failed ? explained("cuLaunchKernel", failed) : "";
  }

 private:
  template <typename Type>
  static bool find(void* library, const char* name, Type& function) {
    function = reinterpret_cast<Type>(dlsym(library, name));
    return function != nullptr;
  }

  std::string explained(const char* what, int failed) const {
    const char* text = nullptr;
    if (explain_(failed, &text) || !text) text = "no reason is given";
    return std::string(what) + ": " + text + " (" + std::to_string(failed) + ")";
  }

  std::string find_kernel(const std::string& key, const char* name, unsigned shared_bytes, void*& function) {
    if (!is_open_) return "the CUDA driver has not been opened";
    const std::lock_guard<std::mutex> hold(one_at_a_time_);
    void* context = nullptr;
    if (const int failed = current_(&context)) return explained("cuCtxGetCurrent", failed);
    const auto place = std::make_tuple(context, key, std::string(name));
    if (const auto found = functions_.find(place); found != functions_.end()) {
      function = found->second;
      return "";
    }
    const auto image = images_.find(key);
    if (image == images_.end()) return "no kernel is known by the key " + key;
    void* module = nullptr;
    if (const int failed = load_(&module, image->second.data())) return explained("cuModuleLoadData", failed);
    if (const int failed = function_(&function, module, name)) return explained("cuModuleGetFunction", failed);
    if (const int failed = set_(function, kMostDynamicShared, static_cast<int>(shared_bytes)))
      return explained("cuFuncSetAttribute", failed);
    functions_[place] = function;
    return "";
  }

  bool is_open_ = false;
  int (*current_)(void**) = nullptr;
  int (*load_)(void**, const void*) = nullptr;
  int (*function_)(void**, void*, const char*) = nullptr;
  int (*set_)(void*, int, int) = nullptr;
  int (*launch_)(void*, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, void*, void**,
                 void**) = nullptr;
  int (*explain_)(int, const char**) = nullptr;
  std::mutex one_at_a_time_;
  std::map<std::string, std::vector<char>> images_;
  std::map<std::tuple<void*, std::string, std::string>, void*> functions_;
};

}  // namespace denseq
