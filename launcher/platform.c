/* What the platform files share, and the fallbacks where no platform file knows better. */
#include "launcher/platform.h"

#include <dirent.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/xalloc.h"
#include "launcher/platform_common.h"

#ifdef __APPLE__
#include <mach-o/dyld.h>
#endif

void close_listed_from(const char *folder, int fd)
{
    DIR *dir = opendir(folder);
    if (!dir) {
        for (int i = fd; i < 1024; i++) close(i);
        return;
    }
    /* Closing while reading would disturb the listing. */
    int open_fds[1024], n = 0;
    for (struct dirent *d; (d = readdir(dir)) && n < 1024;) {
        int i = atoi(d->d_name);
        if (i >= fd && i != dirfd(dir)) open_fds[n++] = i;
    }
    closedir(dir);
    for (int i = 0; i < n; i++) close(open_fds[i]);
}

#ifndef __linux__
void platform_die_with_parent(pid_t parent)
{
    if (getppid() != parent) _exit(1);
}

char *platform_own_path(void)
{
#ifdef __APPLE__
    char path[PATH_MAX];
    uint32_t size = sizeof path;
    return _NSGetExecutablePath(path, &size) == 0 ? realpath(path, NULL) : NULL;
#else
    return NULL;
#endif
}

void platform_close_from(int fd)
{
    close_listed_from("/dev/fd", fd);
}

int platform_folder_watch(const char *dir)
{
    (void)dir;
    return -1;
}

void platform_folder_wait(int watch, int timeout_ms)
{
    (void)watch;
    poll(NULL, 0, timeout_ms < 0 || timeout_ms > 100 ? 100 : timeout_ms);
}
#endif
