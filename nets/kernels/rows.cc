// What XLA calls between two products of a training step, small work that it divides among threads or cuts into many
// operations: the rows of a batch, and keys folded by Threefry.

#include <algorithm>
#include <cstring>

#include "members.h"

namespace denseq {
namespace {

using Keys = ffi::Buffer<ffi::U32>;

constexpr int64_t kMostInPlace = 128;  // bytes of a row

// A row's bytes. Those of a row are few: to call a function for them takes longer than to copy them.
inline void copy(char* to, const char* from, int64_t n) {
  if (n > kMostInPlace) return static_cast<void>(std::memcpy(to, from, n));
  for (; n >= 16; n -= 16, to += 16, from += 16) std::memcpy(to, from, 16);
  for (; n >= 4; n -= 4, to += 4, from += 4) std::memcpy(to, from, 4);
  for (; n > 0; --n) *to++ = *from++;
}

// The rows `rows` [b] of arrays [n, ...] of any type of whole bytes. Rows below 0 are counted from the end; others than
// there are, as in XLA's gather, are the nearest.
ffi::Error run_take(Integers rows, ffi::RemainingArgs arrays, ffi::RemainingRets taken) {
  const Dimensions asked = rows.dimensions();
  if (!asked.size() || arrays.size() != taken.size()) return ffi::Error::InvalidArgument("rows have an axis, and arrays an answer each");
  const std::size_t n_lead = asked.size() - 1;
  for (std::size_t i = 0; i < arrays.size(); ++i) {
    const auto from = arrays.get<ffi::AnyBuffer>(i);
    auto to = taken.get<ffi::AnyBuffer>(i);
    if (!from.has_value() || !to.has_value()) return ffi::Error::InvalidArgument("an array that is none");
    const Dimensions found = from->dimensions(), made = (*to)->dimensions();
    if (found.size() <= n_lead || made.size() != found.size()) return ffi::Error::InvalidArgument("the shape of an array does not fit the rows");
    Members members(made, made.size() - n_lead);
    members.expect("rows", rows, {made[n_lead]});
    int64_t n_bytes = ffi::ByteWidth(from->element_type());
    for (std::size_t axis = n_lead + 1; axis < found.size(); ++axis) {
      if (found[axis] != made[axis]) members.refuse("the shape of an array");
      n_bytes *= found[axis];
    }
    for (std::size_t axis = 0; axis < n_lead; ++axis)
      if (found[axis] != made[axis] && found[axis] != 1) members.refuse("the members of an array");
    const int64_t n = found[n_lead], n_taken = made[n_lead];
    if (!n && n_taken) members.refuse("an array without rows");
    if (!members.problem().empty()) return ffi::Error::InvalidArgument(members.problem());
    if (!n_taken || !n_bytes) continue;
    char* out = static_cast<char*>((*to)->untyped_data());
    for (int64_t member = 0; member < members.count(); ++member) {
      const int32_t* places = members.at(rows, member);
      const char* in = static_cast<const char*>(from->untyped_data()) + members.place(found, member) * n * n_bytes;
      for (int64_t b = 0; b < n_taken; ++b, out += n_bytes) {
        const int64_t place = places[b] < 0 ? places[b] + n : places[b];
        copy(out, in + std::clamp<int64_t>(place, 0, n - 1) * n_bytes, n_bytes);
      }
    }
  }
  return ffi::Error::Success();
}

// Threefry of 20 rounds (Salmon et al. 2011), as jax's: key and counter of two words each.
void threefry(const uint32_t (&key)[2], uint32_t (&x)[2]) {
  constexpr int kRotations[2][4] = {{13, 15, 26, 6}, {17, 29, 16, 24}};
  const uint32_t words[3] = {key[0], key[1], key[0] ^ key[1] ^ 0x1BD11BDAu};
  x[0] += words[0], x[1] += words[1];
  for (uint32_t group = 0; group < 5; ++group) {
    for (const int by : kRotations[group % 2]) {
      x[0] += x[1];
      x[1] = (x[1] << by | x[1] >> (32 - by)) ^ x[0];
    }
    x[0] += words[(group + 1) % 3], x[1] += words[(group + 2) % 3] + group + 1;
  }
}

// jax.random.fold_in: key [2] and one word -> key [2].
ffi::Error run_fold_in(Keys key, Keys word, ffi::Result<Keys> folded) {
  if (!folded->dimensions().size()) return ffi::Error::InvalidArgument("a key has two words");
  Members members(folded->dimensions(), 1);
  members.expect("key", key, {2});
  members.expect("word", word, {});
  if (folded->dimensions().back() != 2) members.refuse("the folded key");
  if (!members.problem().empty()) return ffi::Error::InvalidArgument(members.problem());
  for (int64_t member = 0; member < members.count(); ++member) {
    const uint32_t* words = members.at(key, member);
    uint32_t x[2] = {0, *members.at(word, member)};
    threefry({words[0], words[1]}, x);
    std::memcpy(members.at(*folded, member), x, sizeof x);
  }
  return ffi::Error::Success();
}

}  // namespace

XLA_FFI_DEFINE_HANDLER_SYMBOL(denseq_take, run_take, ffi::Ffi::Bind().Arg<Integers>().RemainingArgs().RemainingRets());

XLA_FFI_DEFINE_HANDLER_SYMBOL(denseq_fold_in, run_fold_in, ffi::Ffi::Bind().Arg<Keys>().Arg<Keys>().Ret<Keys>());

}  // namespace denseq
