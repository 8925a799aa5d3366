/* The supervisor: one process per cluster that runs its servers, hears their facts and carries out what commands ask.
 *
 * Everything happens on one event loop. Servers are children, each with a channel (a socket pair); commands come over a unix
 * socket, and the command that started the supervisor over a socket pair of its own. Facts are told to whoever listens; after
 * them `settle` looks, once a turn, which operations have reached what they wait for. */
#ifndef LAUNCHER_SUPERVISOR_H
#define LAUNCHER_SUPERVISOR_H

#include <event2/bufferevent.h>
#include <event2/event.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/list.h"
#include "base/rnd.h"
#include "launcher/apache_member.h"
#include "launcher/cluster.h"
#include "launcher/foreign_member.h"
#include "launcher/links.h"
#include "launcher/probe.h"
#include "launcher/relay.h"
#include "launcher/supervise.h"
#include "launcher/view.h"

#define LOCK_PATH "run/supervisor.pid"
#define SOCKET_PATH "run/control.sock"
#define PIDS_PATH "run/pids"

/* The descriptor of a server's end of its channel, and the variable that tells it. */
#define CHANNEL_VARIABLE "PSEUDO_CLUSTER_FD"
enum { CHANNEL_FD = 3 };

/* The longest line between a server or a command and the supervisor, bytes. */
enum { LINE_MOST = 65536 };

struct supervisor;
struct events;

/* What its disk is like. As the network, it does not heal because a process restarts. */
enum disk_mode { DISK_OK, DISK_SLOW, DISK_FULL, DISK_EIO, DISK_MODES };
struct disk {
    enum disk_mode mode;
    int64_t slow_us; /* SLOW: every sync takes that much longer */
};

struct server {
    struct supervisor *of;
    const struct member *member;
    enum supervise_state state;
    struct view view;
    pid_t pid;                   /* 0 without a process */
    struct bufferevent *channel; /* NULL without a process */
    struct apache *apache;       /* speaks for the process when that is Apache ZooKeeper's, else NULL */
    struct foreign *foreign;     /* looks at it, when somebody else runs it, else NULL */
    struct event *late;          /* the deadline of a stop */
    bool ended;                  /* a process of it has ended: how says wait_status, as waitpid() gives it */
    int wait_status;
    int64_t ordered;  /* the id of the last order that it was given */
    struct link_state told[MEMBERS_MOST]; /* of its links, by the peers' index */
    bool told_refuses, told_cuts_clients;
    struct disk disk, told_disk;
    int64_t clock_ms; /* how far its wall clock is shifted */
    const char *dies_at; /* the step of the next write at which it dies, NULL for none */
    bool dies_powerless;
    char *last_words; /* what it said when it exited, or why it cannot be reached; or NULL */
    bool stale;       /* its process was started with a former list of servers */
};

struct client {
    struct link link;
    struct supervisor *of;
    struct bufferevent *wire;
    struct op *op;  /* what it waits for, or NULL */
    bool listening; /* facts are passed on */
    bool hears_all; /* also those of single sessions */
    bool owner;     /* the command that started the supervisor */
    bool leaving;   /* nothing more comes; it is freed when its output is sent */
};

/* A probe that is made although nothing has happened: a session that is made and closed. */
struct checkup {
    struct probe *probe;
    struct event *due; /* the next one, or the deadline of this one */
    int64_t since_us;
};

/* What a supervisor is started with. Everything borrowed. */
struct supervisor_options {
    struct cluster *cluster;
    size_t n;
    const char *zkserver;
    bool ephemeral;  /* ends, and takes the folder with it, when the command that started it is gone */
    long timeout_ms; /* for the first boot */
};

struct supervisor {
    struct event_base *base;
    struct cluster *cluster;
    struct ports ports;
    struct server *servers;
    size_t n;
    struct link clients;
    struct link ops;
    struct rnd rnd;
    const char *zkserver;
    bool ephemeral;
    bool keep;   /* an ephemeral cluster's folder stays */
    bool resetting; /* the servers are being killed, and their data is about to be replaced */
    bool ending; /* the servers are being stopped and the supervisor ends after them */
    int lock_fd, listen_fd;
    struct event *settle, *listener, *sigchld, *sigterm, *sigint;
    /* Are writes acknowledged? A probe finds out, whenever something has happened that makes it a question. */
    bool measuring;
    int64_t outage_us; /* since when nothing is acknowledged; 0 when nothing is known of an outage */
    int64_t write_us;  /* when the last probe was acknowledged */
    int64_t lasted_us; /* how long the last outage was */
    struct probe *probe;
    struct event *probe_again;
    int probe_failures;
    const struct server *probed; /* by probe */
    struct checkup checkup;      /* of an attached ensemble, now and then */
    int64_t status_id; /* of the last status asked */
    struct links links; /* the network as it is meant to be */
    struct relays relays;
    int64_t order_id;  /* of the last order given */
    const struct op *acting; /* whose request is being carried out just now, or NULL: its facts say so */
    int64_t op_serial;
    struct events *events; /* all facts are recorded; NULL before and after the loop */
    const char *end_why;   /* why it ends */
};

/* --- supervisor.c --- */

/* Starts a supervisor that boots the servers. Returns the command's connection to it, on which the answer to `up` comes; -1 with
 * *why. */
int supervisor_launch(const struct supervisor_options *o, char **why);

/* Stops all servers, then ends the loop. why is for the log. */
void supervisor_end(struct supervisor *s, const char *why);

/* Looks after this turn of the loop what has come about. */
void supervisor_settle(struct supervisor *s);

/* --- children.c --- */

/* Does to a server what its state table says. False when refused; *why then follows the server's name. */
bool server_event(struct server *v, enum supervise_event e, const char **why);
void server_ask_status(struct server *v, int64_t id);
void children_reap(struct supervisor *s);

/* With what a server ends when its files cannot be used, and when writing failed: EXIT_DATA_DIR and EXIT_DISK of
 * server/exit_code.h. */
enum { SERVER_EXIT_DATA_DIR = 3, SERVER_EXIT_DISK = 16 };
/* It ended because its disk failed. */
bool server_disk_failed(const struct server *v);

/* --- orders.c --- */

/* Orders something of a server; the reference is stolen. The order's id, which the answer repeats. */
int64_t server_order(struct server *v, json_t *order);
/* What holds for its clients by links; drop: those that are there lose their connection. */
int64_t server_order_clients(struct server *v, bool drop);
/* Tells every server that runs what has changed about its network. */
void network_apply(struct supervisor *s);
/* The same of its disk. */
void disk_apply(struct server *v);
/* Tells a server of both before it starts, by our end of its channel. False with errno when that is not possible. */
bool faults_preload(struct server *v, int fd);
/* "slow", "full", "eio", "ok". */
const char *disk_mode_name(enum disk_mode mode);
/* Takes its followers from a leader that lives, until another one leads or it looks for one itself. */
void server_depose(struct server *v);
/* Joins again whoever was deposed and has come to that. */
void depositions_settle(struct supervisor *s);
/* Nobody who could answer owes an answer. */
bool orders_answered(const struct supervisor *s);

/* --- ensemble.c: questions about the whole --- */

/* The server that leads and serves now, or NULL. One without an ensemble leads itself. */
struct server *leader_now(struct supervisor *s);
struct server *server_by_id(struct supervisor *s, int64_t id);
size_t servers_in(const struct supervisor *s); /* the members but those that leave or have left */
/* What runs and what a quorum takes, in voters; in weight or groups where these decide (votes.h). */
size_t voters_running(const struct supervisor *s); /* those coming back from a restart are counted */
size_t voters_needed(const struct supervisor *s);
size_t voters_all(const struct supervisor *s);
/* How much of what runs this one exchanges bytes with; itself counts. */
size_t server_reach(const struct server *v);
/* The largest of these: what may form an ensemble. Without a broken network what runs. */
size_t voters_joined(const struct supervisor *s);
/* Adds voters, running, needed (null where groups or weights decide) and quorum, see votes_json(). */
void set_votes(const struct supervisor *s, json_t *to);
/* Appends "2 of 3 voters", or what else counts. */
void put_votes(struct bytes *b, const struct supervisor *s, size_t n);
/* Every server that runs, and that the leader can reach, serves. */
bool all_running_serve(const struct supervisor *s);
bool none_serves(const struct supervisor *s);
/* "serving", "electing", "paused", "crashed (exit 1)", ...; to be freed. */
char *server_state_text(const struct server *v);
/* "zoo1 electing, zoo2 starting": all that run and do not serve yet; to be freed, "" when there are none. */
char *unsettled_text(const struct supervisor *s);
/* One server for status, and the whole cluster; a new reference each. silent: it did not answer. */
json_t *server_json(const struct server *v, bool silent);
json_t *cluster_json(struct supervisor *s, int64_t status_id);
/* "SIGKILL", "signal 40". The text lasts until the next call. */
const char *signal_name(int signal);

/* --- outage.c --- */

/* From now on it is a question whether writes are acknowledged. since_us: when it became one. */
void outage_begin(struct supervisor *s, int64_t since_us);
/* Sends a probe when there is something to measure and a leader to measure. In an ensemble that is only looked at, and without leave to
 * probe, a leader that serves is the end of it. */
void outage_look(struct supervisor *s);
/* Begins to probe an attached ensemble now and then, if that is allowed. */
void outage_check_up(struct supervisor *s);

/* --- control.c --- */

void client_add(struct supervisor *s, int fd, bool owner);
/* Sends a line; the reference is stolen. */
void client_send(struct client *c, json_t *line);
/* Sends the last line of an operation; the reference is stolen. */
void client_leave(struct client *c);
int control_listen(struct supervisor *s);
/* Tells a fact to all who listen; the reference is stolen. */
void tell(struct supervisor *s, json_t *fact);
/* The same for a fact of the supervisor's own, which goes to its log as well. */
void tell_own(struct supervisor *s, json_t *fact);
/* All output is sent, so nobody waits for anything. */
bool control_idle(const struct supervisor *s);

/* --- ops.c --- */

/* Takes a client's request. */
void op_begin(struct client *c, const json_t *request);
/* The boot that the owner waits for. */
void op_begin_boot(struct client *c, long timeout_ms);
/* Adds to a fact of the supervisor's which operation is being carried out, if one is. */
void ops_sign(const struct supervisor *s, json_t *fact);
/* Forgets the operation; nothing more is sent. */
void op_drop(struct op *o);
/* An answer to an order has come. */
void ops_hear_answer(struct supervisor *s, const json_t *answer);
/* A fact has come: some operations wait for particular ones. */
void ops_hear(struct supervisor *s, const json_t *fact);
/* Ends those that are done. */
void ops_settle(struct supervisor *s);
/* Some are about to send their last line. */
bool ops_ending(const struct supervisor *s);

#endif
