/* Which server this is, in the shape in which tools look for ZooKeeper's version. */
#ifndef SERVER_VERSION_H
#define SERVER_VERSION_H

/* "3.8.0-pseudo-cluster-0.1.0, built on 2026-11-20 13:00": the release whose behaviour it has, and its own. */
const char *version_text(void);

#endif
