// The stream of a platform that has none: a CPU, where lstm.cc is tried.

#pragma once

#include <optional>

#include "xla/ffi/api/ffi.h"

namespace denseq {
struct NoStream {};
}  // namespace denseq

template <>
struct xla::ffi::CtxDecoding<denseq::NoStream> {
  using Type = void*;
  static std::optional<Type> Decode(const XLA_FFI_Api*, XLA_FFI_ExecutionContext*, DiagnosticEngine&) {
    return nullptr;
  }
};

#define DENSEQ_STREAM denseq::NoStream
