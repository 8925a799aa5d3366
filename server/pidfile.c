/* The pid file. */
#include "pidfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/xalloc.h"

static const struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

char *pidfile_path(const char *data_dir)
{
    return xasprintf("%s/zookeeper_server.pid", data_dir);
}

int pidfile_take(const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0) return -1;
    struct flock lock = whole;
    char text[16];
    int n = snprintf(text, sizeof text, "%ld", (long)getpid());
    if (fcntl(fd, F_SETLK, &lock) == 0 && ftruncate(fd, 0) == 0 && write(fd, text, (size_t)n) == n) return fd;
    int e = errno;
    close(fd);
    errno = e;
    return -1;
}

void pidfile_drop(const char *path, int fd)
{
    unlink(path);
    close(fd);
}

pid_t pidfile_holder(const char *path)
{
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0) return 0;
    struct flock lock = whole;
    int rc = fcntl(fd, F_GETLK, &lock);
    close(fd);
    return rc == 0 && lock.l_type != F_UNLCK ? lock.l_pid : 0;
}
