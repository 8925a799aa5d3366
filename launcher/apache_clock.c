/* Clock files, and where the library is that reads them. */
#include "launcher/apache_clock.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/xalloc.h"
#include "launcher/platform.h"

#define CLOCKS "run/clocks"

static char *find_library(void);
static char *clock_path(int id);

bool apache_clock_prepare(int id, char *variables[2])
{
    const int64_t right = 0;
    char *library = find_library(), *path = clock_path(id), *cwd = getcwd(NULL, 0);
    mkdir(CLOCKS, 0700);
    unlink(path); /* a former process keeps its own */
    int fd = library && cwd ? open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600) : -1;
    bool ok = fd >= 0 && write(fd, &right, sizeof right) == (ssize_t)sizeof right;
    if (fd >= 0) close(fd);
    const char *others = getenv("LD_PRELOAD");
    if (ok) {
        variables[0] = xasprintf("LD_PRELOAD=%s%s%s", library, others && *others ? ":" : "", others ? others : "");
        variables[1] = xasprintf("PSEUDO_CLUSTER_CLOCK=%s/%s", cwd, path);
    }
    free(library);
    free(path);
    free(cwd);
    return ok;
}

bool apache_clock_there(int id)
{
    char *path = clock_path(id);
    bool there = access(path, W_OK) == 0;
    free(path);
    return there;
}

bool apache_clock_shift(int id, int64_t ms)
{
    const int64_t ns = ms * 1000000;
    char *path = clock_path(id);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    /* One aligned word of a mapped file: whoever reads sees the old one or the new one. */
    bool ok = fd >= 0 && pwrite(fd, &ns, sizeof ns, 0) == (ssize_t)sizeof ns;
    if (fd >= 0) close(fd);
    free(path);
    return ok;
}

static char *clock_path(int id)
{
    return xasprintf("%s/zoo%d", CLOCKS, id);
}

/* Beside the program, as it is built; else where it is installed. */
static char *find_library(void)
{
#ifdef __linux__
    static const char *const places[] = {"wallclock.so", "../libexec/pseudo-cluster/wallclock.so"};
    const char *set = getenv("PSEUDO_CLUSTER_WALLCLOCK");
    if (set && *set) return realpath(set, NULL);
    char *own = platform_own_path(), *slash = own ? strrchr(own, '/') : NULL, *found = NULL;
    for (size_t i = 0; slash && !found && i < sizeof places / sizeof *places; i++) {
        char *path = xasprintf("%.*s/%s", (int)(slash - own), own, places[i]);
        found = realpath(path, NULL);
        free(path);
    }
    free(own);
    return found;
#else
    return NULL;
#endif
}
