// What XLA calls for a step of Adam: all parameters of all members in one pass, each core with members of its own.

#include <algorithm>
#include <vector>

#include "adam.h"
#include "members.h"
#include "parallel.h"

namespace denseq {
namespace {

constexpr int64_t kRates = 6;         // numbers of AdamRates
constexpr std::size_t kGiven = 4;     // arrays of a parameter: gradient, weight, mean, square
constexpr std::size_t kMade = 3;      // the new ones of the last three
constexpr int64_t kHelped = 1 << 14;  // numbers that are worth waking a thread for

struct Parameter {
  AdamArrays arrays;
  int64_t n;  // numbers of a member
};

// `rates` are [k, kRates] of k members, and each array has as many numbers of one as of another.
ffi::Error run_adam(ffi::ThreadPool pool, Floats rates, ffi::RemainingArgs given, ffi::RemainingRets asked) {
  const Dimensions found = rates.dimensions();
  if (!found.size() || found.back() != kRates) return ffi::Error::InvalidArgument("the rates of adam are six");
  const std::size_t n_parameters = given.size() / kGiven;
  if (given.size() != kGiven * n_parameters || asked.size() != kMade * n_parameters)
    return ffi::Error::InvalidArgument("the number of arrays does not fit the parameters");
  const int64_t n_members = static_cast<int64_t>(rates.element_count()) / kRates;
  if (!n_members) return ffi::Error::Success();
  std::vector<Parameter> all;
  int64_t n_all = 0;
  for (std::size_t p = 0; p < n_parameters; ++p) {
    const float* from[kGiven];
    float* to[kMade];
    std::vector<std::size_t> sizes;
    for (std::size_t a = 0; a < kGiven; ++a) {
      const auto array = given.get<Floats>(kGiven * p + a);
      if (!array.has_value()) return ffi::Error::InvalidArgument("adam is of numbers of 32 bits");
      from[a] = array->typed_data();
      sizes.push_back(array->element_count());
    }
    for (std::size_t a = 0; a < kMade; ++a) {
      auto array = asked.get<Floats>(kMade * p + a);
      if (!array.has_value()) return ffi::Error::InvalidArgument("adam is of numbers of 32 bits");
      to[a] = (*array)->typed_data();
      sizes.push_back((*array)->element_count());
    }
    const auto differs = [&](std::size_t size) { return size != sizes[0]; };
    if (sizes[0] % n_members || std::any_of(sizes.begin(), sizes.end(), differs))
      return ffi::Error::InvalidArgument("the shape of an array does not fit the others");
    const int64_t n = static_cast<int64_t>(sizes[0]);
    all.push_back({{from[0], from[1], from[2], from[3], to[0], to[1], to[2]}, n / n_members});
    n_all += n;
  }
  const int64_t n_threads = n_all < kHelped ? 1 : std::max<int64_t>(1, pool.num_threads());
  parallel(n_members, n_threads, [&](int64_t member) {
    const float* own = rates.typed_data() + member * kRates;
    for (const auto& [arrays, n] : all) {
      AdamArrays at = arrays;
      for (const float** from : {&at.gradient, &at.weight, &at.mean, &at.square}) *from += member * n;
      for (float** to : {&at.new_weight, &at.new_mean, &at.new_square}) *to += member * n;
      adam({own[0], own[1], own[2], own[3], own[4], own[5]}, at, n);
    }
  });
  return ffi::Error::Success();
}

}  // namespace

XLA_FFI_DEFINE_HANDLER_SYMBOL(denseq_adam, run_adam, ffi::Ffi::Bind().Ctx<ffi::ThreadPool>().Arg<Floats>().RemainingArgs().RemainingRets());

}  // namespace denseq
