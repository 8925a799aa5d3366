/* Preloaded into a process that is not ours: its wall clock is the system's plus what a mapped file says, ns. All other
 * clocks are the system's. libfaketime does more, and too much for Java: with it Object.wait() returns at once and
 * sleeps last five times as long. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

typedef int clock_gettime_fn(clockid_t clock, struct timespec *t);

static clock_gettime_fn *system_clock;
static const volatile int64_t *shift_ns;

__attribute__((constructor)) static void begin(void)
{
    const char *path = getenv("PSEUDO_CLUSTER_CLOCK");
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    void *map = fd >= 0 ? mmap(NULL, sizeof *shift_ns, PROT_READ, MAP_SHARED, fd, 0) : MAP_FAILED;
    if (map != MAP_FAILED) shift_ns = map;
    if (fd >= 0) close(fd);
}

int clock_gettime(clockid_t clock, struct timespec *t)
{
    const int64_t second = 1000000000;
    /* Others' constructors may run before ours. */
    if (!system_clock) *(void **)&system_clock = dlsym(RTLD_NEXT, "clock_gettime");
    int result = system_clock(clock, t);
    if (result != 0 || clock != CLOCK_REALTIME || !shift_ns) return result;
    int64_t ns = (int64_t)t->tv_sec * second + t->tv_nsec + *shift_ns;
    t->tv_sec = (time_t)(ns / second);
    t->tv_nsec = (long)(ns % second);
    return 0;
}

int gettimeofday(struct timeval *restrict t, void *restrict zone)
{
    struct timespec now;
    (void)zone;
    int result = clock_gettime(CLOCK_REALTIME, &now);
    if (result == 0) *t = (struct timeval){.tv_sec = now.tv_sec, .tv_usec = now.tv_nsec / 1000};
    return result;
}

time_t time(time_t *t)
{
    struct timespec now = {0};
    clock_gettime(CLOCK_REALTIME, &now);
    if (t) *t = now.tv_sec;
    return now.tv_sec;
}
