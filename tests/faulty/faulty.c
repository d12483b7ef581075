/* Makes system calls of a real process fail, or kill it, where a rule says so. Loaded by LD_PRELOAD.
 *
 * FAULTY      rules, separated by ';': CALLS PLACES ACTION FIRST TIMES, separated by tabs
 *             CALLS   open read write sync truncate rename link unlink mkdir connect send, several with ','
 *             PLACES  parts of the path (of either path; of a socket: "socket:"), several with ','
 *             ACTION  an errno's number, or "before" or "after": SIGKILL before or after the call
 *             FIRST   the first matching call that is struck, from 1; TIMES how many are, 0 for all from there on
 * FAULTY_LOG  a file that gets a line for every matching call
 *
 * Both are taken from the environment, so that only this one process is struck and none of its children.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#define MOST_RULES 16
enum { BEFORE = -1, AFTER = -2 };

struct rule {
    char *calls, *places;
    long action, first, times;
    atomic_long seen;
};

static struct rule rules[MOST_RULES];
static int count, ready, logged = -1;

static int listed(const char *list, const char *wanted, int part) {
    for (const char *at = list; *at;) {
        size_t length = strcspn(at, ",");
        char one[PATH_MAX];
        snprintf(one, sizeof one, "%.*s", (int)length, at);
        if (part ? strstr(wanted, one) != NULL : strcmp(wanted, one) == 0)
            return 1;
        at += length + (at[length] == ',');
    }
    return 0;
}

static long action_of(const char *word) {
    return strcmp(word, "before") == 0 ? BEFORE : strcmp(word, "after") == 0 ? AFTER : atol(word);
}

__attribute__((constructor)) static void begin(void) {
    char *given = getenv("FAULTY"), *log = getenv("FAULTY_LOG"), *rest = NULL;
    if (log)
        logged = (int)syscall(SYS_openat, AT_FDCWD, log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    for (char *one = given ? strtok_r(strdup(given), ";", &rest) : NULL; one && count < MOST_RULES;
         one = strtok_r(NULL, ";", &rest)) {
        struct rule *rule = &rules[count++];
        char *field = NULL;
        rule->calls = strtok_r(one, "\t", &field);
        rule->places = strtok_r(NULL, "\t", &field);
        rule->action = action_of(strtok_r(NULL, "\t", &field));
        rule->first = atol(strtok_r(NULL, "\t", &field));
        rule->times = atol(strtok_r(NULL, "\t", &field));
    }
    unsetenv("FAULTY");
    unsetenv("FAULTY_LOG");
    unsetenv("LD_PRELOAD");
    ready = count > 0;
}

static void name_of(int fd, char *path) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = syscall(SYS_readlink, link, path, PATH_MAX - 1);
    path[length > 0 ? length : 0] = 0;
}

static void note(const char *call, const char *path, long number) {
    char line[PATH_MAX + 64];
    int length = snprintf(line, sizeof line, "%ld %s %s\n", number, call, path);
    if (logged >= 0)
        syscall(SYS_write, logged, line, length);
}

/* 0, an errno, or AFTER; does not return for BEFORE. */
static long struck(const char *call, const char *path) {
    long verdict = 0;
    for (int at = 0; ready && at < count; at++) {
        struct rule *rule = &rules[at];
        if (!listed(rule->calls, call, 0) || !listed(rule->places, path, 1))
            continue;
        long number = atomic_fetch_add(&rule->seen, 1) + 1;
        note(call, path, number);
        if (number < rule->first || (rule->times && number >= rule->first + rule->times))
            continue;
        if (rule->action == BEFORE)
            kill(getpid(), SIGKILL);
        verdict = verdict ? verdict : rule->action;
    }
    return verdict;
}

static long struck_open(const char *call, int fd) {
    char path[PATH_MAX];
    if (!ready)
        return 0;
    int kept = errno;
    name_of(fd, path);
    errno = kept;
    return struck(call, path);
}

static void done(long verdict) {
    if (verdict == AFTER)
        kill(getpid(), SIGKILL);
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

/* `result name(parameters)`, judged by `verdict`, passed on as `name arguments`. */
#define STRIKE(result, name, parameters, arguments, judged) \
    result name parameters {                                \
        static __typeof__(&name) real;                      \
        if (!real)                                          \
            real = REAL(name);                              \
        long verdict = judged;                              \
        if (verdict > 0) {                                  \
            errno = (int)verdict;                           \
            return -1;                                      \
        }                                                   \
        result value = real arguments;                      \
        done(verdict);                                      \
        return value;                                       \
    }

#define BY_FD(call) struck_open(call, fd)

STRIKE(ssize_t, read, (int fd, void *into, size_t size), (fd, into, size), BY_FD("read"))
STRIKE(ssize_t, pread64, (int fd, void *into, size_t size, off64_t at), (fd, into, size, at), BY_FD("read"))
STRIKE(ssize_t, write, (int fd, const void *from, size_t size), (fd, from, size), BY_FD("write"))
STRIKE(ssize_t, pwrite64, (int fd, const void *from, size_t size, off64_t at), (fd, from, size, at), BY_FD("write"))
STRIKE(int, fsync, (int fd), (fd), BY_FD("sync"))
STRIKE(int, fdatasync, (int fd), (fd), BY_FD("sync"))
STRIKE(int, syncfs, (int fd), (fd), BY_FD("sync"))
STRIKE(int, ftruncate64, (int fd, off64_t size), (fd, size), BY_FD("truncate"))
STRIKE(ssize_t, send, (int fd, const void *from, size_t size, int flags), (fd, from, size, flags), BY_FD("send"))

STRIKE(int, unlink, (const char *path), (path), struck("unlink", path))
STRIKE(int, unlinkat, (int folder, const char *path, int flags), (folder, path, flags), struck("unlink", path))
STRIKE(int, mkdir, (const char *path, mode_t mode), (path, mode), struck("mkdir", path))

static long struck_pair(const char *call, const char *from, const char *to) {
    char both[2 * PATH_MAX];
    snprintf(both, sizeof both, "%s -> %s", from, to);
    return struck(call, both);
}

STRIKE(int, rename, (const char *from, const char *to), (from, to), struck_pair("rename", from, to))
STRIKE(int, link, (const char *from, const char *to), (from, to), struck_pair("link", from, to))
STRIKE(int, linkat, (int a, const char *from, int b, const char *to, int flags), (a, from, b, to, flags),
       struck_pair("link", from, to))

static mode_t mode_of(int flags, va_list more) {
    return flags & (O_CREAT | O_TMPFILE) ? va_arg(more, mode_t) : 0;
}

int open64(const char *path, int flags, ...) {
    static int (*real)(const char *, int, ...);
    if (!real)
        real = dlsym(RTLD_NEXT, "open64");
    va_list more;
    va_start(more, flags);
    mode_t mode = mode_of(flags, more);
    va_end(more);
    long verdict = struck("open", path);
    if (verdict > 0) {
        errno = (int)verdict;
        return -1;
    }
    int fd = real(path, flags, mode);
    done(verdict);
    return fd;
}

/* An interrupted connect goes on by itself: only its answer is another one. */
int connect(int fd, const struct sockaddr *address, socklen_t length) {
    static __typeof__(&connect) real;
    if (!real)
        real = REAL(connect);
    long verdict = BY_FD("connect");
    if (verdict > 0 && verdict != EINTR) {
        errno = (int)verdict;
        return -1;
    }
    int value = real(fd, address, length);
    done(verdict);
    if (verdict == EINTR) {
        errno = EINTR;
        return -1;
    }
    return value;
}
