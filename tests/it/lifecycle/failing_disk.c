/* Loaded into a hub by a test: makes syncs fail, or kills the hub at one, as the file named in BACKOUT_TEST_DISK says.
 *
 *   eio TEXT      every sync of a file whose path holds TEXT fails
 *   eio-at N      the N-th sync of this process fails
 *   kill-at N     the process is killed before its N-th sync
 *   clock N       the wall clock is N seconds ahead
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static int read_all(const char *path, char *to, size_t most) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return -1;
    ssize_t n = read(fd, to, most - 1);
    close(fd);
    if (n < 0) return -1;
    to[n] = 0;
    return (int)n;
}

static int is_hub(void) {
    char line[4096];
    int n = read_all("/proc/self/cmdline", line, sizeof line);
    for (int i = 0; i < n; i += (int)strlen(line + i) + 1)
        if (strcmp(line + i, "__hub") == 0) return 1;
    return 0;
}

static int fails(int fd) {
    static int syncs = 0;
    const char *control = getenv("BACKOUT_TEST_DISK");
    char how[256], text[200], link[64], path[4096];
    long at;
    if (!control || !is_hub()) return 0;
    int mine = __sync_add_and_fetch(&syncs, 1);
    if (read_all(control, how, sizeof how) <= 0) return 0;
    if (sscanf(how, "kill-at %ld", &at) == 1 && mine == at) kill(getpid(), SIGKILL);
    if (sscanf(how, "eio-at %ld", &at) == 1) return mine == at;
    if (sscanf(how, "eio %199s", text) != 1) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, sizeof path - 1);
    if (n <= 0) return 0;
    path[n] = 0;
    return strstr(path, text) != NULL;
}

int fsync(int fd) {
    if (fails(fd)) { errno = EIO; return -1; }
    return ((int (*)(int))dlsym(RTLD_NEXT, "fsync"))(fd);
}

int fdatasync(int fd) {
    if (fails(fd)) { errno = EIO; return -1; }
    return ((int (*)(int))dlsym(RTLD_NEXT, "fdatasync"))(fd);
}

int clock_gettime(clockid_t which, struct timespec *to) {
    static int (*real)(clockid_t, struct timespec *);
    char how[256];
    long ahead;
    const char *control = getenv("BACKOUT_TEST_DISK");
    if (!real) real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    int got = real(which, to);
    if (got == 0 && which == CLOCK_REALTIME && control && is_hub() && read_all(control, how, sizeof how) > 0
        && sscanf(how, "clock %ld", &ahead) == 1)
        to->tv_sec += ahead;
    return got;
}
