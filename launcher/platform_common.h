/* Shared by the platform files only. */
#ifndef LAUNCHER_PLATFORM_COMMON_H
#define LAUNCHER_PLATFORM_COMMON_H

/* Closes the descriptors that the folder lists (/proc/self/fd, /dev/fd), from the given one on. */
void close_listed_from(const char *folder, int fd);

#endif
