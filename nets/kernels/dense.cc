// What XLA calls: a stack of dense layers, forward or backward, for every member of the leading axes that vmap adds.

#include <algorithm>
#include <cmath>
#include <vector>

#include "dense.h"
#include "members.h"
#include "parallel.h"
#include "sharing.h"

namespace denseq {
namespace {

using Words = ffi::Buffer<ffi::U32>;

constexpr double kTaskWork = 5e5;    // multiplications that are worth waking a thread for
constexpr int64_t kHelpedRows = 96;  // of fewer a helper saves less than it costs to bring it the weights
constexpr double kPackedAlone = 6e4;  // weights
constexpr int64_t kArrays = 3;       // of a layer's weights: kernel, bias, slope

// What both passes are told.
struct Options {
  int64_t activation, n_layers, has_slope, has_dropout, is_ntk;
};

std::vector<Floats> all_of(const ffi::RemainingArgs& given) {
  std::vector<Floats> all;
  for (std::size_t i = 0; i < given.size(); ++i)
    if (const auto array = given.get<Floats>(i); array.has_value()) all.push_back(*array);
  return all;
}

std::vector<Floats> all_of(const ffi::RemainingRets& asked) {
  std::vector<Floats> all;
  for (std::size_t i = 0; i < asked.size(); ++i)
    if (auto array = asked.get<Floats>(i); array.has_value()) all.push_back(**array);
  return all;
}

// The arrays of all members. `weights`, `kept` and `made` have three arrays a layer: kernel, bias, slope; h, factor,
// beyond; the gradients of the first. One without a number stands for none.
class Stacks {
 public:
  Stacks(const Options& options, Floats x, Words words, Floats rates, std::vector<Floats> weights, std::vector<Floats> kept,
         Dimensions result, int64_t n_own)
      : members(result, n_own), options_(options), x_(x), words_(words), rates_(rates), weights_(std::move(weights)), kept_(std::move(kept)) {
    const std::size_t n = static_cast<std::size_t>(kArrays * options.n_layers);
    if (options.n_layers < 1 || weights_.size() < n || kept_.size() < n) members.refuse("the number of arrays");
    if (options.activation < 0 || options.activation >= static_cast<int64_t>(Activation::kEnd)) members.refuse("the activation");
    if (x.dimensions().size() < 2 || result.size() < static_cast<std::size_t>(n_own)) members.refuse("the shape of x");
    if (!members.problem().empty()) return;
    rows = x.dimensions()[x.dimensions().size() - 2];
    int64_t inputs = x.dimensions().back();
    members.expect("x", x, {rows, inputs});
    if (options.has_dropout) {
      members.expect("words", words, {options.n_layers, 3});
      members.expect("rates", rates, {options.n_layers, 2});
    }
    for (int64_t l = 0; l < options.n_layers; ++l) {
      const Floats *weight = &weights_[kArrays * l], *left = &kept_[kArrays * l];
      const int64_t outputs = weight[1].dimensions().size() ? weight[1].dimensions().back() : 0;
      members.expect("kernel", weight[0], {inputs, outputs});
      members.expect("bias", weight[1], {outputs});
      if (options.has_slope) members.expect("slope", weight[2], {outputs});
      members.expect("h", left[0], {rows, outputs});
      if (has_factor()) members.expect("factor", left[1], {rows, outputs});
      if (options.has_slope) members.expect("beyond", left[2], {rows, outputs});
      inputs = outputs;
    }
  }

  bool has_factor() const { return options_.has_slope || options_.activation != static_cast<int64_t>(Activation::kRelu); }

  // Calls body(a member's stack, how many threads it has): members side by side where there are enough of them.
  template <typename Body>
  void for_each(ffi::ThreadPool pool, const Body& body) const {
    const int64_t n_threads = std::max<int64_t>(1, pool.num_threads());
    const bool side_by_side = members.count() >= n_threads;
    const auto run = [&](int64_t member) {
      std::vector<Draw> draws(options_.n_layers);
      body(stack_of(member, draws), member, side_by_side ? 1 : n_threads);
    };
    if (side_by_side) return parallel(members.count(), n_threads, run);
    for (int64_t member = 0; member < members.count(); ++member) run(member);
  }

  Members members;
  int64_t rows = 0;

 private:
  DenseStack stack_of(int64_t member, std::vector<Draw>& draws) const {
    DenseStack stack{{}, members.at(x_, member), rows, static_cast<Activation>(options_.activation)};
    int64_t inputs = x_.dimensions().back();
    for (int64_t l = 0; l < options_.n_layers; ++l) {
      const Floats *weight = &weights_[kArrays * l], *left = &kept_[kArrays * l];
      if (options_.has_dropout) {
        const uint32_t* words = members.at(words_, member) + 3 * l;
        const float* rates = members.at(rates_, member) + 2 * l;
        draws[l] = {words[0], words[1], words[2], rates[0], rates[1]};
      }
      const int64_t outputs = weight[1].dimensions().back();
      stack.layers.push_back({inputs, outputs, members.at(weight[0], member), members.at(weight[1], member),
                              options_.has_slope ? members.at(weight[2], member) : nullptr,
                              options_.is_ntk ? 1 / std::sqrt(static_cast<float>(std::max<int64_t>(inputs, 1))) : 1.0f,
                              options_.has_dropout ? &draws[l] : nullptr, members.at(left[0], member),
                              has_factor() ? members.at(left[1], member) : nullptr,
                              options_.has_slope ? members.at(left[2], member) : nullptr});
      inputs = outputs;
    }
    return stack;
  }

  Options options_;
  Floats x_;
  Words words_;
  Floats rates_;
  std::vector<Floats> weights_, kept_;
};

// run(first, end) for parts of the rows, as many as the threads share evenly if one of them is late.
template <typename Run>
void by_rows(const DenseStack& stack, int64_t n_threads, const Run& run) {
  const int64_t most = std::min<int64_t>(stack.rows / kTile, static_cast<int64_t>(stack.work() / kTaskWork));
  const int64_t n_parts = std::clamp<int64_t>(n_threads == 1 ? 1 : 2 * n_threads, 1, std::max<int64_t>(1, most));
  parallel(n_parts, n_threads, [&](int64_t part, int64_t thread) {
    run(part * stack.rows / n_parts, (part + 1) * stack.rows / n_parts, thread);
  });
}

Threads threads_for(const DenseStack& stack, int64_t n_threads) {
  if (stack.rows < kHelpedRows || stack.work() < 2 * kTaskWork || n_threads == 1) return {1, false};
  return {n_threads, !Sharing::get().is_quick()};
}

// Few weights are packed before another thread would have begun; and copies by the caller, which has written the weights.
int64_t packing_threads(const DenseStack& stack, const Threads& threads) {
  const bool are_few = stack.work() / static_cast<double>(stack.rows) < kPackedAlone;
  return are_few || (threads.have_copies && threads.count <= kMostCopies) ? 1 : threads.count;
}

ffi::Error run_forward(ffi::ThreadPool pool, Floats x, Words words, Floats rates, ffi::RemainingArgs weights, ffi::RemainingRets kept,
                       int64_t activation, int64_t n_layers, int64_t has_slope, int64_t has_dropout, int64_t is_ntk) {
  const Options options{activation, n_layers, has_slope, has_dropout, is_ntk};
  const std::vector<Floats> made = all_of(kept);
  if (made.empty()) return ffi::Error::InvalidArgument("a stack of dense layers has outputs");
  const Stacks stacks(options, x, words, rates, all_of(weights), made, made[0].dimensions(), 2);
  if (!stacks.members.problem().empty()) return ffi::Error::InvalidArgument(stacks.members.problem());
  stacks.for_each(pool, [&](const DenseStack& stack, int64_t, int64_t n_threads) {
    thread_local Scratch scratch;
    const Threads threads = threads_for(stack, n_threads);
    const ForwardStack pass(stack, threads, scratch);
    parallel(pass.count(), packing_threads(stack, threads), [&](int64_t i) { pass.pack(i); });
    by_rows(stack, threads.count, [&](int64_t first, int64_t end, int64_t thread) { pass.run(first, end, thread); });
    pass.finish();
    scratch.release();
  });
  return ffi::Error::Success();
}

ffi::Error run_backward(ffi::ThreadPool pool, Floats x, Words words, Floats rates, Floats pull, ffi::RemainingArgs given,
                        ffi::Result<Floats> dx, ffi::RemainingRets asked, int64_t activation, int64_t n_layers, int64_t has_slope,
                        int64_t has_dropout, int64_t is_ntk) {
  const Options options{activation, n_layers, has_slope, has_dropout, is_ntk};
  const std::vector<Floats> all = all_of(given), made = all_of(asked);
  const std::size_t n = static_cast<std::size_t>(kArrays * n_layers);
  if (n_layers < 1 || all.size() != 2 * n || made.size() != n) return ffi::Error::InvalidArgument("the number of arrays does not fit the layers");
  Stacks stacks(options, x, words, rates, {all.begin(), all.begin() + n}, {all.begin() + n, all.end()}, made[0].dimensions(), 2);
  const bool asks_x = dx->element_count() > 0;
  if (asks_x) stacks.members.expect("dx", *dx, {stacks.rows, x.dimensions().back()});
  stacks.members.expect("its pull", pull, {stacks.rows, all[n - kArrays + 1].dimensions().back()});
  for (std::size_t i = 0; i < n && stacks.members.problem().empty(); ++i) {
    const Dimensions own = all[i].dimensions(), found = made[i].dimensions();
    if (i % kArrays == 2 && !has_slope) continue;
    const std::size_t n_own = i % kArrays == 0 ? 2 : 1;
    if (!std::equal(own.end() - n_own, own.end(), found.end() - n_own)) stacks.members.refuse("the shape of a gradient");
  }
  if (!stacks.members.problem().empty()) return ffi::Error::InvalidArgument(stacks.members.problem());
  stacks.for_each(pool, [&](const DenseStack& stack, int64_t member, int64_t n_threads) {
    std::vector<DenseGradient> gradients;
    for (std::size_t i = 0; i < n; i += kArrays)
      gradients.push_back({stacks.members.at(made[i], member), stacks.members.at(made[i + 1], member),
                           has_slope ? stacks.members.at(made[i + 2], member) : nullptr});
    thread_local Scratch scratch;
    const Threads threads = threads_for(stack, n_threads);
    float* to = asks_x ? stacks.members.at(*dx, member) : nullptr;
    const BackwardStack pass(stack, stacks.members.at(pull, member), to, gradients, threads, scratch);
    parallel(pass.panels(), packing_threads(stack, threads), [&](int64_t i) { pass.pack(i); });
    by_rows(stack, threads.count, [&](int64_t first, int64_t end, int64_t thread) { pass.run(first, end, thread); });
    parallel(pass.tasks(), threads.count, [&](int64_t i) { pass.sum(i); });
    pass.finish();
    scratch.release();
  });
  return ffi::Error::Success();
}

}  // namespace

#define DENSEQ_STACK ffi::Ffi::Bind().Ctx<ffi::ThreadPool>().Arg<Floats>().Arg<Words>().Arg<Floats>()
#define DENSEQ_OPTIONS \
  Attr<int64_t>("activation").Attr<int64_t>("n_layers").Attr<int64_t>("has_slope").Attr<int64_t>("has_dropout").Attr<int64_t>("is_ntk")

XLA_FFI_DEFINE_HANDLER_SYMBOL(denseq_dense_forward, run_forward, DENSEQ_STACK.RemainingArgs().RemainingRets().DENSEQ_OPTIONS);

XLA_FFI_DEFINE_HANDLER_SYMBOL(denseq_dense_backward, run_backward,
                              DENSEQ_STACK.Arg<Floats>().RemainingArgs().Ret<Floats>().RemainingRets().DENSEQ_OPTIONS);

}  // namespace denseq
