// Preloaded: ends the process at its K-th operation on files, or lets operations fail from there on.
// Nothing happens until chaos_arm is called. Of files under one folder alone are writes counted.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static atomic_long count;
static long at = -1, last;  // the first operation that fails and the last one
static int error;           // errno, or 0: the process ends
static char root[PATH_MAX];

void chaos_arm(const char *folder, long first, long n, int number) {
  strncpy(root, folder, sizeof root - 1);
  at = first;
  last = first + n;
  error = number;
  count = 0;
}
long chaos_count(void) { return count; }

static int fails(const char *path) {
  if (at < 0 || !path || strncmp(path, root, strlen(root))) return 0;
  long now = ++count;
  if (!at || now < at || now >= last) return 0;
  if (!error) kill(getpid(), SIGKILL);
  errno = error;
  return 1;
}
static const char *name_of(int fd, char *buffer) {
  char link[64];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t n = readlink(link, buffer, PATH_MAX - 1);
  if (n < 0) return NULL;
  buffer[n] = 0;
  return buffer;
}
static const char *name_at(int dir, const char *path, char *buffer) {
  if (path[0] == '/' || dir == AT_FDCWD) return path;
  char own[PATH_MAX];
  const char *folder = name_of(dir, own);
  if (!folder) return NULL;
  snprintf(buffer, PATH_MAX, "%.2000s/%.2000s", folder, path);
  return buffer;
}
#define NEXT(name) ((typeof(&name))dlsym(RTLD_NEXT, #name))
#define OF_FD(result, name, args, call)                     \
  result name args {                                        \
    char buffer[PATH_MAX];                                  \
    if (at >= 0 && fails(name_of(fd, buffer))) return -1;   \
    return NEXT(name) call;                                 \
  }
#define OF_PATH(name, args, call)                           \
  int name args {                                           \
    if (fails(path)) return -1;                             \
    return NEXT(name) call;                                 \
  }
OF_FD(ssize_t, write, (int fd, const void *data, size_t n), (fd, data, n))
OF_FD(ssize_t, pwrite, (int fd, const void *data, size_t n, off_t where), (fd, data, n, where))
OF_FD(ssize_t, pwrite64, (int fd, const void *data, size_t n, off64_t where), (fd, data, n, where))
OF_FD(ssize_t, writev, (int fd, const struct iovec *data, int n), (fd, data, n))
OF_FD(int, fsync, (int fd), (fd))
OF_FD(int, fdatasync, (int fd), (fd))
OF_FD(int, ftruncate, (int fd, off_t n), (fd, n))
OF_FD(int, ftruncate64, (int fd, off64_t n), (fd, n))
OF_PATH(mkdir, (const char *path, mode_t mode), (path, mode))
OF_PATH(rmdir, (const char *path), (path))
OF_PATH(unlink, (const char *path), (path))
OF_PATH(rename, (const char *path, const char *to), (path, to))
int unlinkat(int dir, const char *path, int flags) {
  char buffer[PATH_MAX];
  if (at >= 0 && fails(name_at(dir, path, buffer))) return -1;
  return NEXT(unlinkat)(dir, path, flags);
}
int renameat(int dir, const char *path, int other, const char *to) {
  char buffer[PATH_MAX];
  if (at >= 0 && fails(name_at(dir, path, buffer))) return -1;
  return NEXT(renameat)(dir, path, other, to);
}
#define OPEN(name)                                                        \
  int name(const char *path, int flags, ...) {                            \
    mode_t mode = 0;                                                      \
    if (flags & (O_CREAT | O_TMPFILE)) {                                  \
      va_list list;                                                       \
      va_start(list, flags);                                              \
      mode = va_arg(list, mode_t);                                        \
      va_end(list);                                                       \
    }                                                                     \
    if ((flags & O_CREAT) && at >= 0 && fails(path)) return -1;           \
    return NEXT(name)(path, flags, mode);                                 \
  }
OPEN(open)
OPEN(open64)
