/* Facts: what happened inside a server, as it happened. The core emits them, the server logs them and tells its supervisor,
 * the simulator prints them, tests compare them. One table names every kind and its fields. */
#ifndef WIRE_FACT_H
#define WIRE_FACT_H

#include <stdint.h>

#include "base/bytes.h"

/* How a field is shown: a plain number, a hexadecimal zxid or session, or a name from an enum. */
enum fact_field { FIELD_NONE, FIELD_NUMBER, FIELD_HEX, FIELD_STATE, FIELD_SYNC_MODE, FIELD_REASON, FIELD_LINK };

/* kind, name, level ('d' for the supervisor alone: not logged, not in the simulator's traces; 'i' info, 'w' warning), then up to
 * four fields: their type and name.
 *
 * read-only: clients that are content with reading are served while no leader is found; until the next state.
 * first-write: the first change of the data that this server answered to a client since it serves. last-write, when it serves no
 * more: the last change applied, when (us, the facts' clock), and how many it applied. session-opened and session-resumed: a client
 * got a new session here, or came (back) here with it; session-refused: it came with one that is no more; session-left: its
 * connection ended; session-closed: it closed its session. digest-mismatch: the first of a row of transactions after which the tree
 * was not what its digest says. */
#define FACTS(F)                                                                                                       \
    F(FACT_STATE, "state", 'i', STATE, "state", NONE, "", NONE, "", NONE, "")                                          \
    F(FACT_VOTE, "vote", 'i', NUMBER, "leader", NUMBER, "epoch", HEX, "zxid", NUMBER, "round")                         \
    F(FACT_ELECTED, "elected", 'i', NUMBER, "leader", NUMBER, "votes", NUMBER, "voters", NUMBER, "round")              \
    F(FACT_EPOCH_PROPOSED, "epoch-proposed", 'd', NUMBER, "epoch", NONE, "", NONE, "", NONE, "")                       \
    F(FACT_EPOCH_ACKED, "epoch-acked", 'd', NUMBER, "epoch", NUMBER, "leader", NONE, "", NONE, "")                     \
    F(FACT_EPOCH, "epoch", 'i', NUMBER, "epoch", NONE, "", NONE, "", NONE, "")                                         \
    F(FACT_SYNC_SENT, "sync-sent", 'i', NUMBER, "peer", SYNC_MODE, "mode", HEX, "zxid", NUMBER, "transactions")        \
    F(FACT_SYNCED, "synced", 'i', NUMBER, "leader", SYNC_MODE, "mode", HEX, "zxid", NUMBER, "transactions")            \
    F(FACT_SERVING, "serving", 'i', STATE, "state", NUMBER, "epoch", HEX, "zxid", NONE, "")                            \
    F(FACT_READ_ONLY, "read-only", 'i', HEX, "zxid", NONE, "", NONE, "", NONE, "")                                     \
    F(FACT_NOT_SERVING, "not-serving", 'i', REASON, "reason", NONE, "", NONE, "", NONE, "")                            \
    F(FACT_LOST_LEADER, "lost-leader", 'i', NUMBER, "leader", REASON, "reason", NONE, "", NONE, "")                    \
    F(FACT_LOST_LEARNER, "lost-learner", 'i', NUMBER, "peer", REASON, "reason", NONE, "", NONE, "")                    \
    F(FACT_LOST_QUORUM, "lost-quorum", 'i', NUMBER, "synced", NUMBER, "needed", NONE, "", NONE, "")                    \
    F(FACT_FIRST_COMMIT, "first-commit", 'i', HEX, "zxid", NUMBER, "epoch", NONE, "", NONE, "")                        \
    F(FACT_SNAPSHOT, "snapshot", 'i', HEX, "zxid", NONE, "", NONE, "", NONE, "")                                       \
    F(FACT_FIRST_WRITE, "first-write", 'd', HEX, "zxid", HEX, "session", NONE, "", NONE, "")                           \
    F(FACT_LAST_WRITE, "last-write", 'd', HEX, "zxid", NUMBER, "at", NUMBER, "writes", NONE, "")                       \
    F(FACT_SESSION_OPENED, "session-opened", 'd', HEX, "session", NUMBER, "timeout", NONE, "", NONE, "")               \
    F(FACT_SESSION_RESUMED, "session-resumed", 'd', HEX, "session", NUMBER, "timeout", NONE, "", NONE, "")             \
    F(FACT_SESSION_REFUSED, "session-refused", 'd', HEX, "session", REASON, "reason", NONE, "", NONE, "")              \
    F(FACT_SESSION_LEFT, "session-left", 'd', HEX, "session", REASON, "reason", NONE, "", NONE, "")                    \
    F(FACT_SESSION_CLOSED, "session-closed", 'd', HEX, "session", NONE, "", NONE, "", NONE, "")                        \
    F(FACT_SESSION_EXPIRED, "session-expired", 'i', HEX, "session", NUMBER, "timeout", REASON, "reason", NONE, "")     \
    F(FACT_OFFENDER, "offender", 'w', LINK, "link", NUMBER, "id", REASON, "reason", NONE, "")                          \
    F(FACT_DIGEST_MISMATCH, "digest-mismatch", 'w', HEX, "zxid", NUMBER, "expected", NUMBER, "actual", NONE, "")      \
    F(FACT_FATAL, "fatal", 'w', REASON, "reason", NUMBER, "exit", HEX, "zxid", NONE, "")

#define FACT_ENUM(kind, ...) kind,
enum fact_kind { FACTS(FACT_ENUM) FACT_KINDS };

enum sync_mode { SYNC_DIFF, SYNC_TRUNC, SYNC_SNAP };

/* Why a link ended, a server stopped serving, or an offender was turned away. */
#define REASONS(R)                                                          \
    R(REASON_NONE, "none")                                                  \
    R(REASON_CLOSED, "connection closed")                                   \
    R(REASON_RESET, "connection reset")                                     \
    R(REASON_REFUSED, "connection refused")                                 \
    R(REASON_TIMEOUT, "silence beyond the limit")                           \
    R(REASON_MALFORMED, "malformed bytes")                                  \
    R(REASON_TOO_LONG, "frame longer than jute.maxbuffer")                  \
    R(REASON_NOT_CONNECTED, "request before connect")                       \
    R(REASON_UNKNOWN_OPCODE, "unknown opcode")                              \
    R(REASON_STRANGER, "not a member of this ensemble")                     \
    R(REASON_UNEXPECTED, "packet out of turn")                              \
    R(REASON_AHEAD, "has seen transactions that this server has not")       \
    R(REASON_EPOCH_OLD, "offers an epoch older than one accepted here")     \
    R(REASON_NO_QUORUM, "no quorum")                                        \
    R(REASON_ELECTION, "a new election")                                    \
    R(REASON_SHUTDOWN, "shutting down")                                     \
    R(REASON_INIT_LIMIT, "initLimit passed")                                \
    R(REASON_COUNTER_FULL, "the epoch's zxids are used up")                 \
    R(REASON_ASKED, "asked to step down")                                   \
    R(REASON_ORDERED, "ordered")                                            \
    R(REASON_SESSION_GONE, "the session is no more")                        \
    R(REASON_PASSWORD, "wrong password")                                    \
    R(REASON_COMMIT_MISMATCH, "told to commit what was not proposed")       \
    R(REASON_TRUNC_COMMITTED, "told to drop transactions that were committed")

#define REASON_ENUM(reason, text) reason,
enum reason { REASONS(REASON_ENUM) REASON_COUNT };

/* The four kinds of connection a server has; see request/core.h. */
enum link_kind { LINK_CLIENT, LINK_ELECTION, LINK_LEARNER, LINK_LEADER };

struct fact {
    int64_t at_us; /* monotonic clock */
    enum fact_kind kind;
    int64_t v[4];
};

const char *fact_name(enum fact_kind kind);
char fact_level(enum fact_kind kind);
const char *reason_text(enum reason r);
const char *sync_mode_name(enum sync_mode m);
const char *link_kind_name(enum link_kind k);

/* Appends {"t":<us>,"sid":<sid>,"fact":"vote","leader":3,"epoch":1,"zxid":"0x100000004","round":2} and a newline. Zxids and
 * sessions are hexadecimal strings, states, modes, reasons and links their names. */
void fact_json(struct bytes *b, int64_t sid, const struct fact *f);
/* Appends "vote leader=3 epoch=1 zxid=0x100000004 round=2", no newline. */
void fact_text(struct bytes *b, const struct fact *f);

#endif
