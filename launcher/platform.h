/* What POSIX has no call for: one file for Linux, one fallback. */
#ifndef LAUNCHER_PLATFORM_H
#define LAUNCHER_PLATFORM_H

#include <sys/types.h>

/* In a child between fork and exec: has the system kill this process when its parent, which had this pid, is gone, even while
 * it is stopped. Async-signal-safe. Where the system cannot, the server's end of the supervisor's channel does it alone. */
void platform_die_with_parent(pid_t parent);

/* The path of the running program, to be freed; NULL when the system does not tell. */
char *platform_own_path(void);

/* Closes every descriptor from the given one on. */
void platform_close_from(int fd);

/* Waits until a file in the folder has changed, at most timeout_ms. The handle comes from platform_folder_watch() and is -1
 * where the system cannot tell; then this waits a tenth of a second. */
int platform_folder_watch(const char *dir);
void platform_folder_wait(int watch, int timeout_ms);

#endif
