/* The clusters of this user that run, whichever folders they are in: a file for each supervisor in the per-user state folder. */
#ifndef LAUNCHER_RUNNING_H
#define LAUNCHER_RUNNING_H

#include "launcher/cluster.h"

/* The supervisor's side: from now on it is on the list, and off it again. Without a state folder there is no list. */
void running_note(const struct cluster *c);
void running_forget(void);

/* The folder is this process's own: once both it and the supervisor are gone, whoever looks at the list removes the folder. */
void running_own(const char *folder);
/* It stays whatever comes. */
void running_disown(const char *folder);

/* The folders on the list, sorted, ended by NULL; to be freed with running_free(). Those of supervisors that are gone are taken off,
 * and with them goes a folder whose owner is gone. */
char **running_list(void);
void running_free(char **list);

#endif
