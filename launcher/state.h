/* What a member holds, rebuilt outside of its server: from its files, whether it runs or not, or from the files of Apache ZooKeeper; or,
 * when somebody else runs it, as it tells a client (remote.h). */
#ifndef LAUNCHER_STATE_H
#define LAUNCHER_STATE_H

#include "launcher/cluster.h"
#include "store/reader.h"
#include "tree/tree.h"

/* Where a state is read from. */
struct source {
    int id;     /* 0: no member of the cluster */
    char *name; /* "zoo2", or the folder as it was given */
    char *data_dir, *log_dir;
    bool observer;
    bool apache; /* data_dir is Apache's: it has version-2 */
    const char *host; /* of one that somebody else runs, else NULL; borrowed */
    uint16_t port;
    const struct remote_auth *auth; /* what it is told of who asks; borrowed */
};

struct sources {
    struct source *list;
    size_t n;
    bool attached;
    struct quorum quorum; /* of the list's members, by their index */
};

/* All members of a cluster, running or not. -1 with *why. */
int sources_of_cluster(struct sources *s, const struct globals *g, struct cluster *cluster, char **why);
/* "zoo1 tells how things are, not how they were: ...", to be freed: there is no past of an attached ensemble. */
char *source_has_no_past(const struct source *s);
/* What an attached ensemble's servers are told of who asks: what --auth gave, to which that of $PSEUDO_CLUSTER_AUTH is added; borrowed. An
 * exit code with *why. */
int sources_prove(struct sources *s, struct remote_auth *auth, char **why);
/* A folder that is no member's: a dataDir of a server of ours or of Apache's. -1 with *why when it is neither. */
int source_of_folder(struct source *s, const char *path, char **why);
/* The one that a person names: an id, zooN, a role, or a folder (a text with '/'); *made is set when it is to be given to
 * source_free(). NULL: the member that is furthest. An exit code with *why. */
int sources_choose(const struct sources *s, const struct cluster *cluster, const char *text, const struct source **chosen,
                   struct source *made, char **why);
/* The member whose files are furthest: highest epoch, then highest zxid. With a quorum readable it has every write that
 * was acknowledged before the call. NULL with *why when there is none; any: one that can be read is enough. */
const struct source *sources_furthest(const struct sources *s, bool any, char **why);
/* The highest zxid that a quorum has logged in the current epoch of one of them: what it has up to there is committed,
 * as long as no later epoch begins without it. 0 when there is none. */
int64_t sources_agreed(const struct sources *s, int64_t epoch);
void source_free(struct source *s);
void sources_free(struct sources *s);

struct state {
    struct tree *tree;
    int64_t zxid; /* of the tree */
    struct store_extent extent;
    struct store_reader *reader; /* NULL: Apache's, or a server's */
    struct remote *remote;       /* the session by which it was read, else NULL */
    int64_t read_from;           /* of these: the zxid when that began; zxid is when it ended */
    const struct znode **unreadable; /* known to be there, and no more; see state_unreadable() */
    size_t n_unreadable;
};

enum { STATE_NEWEST = -1 };

/* Rebuilds the tree as it was at a zxid: that one's, or the last before it. The members' files may go on changing. An exit code with
 * *why: EXIT_REFUSED when the files do not reach there. */
int state_read(struct state *s, const struct source *from, int64_t at, char **why);
void state_free(struct state *s);
/* Its server does not let us read this one: its data, ACL and children are not known. */
bool state_unreadable(const struct state *s, const struct znode *n);
/* How many znodes a walk meets; Apache counts the root twice. */
size_t state_znodes(const struct state *s);

/* Closes every session by transactions of its own, as its server would: their ephemerals go. */
void state_close_sessions(struct state *s);

/* The same for sessions that are gone but left ephemerals, as every server does at its start. */
void state_drop_orphans(struct state *s);

/* Reads "0x100000004" or a decimal number. */
bool parse_zxid(const char *text, int64_t *zxid);

#endif
