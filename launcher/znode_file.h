/* Znodes in a JSON file: what export writes and import reads.
 *
 *   {"format": "pseudo-cluster znodes", "version": 1, "zxid": "0x100000004", "from": "zoo2", "time": 1795193257044, "znodes": [
 *   {"path": "/app", "data": "text", "acl": ["world:anyone:cdrwa"], "kind": "persistent", "stat": {...}},
 *   {"path": "/bin", "base64": "AAEC", "acl": ["digest:joe:hash=:r"], "kind": "ttl", "ttl": 5000}]}
 *
 * A reader needs path alone: data is then null, acl world:anyone:cdrwa, kind persistent. stat and owner are for people. */
#ifndef LAUNCHER_ZNODE_FILE_H
#define LAUNCHER_ZNODE_FILE_H

#include "launcher/state.h"

/* Writes the znode and all below it; file may be "-". *n counts what was written, *left_out the ephemerals that were not. An exit code
 * with *why. */
int znode_file_write(const char *file, const struct state *s, const char *from, const char *path, bool ephemerals, size_t *n,
                     size_t *left_out, char **why);

struct file_znode {
    char *path;
    struct slice data;  /* owned */
    struct bytes acl;   /* a vector<ACL> */
    int32_t mode;       /* enum create_mode */
    int64_t ttl;
    size_t place;       /* in the file, from 0 */
};

struct znode_file {
    struct file_znode *list; /* parents before children */
    size_t n;
};

/* Reads a whole file ("-": standard input) and checks every znode. -1 with *why: which one, and what is wrong. */
int znode_file_read(struct znode_file *f, const char *file, char **why);
void znode_file_free(struct znode_file *f);

#endif
