// What XLA calls: a whole LSTM layer, forward or backward, for every member of the leading axes that vmap adds.
//
// Each array's leading axes are as long as the result's, or 1 where all members share it. A task is one direction of
// one member, or a part of its rows.

#include <algorithm>
#include <vector>

#include "gradient.h"
#include "layer.h"
#include "members.h"
#include "parallel.h"

namespace denseq {
namespace {

constexpr double kTaskWork = 1e6;  // multiplications that are worth waking a thread for
constexpr int64_t kMostParts = 16;  // of a direction's rows, backward

// The kernel, recurrent kernel and bias of each direction, one after the other: arrays of their own, as users have them,
// because to bring those of two directions together would be a copy in every call. Also their gradients.
struct Weights {
  explicit Weights(const ffi::RemainingArgs& given) {
    for (std::size_t i = 0; i < given.size(); ++i)
      if (const auto array = given.get<Floats>(i); array.has_value()) all.push_back(*array);
  }
  explicit Weights(const ffi::RemainingRets& asked) {
    for (std::size_t i = 0; i < asked.size(); ++i)
      if (auto array = asked.get<Floats>(i); array.has_value()) all.push_back(**array);
  }

  void expect(Members& members, const Sizes& s) const {
    if (static_cast<int64_t>(all.size()) != 3 * s.directions) return members.refuse("the number of weights");
    for (std::size_t i = 0; i < all.size(); i += 3) {
      members.expect("kernel", all[i], {s.inputs, kGates * s.hidden});
      members.expect("recurrent", all[i + 1], {s.hidden, kGates * s.hidden});
      members.expect("bias", all[i + 2], {kGates * s.hidden});
    }
  }

  float* kernel(const Members& members, int64_t member, int64_t d) const { return members.at(all[3 * d], member); }
  float* recurrent(const Members& members, int64_t member, int64_t d) const { return members.at(all[3 * d + 1], member); }
  float* bias(const Members& members, int64_t member, int64_t d) const { return members.at(all[3 * d + 2], member); }

  std::vector<Floats> all;
};

// The arguments of a layer.
struct Layer {
  Floats x, h, c;
  Weights weights;
  Integers lengths;
  Floats mask;  // no number at all: no mask
  int64_t reverse;  // bit d: direction d reads from the end

  bool masked() const { return mask.element_count() > 0; }

  void expect(Members& members, const Sizes& s) const {
    members.expect("x", x, {s.rows, s.steps, s.inputs});
    weights.expect(members, s);
    members.expect("h", h, {s.directions, s.rows, s.hidden});
    members.expect("c", c, {s.directions, s.rows, s.hidden});
    members.expect("lengths", lengths, {s.rows});
    if (masked()) members.expect("mask", mask, {s.directions, s.rows, s.hidden});
  }

  Given given(const Members& members, const Sizes& s, int64_t member, int64_t d) const {
    const int64_t carry = d * s.rows * s.hidden;
    return {members.at(x, member),
            weights.kernel(members, member, d),
            weights.recurrent(members, member, d),
            weights.bias(members, member, d),
            members.at(h, member) + carry,
            members.at(c, member) + carry,
            masked() ? members.at(mask, member) + carry : nullptr,
            members.at(lengths, member),
            ((reverse >> d) & 1) != 0};
  }
};

// The last four axes of the outputs, and F.
Sizes sizes_of(Dimensions outputs, Dimensions x) {
  const int64_t* own = outputs.end() - 4;
  return {own[0], own[1], x[x.size() - 1], own[3], own[2]};
}

double work_of(const Sizes& sizes) {
  return 4.0 * sizes.rows * sizes.steps * sizes.hidden * (sizes.inputs + sizes.hidden);
}

// In how many parts the rows of a direction go forward: as many as give every thread its share. No number of a row
// depends on those beside it, so that the cut decides no bit.
int64_t forward_parts(const Sizes& sizes, int64_t n_directions, int64_t n_threads) {
  const int64_t most = std::min<int64_t>(sizes.rows / 2, static_cast<int64_t>(work_of(sizes) / kTaskWork));
  int64_t parts = (n_threads + n_directions - 1) / n_directions;
  while (parts * n_directions % n_threads && parts * n_directions < 4 * n_threads) ++parts;
  return std::clamp<int64_t>(parts, 1, std::max<int64_t>(1, most));
}

// In how many parts they go backward. Each has sums of its own of the weights' gradient, so that the cut decides their
// last bits: it is a rule of a member's sizes alone, never of threads, members or what else the machine has to do. A
// power of two, that 2, 4 and 8 threads share evenly, of parts with eight rows or more where there are so many, whose sums
// take no more memory than the gates that are kept.
int64_t backward_parts(const Sizes& sizes) {
  const int64_t by_rows = std::min(sizes.rows / 2, std::max<int64_t>(2, sizes.rows / 8));
  const int64_t by_memory = std::max<int64_t>(2, sizes.rows * sizes.steps / (sizes.inputs + sizes.hidden + 1));
  const int64_t most = std::min({by_rows, by_memory, static_cast<int64_t>(work_of(sizes) / kTaskWork), kMostParts});
  int64_t parts = 1;
  while (2 * parts <= most) parts *= 2;
  return parts;
}

Scratch& scratch() {
  thread_local Scratch of_this_thread;
  return of_this_thread;
}

ffi::Error run_forward(ffi::ThreadPool pool, Floats x, Floats h, Floats c, Integers lengths, Floats mask,
                       ffi::RemainingArgs weights, Room outputs, Room last_h, Room last_c, Room gates, Room cells,
                       int64_t reverse) {
  if (outputs->dimensions().size() < 4 || x.dimensions().size() < 3) return ffi::Error::InvalidArgument("an LSTM's x has three axes");
  const Layer layer{x, h, c, Weights(weights), lengths, mask, reverse};
  const Sizes sizes = sizes_of(outputs->dimensions(), x.dimensions());
  Members members(outputs->dimensions(), 4);
  const bool keeps = gates->element_count() > 0;
  layer.expect(members, sizes);
  members.expect("last_h", *last_h, {sizes.directions, sizes.rows, sizes.hidden});
  members.expect("last_c", *last_c, {sizes.directions, sizes.rows, sizes.hidden});
  if (keeps) {
    members.expect("gates", *gates, {sizes.directions, sizes.steps, sizes.rows, kGates * sizes.padded()});
    members.expect("cells", *cells, {sizes.directions, sizes.steps, sizes.rows, sizes.padded()});
  }
  if (!members.problem().empty()) return ffi::Error::InvalidArgument(members.problem());
  for (Room* room : {&outputs, &gates, &cells}) expect_writes(*room);
  const int64_t n_directions = members.count() * sizes.directions, n_threads = std::max<int64_t>(1, pool.num_threads());
  const int64_t n_parts = forward_parts(sizes, n_directions, n_threads);
  parallel(n_directions * n_parts, n_threads, [&](int64_t task) {
    const int64_t member = task / n_parts / sizes.directions, d = task / n_parts % sizes.directions;
    const int64_t carry = d * sizes.rows * sizes.hidden, kept = d * sizes.steps * sizes.rows * sizes.padded();
    const Answer answer{members.at(*outputs, member) + d * sizes.hidden, members.at(*last_h, member) + carry,
                        members.at(*last_c, member) + carry,
                        keeps ? members.at(*gates, member) + kGates * kept : nullptr,
                        keeps ? members.at(*cells, member) + kept : nullptr};
    forward(layer.given(members, sizes, member, d), sizes, answer, task % n_parts, n_parts, scratch());
  });
  return ffi::Error::Success();
}

ffi::Error run_backward(ffi::ThreadPool pool, Floats x, Floats h, Floats c, Integers lengths, Floats mask, Floats outputs,
                        Floats gates, Floats cells, Floats pull_outputs, Floats pull_h, Floats pull_c,
                        ffi::RemainingArgs weights, Room dx, Room dh, Room dc, Room dmask, ffi::RemainingRets dweights,
                        int64_t reverse) {
  if (outputs.dimensions().size() < 4 || dh->dimensions().size() < 3 || x.dimensions().size() < 3)
    return ffi::Error::InvalidArgument("an LSTM's outputs have four axes");
  const Layer layer{x, h, c, Weights(weights), lengths, mask, reverse};
  const Weights answers(dweights);
  const Sizes sizes = sizes_of(outputs.dimensions(), x.dimensions());
  Members members(dh->dimensions(), 3);
  const bool asks_x = dx->element_count() > 0;
  layer.expect(members, sizes);
  const bool pulled = pull_outputs.element_count() > 0;  // no number at all: nothing hangs on single steps
  members.expect("outputs", outputs, {sizes.rows, sizes.steps, sizes.directions, sizes.hidden});
  if (pulled) members.expect("their pulls", pull_outputs, {sizes.rows, sizes.steps, sizes.directions, sizes.hidden});
  members.expect("gates", gates, {sizes.directions, sizes.steps, sizes.rows, kGates * sizes.padded()});
  members.expect("cells", cells, {sizes.directions, sizes.steps, sizes.rows, sizes.padded()});
  for (const Floats& part : {pull_h, pull_c, *dh, *dc})
    members.expect("the carry", part, {sizes.directions, sizes.rows, sizes.hidden});
  if (asks_x) members.expect("dx", *dx, {sizes.directions, sizes.rows, sizes.steps, sizes.inputs});
  if (layer.masked()) members.expect("dmask", *dmask, {sizes.directions, sizes.rows, sizes.hidden});
  answers.expect(members, sizes);
  if (!members.problem().empty()) return ffi::Error::InvalidArgument(members.problem());

  const int64_t n_directions = members.count() * sizes.directions, n_threads = std::max<int64_t>(1, pool.num_threads());
  const int64_t n_parts = backward_parts(sizes);
  const int64_t n_weights = (sizes.inputs + sizes.hidden + 1) * kGates * sizes.padded();
  const int64_t n_turned = Turned::size(sizes, asks_x);
  // Parts of a direction meet in a fixed order, after all of them: their sum has the same bits in every run.
  thread_local Scratch kept;
  kept.reserve(n_parts > 1 ? n_directions * (n_parts * n_weights + n_turned) : 0);
  float* const sums = kept.take(n_directions * n_parts * n_weights);
  float* const shared = kept.take(0);
  const auto turned_of = [&](int64_t direction, float* room) {
    const int64_t member = direction / sizes.directions, d = direction % sizes.directions;
    return Turned(sizes, layer.given(members, sizes, member, d), asks_x, room);
  };
  const auto unpack = [&](int64_t task, const float* parts) {
    const int64_t member = task / n_parts / sizes.directions, d = task / n_parts % sizes.directions;
    unpack_weights(sizes, parts, task % n_parts, n_parts, answers.kernel(members, member, d),
                   answers.recurrent(members, member, d), answers.bias(members, member, d));
  };
  if (n_parts > 1) {
    const int64_t n_panels = turned_of(0, shared).count();
    parallel(n_directions * n_panels, n_threads, [&](int64_t task) {
      turned_of(task / n_panels, shared + task / n_panels * n_turned).pack(task % n_panels);
    });
  }
  parallel(n_directions * n_parts, n_threads, [&](int64_t task) {
    const int64_t direction = task / n_parts, member = direction / sizes.directions, d = direction % sizes.directions;
    const int64_t carry = d * sizes.rows * sizes.hidden, kept = d * sizes.steps * sizes.rows * sizes.padded();
    thread_local Scratch own;
    own.reserve(n_parts > 1 ? 0 : n_turned);
    const Turned turned = turned_of(direction, n_parts > 1 ? shared + direction * n_turned : own.take(n_turned));
    for (int64_t panel = 0; n_parts == 1 && panel < turned.count(); ++panel) turned.pack(panel);
    // The backward pass reads the answer.
    const Answer answer{members.at(outputs, member) + d * sizes.hidden, nullptr, nullptr,
                        members.at(gates, member) + kGates * kept, members.at(cells, member) + kept};
    const Pulls pulls{pulled ? members.at(pull_outputs, member) + d * sizes.hidden : nullptr,
                      members.at(pull_h, member) + carry, members.at(pull_c, member) + carry};
    const Gradient gradient{asks_x ? members.at(*dx, member) + d * sizes.rows * sizes.steps * sizes.inputs : nullptr,
                            members.at(*dh, member) + carry, members.at(*dc, member) + carry,
                            layer.masked() ? members.at(*dmask, member) + carry : nullptr,
                            n_parts > 1 ? sums + task * n_weights : nullptr};
    const float* made = backward(layer.given(members, sizes, member, d), sizes, answer, pulls, turned, gradient,
                                 task % n_parts, n_parts, scratch());
    if (n_parts == 1) unpack(task, made);
    scratch().release();
    own.release();
  });
  if (n_parts > 1)
    parallel(n_directions * n_parts, n_threads, [&](int64_t task) { unpack(task, sums + task / n_parts * n_parts * n_weights); });
  kept.release();
  return ffi::Error::Success();
}

}  // namespace

#define DENSEQ_LAYER \
  ffi::Ffi::Bind().Ctx<ffi::ThreadPool>().Arg<Floats>().Arg<Floats>().Arg<Floats>().Arg<Integers>().Arg<Floats>()

XLA_FFI_DEFINE_HANDLER_SYMBOL(denseq_lstm_forward, run_forward,
                              DENSEQ_LAYER.RemainingArgs().Ret<Floats>().Ret<Floats>().Ret<Floats>().Ret<Floats>()
                                  .Ret<Floats>().Attr<int64_t>("reverse"));

XLA_FFI_DEFINE_HANDLER_SYMBOL(denseq_lstm_backward, run_backward,
                              DENSEQ_LAYER.Arg<Floats>().Arg<Floats>().Arg<Floats>().Arg<Floats>().Arg<Floats>()
                                  .Arg<Floats>().RemainingArgs().Ret<Floats>().Ret<Floats>().Ret<Floats>()
                                  .Ret<Floats>().RemainingRets().Attr<int64_t>("reverse"));

}  // namespace denseq
