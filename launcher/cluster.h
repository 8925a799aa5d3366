/* A cluster is a folder: confs/, data/, logs/, run/. Which folder it is, who its members are, and what the launcher made there. */
#ifndef LAUNCHER_CLUSTER_H
#define LAUNCHER_CLUSTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "launcher/command.h"
#include "launcher/engine.h"
#include "launcher/ports.h"
#include "launcher/topology.h"
#include "zab/quorum.h"

enum { MEMBERS_MOST = 64 };

/* Where a fixed scheme puts server i: these plus i. */
enum { CLIENT_PORT_BASE = 2181, QUORUM_PORT_BASE = 2665, ELECTION_PORT_BASE = 3665 };

/* LEAVING: its removal is under way, so that the confs of the others do not list it any more. GONE: its place is kept
 * while a supervisor lives, for servers are known by their index. */
enum membership { MEMBER_IN, MEMBER_LEAVING, MEMBER_GONE };

/* One server as its zoo.cfg describes it. Paths are relative to the cluster's folder, or absolute. */
struct member {
    int id;
    bool observer, standalone;
    enum engine engine;
    enum membership membership;
    int64_t group, weight; /* group 0: none, a majority decides */
    char *own; /* the conf of somebody's own that cfg is a copy of, but for the list of servers; NULL for none */
    char *cfg, *data_dir, *log;
    char *log_dir; /* where its transactions are: dataLogDir, else data_dir */
    char *client_host, *quorum_host;                  /* what it listens on; quorum_host "" when standalone */
    uint16_t client_port, quorum_port, election_port; /* the latter two 0 when standalone */
    uint16_t inner_port; /* where its process listens for clients, when a relay does on client_port; else 0 */
    char *run_cfg;       /* the conf that its process gets, when that is not cfg; else NULL */
    int tick_ms, init_limit, sync_limit;
};

struct cluster {
    char *dir;  /* absolute */
    char *name; /* what people call it */
    char *call; /* how the launcher is called for it: "pseudo-cluster --name x" */
    bool fixed; /* the port scheme of the checkout; else free ports */
    bool made;  /* the launcher made the folder itself */
    int tick_ms; /* of confs that the launcher writes; 0: the usual */
    int apaches; /* how many members, the last ones, run Apache ZooKeeper; or ENGINE_ALL */
    struct relays *relays; /* borrowed: to be filled for members that cannot break their network themselves; NULL for none */
    struct topology topology;
    char *attached; /* the addresses that somebody else's ensemble was named by, whose members these are; NULL: it is ours */
    bool probes;    /* attached: sessions may be made to see how clients fare */
    const char *more_conf; /* whole lines that those have besides; NULL: none; borrowed */
    struct member *members; /* room for MEMBERS_MOST */
    size_t n;
    bool grouped;         /* groups or weights decide */
    struct quorum quorum; /* of the members, by their index */
};

/* Finds the folder: -C, --name, $PSEUDO_CLUSTER_DIR, the nearest folder upwards that has confs/zoo1.cfg, or the per-user state
 * folder's `default`. It need not exist yet. -1 with *why (to be freed) when it cannot be. */
int cluster_locate(struct cluster *c, const struct globals *g, char **why);
void cluster_free(struct cluster *c);

/* A path in the per-user state folder, to be freed; NULL when the environment names none. */
char *cluster_state_path(const char *inside);

/* Makes the folder itself. -1 with *why. */
int cluster_make_dir(struct cluster *c, char **why);

/* How many members the confs in the folder speak of; 0 when there are none. */
size_t cluster_conf_count(const struct cluster *c);

/* Makes folders, confs, dataDirs and myids for n servers and reserves their ports; the current directory is the cluster's folder.
 * Confs that somebody else wrote are used as they are when they are for n servers, else their port scheme is continued
 * under run/confs/. -1 with *why and *exit. */
int cluster_prepare(struct cluster *c, size_t n, struct ports *ports, char **why, int *exit);

/* Learns from the members' confs what a quorum is. */
int cluster_learn_quorum(struct cluster *c, char **why);

/* The members as they were when the cluster was last prepared, without preparing anything: for what reads a cluster's files, whether it
 * runs or not. -1 with *why when there are none. */
int cluster_recall(struct cluster *c, char **why);

/* Removes what the launcher made in the folder and nothing else. False with *why when something would not go. */
bool cluster_clean(const struct cluster *c, char **why);

/* Puts a path in the folder on the list of what the launcher made. */
void cluster_note_made(const struct cluster *c, const char *inside);

/* Removes a folder with all that is in it. False with errno. */
bool remove_tree(const char *path);

/* A path inside the cluster's folder, to be freed. */
char *cluster_path(const struct cluster *c, const char *inside);

/* "127.0.0.1:2182,127.0.0.1:2183", to be freed. Addresses that mean all become loopback. */
char *cluster_connect_string(const struct cluster *c);

/* The address to reach a listener at: loopback when it listens on all addresses. */
const char *reachable_host(const char *host);

#endif
