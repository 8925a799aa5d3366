/* Folders: making, locking, changing their entries, syncing. */
#ifndef STORE_DIR_H
#define STORE_DIR_H

/* Makes path and what is missing above it, durably. what names the folder for the user ("dataDir"). -1 with a line in error, also
 * when it is there but no folder or not writable. */
int dir_make(const char *what, const char *path, char *error);

/* Takes the folder for this process; the kernel gives it back when the process ends, however it ends. Returns the file descriptor
 * to close, or -1 with a line in error. */
int dir_lock(const char *what, const char *path, char *error);

/* As rename(2) and unlink(2); durable after dir_sync(). */
int dir_rename(const char *from, const char *to);
int dir_unlink(const char *path);

/* Forces the folder's entries to disk. -1 with a line in error. */
int dir_sync(const char *path, char *error);

/* Whether both paths lead to one folder. */
int dir_same(const char *a, const char *b);

#endif
