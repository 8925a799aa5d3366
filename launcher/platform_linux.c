/* Linux's side of platform.h. Empty elsewhere. */
#ifdef __linux__
#include "launcher/platform.h"

#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/xalloc.h"
#include "launcher/platform_common.h"

void platform_die_with_parent(pid_t parent)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    /* The parent may have gone between the fork and the line above. */
    if (getppid() != parent) _exit(1);
}

char *platform_own_path(void)
{
    char path[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
    if (n <= 0) return NULL;
    path[n] = '\0';
    return xstrdup(path);
}

void platform_close_from(int fd)
{
    close_listed_from("/proc/self/fd", fd);
}

int platform_folder_watch(const char *dir)
{
    int watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (watch >= 0 && inotify_add_watch(watch, dir, IN_MODIFY | IN_CREATE | IN_MOVED_TO) < 0) {
        close(watch);
        watch = -1;
    }
    return watch;
}

void platform_folder_wait(int watch, int timeout_ms)
{
    if (watch < 0) {
        poll(NULL, 0, timeout_ms < 0 || timeout_ms > 100 ? 100 : timeout_ms);
        return;
    }
    struct pollfd p = {watch, POLLIN, 0};
    if (poll(&p, 1, timeout_ms) <= 0) return;
    char events[4096] __attribute__((aligned(8)));
    while (read(watch, events, sizeof events) > 0) continue;
}

#endif
