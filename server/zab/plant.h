/* Bugs planted on purpose, so that a test can see that they would be found (tests/sim/planted). There are none in any
 * program but that test's: everywhere else PLANTED() is the constant 0, and the compiler drops what hangs on it. */
#ifndef ZAB_PLANT_H
#define ZAB_PLANT_H

#ifdef PLANTED_BUGS

/* Its name, the name for the command line, and what it is. */
#define PLANTS(P)                                                                                                      \
    P(ACK_BEFORE_FSYNC, "ack-before-fsync", "a follower acknowledges a proposal that is not on its disk yet")          \
    P(MINORITY_COMMITS, "minority-commits", "the leader commits with one acknowledgement less than a majority")        \
    P(NO_TRUNC, "no-trunc", "an old leader's tail is not dropped when it returns")                                     \
    P(FOLLOWER_EXPIRES, "follower-expires", "a learner ends the sessions that it does not hear itself")                \
    P(EPOCH_NOT_STORED, "epoch-not-stored", "a learner acknowledges epochs that it never writes to its disk")          \
    P(PROMISE_BEFORE_FSYNC, "promise-before-fsync", "a promise of an epoch is given before it is on disk")             \
    P(VOTES_IGNORE_ZXID, "votes-ignore-zxid", "an election asks for epoch and id, and takes who is behind")            \
    P(SERVES_TOO_EARLY, "serves-too-early", "a leader serves before a majority has its history")                       \
    P(SYNC_STAYS_HERE, "sync-stays-here", "a learner answers a sync without asking the leader")                        \
    P(READS_OVERTAKE, "reads-overtake", "a read is answered ahead of its session's writes")                            \
    P(WATCH_AFTER_DATA, "watch-after-data", "a reply leaves ahead of the notification of what it shows")               \
    P(READS_FOR_ALL, "reads-for-all", "without a quorum, who wants to write is taken in, too")                         \
    P(EPHEMERAL_STAYS, "ephemeral-stays", "a session's end forgets the ephemerals that are still being made")          \
    P(PARENT_UNSUMMED, "parent-unsummed",                                                                              \
      "a deletion is proposed with a digest that lacks what it does to the parent")                                    \
    P(COUNTS_HEADS, "counts-heads", "groups and weights are overlooked: a majority of the voters is a quorum")         \
    P(ELECTS_THE_WEIGHTLESS, "elects-the-weightless", "a voter of weight 0 is elected")

enum plant {
    PLANT_NONE,
#define PLANT_ENUM(bug, name, text) PLANT_##bug,
    PLANTS(PLANT_ENUM)
#undef PLANT_ENUM
        PLANT_COUNT
};

extern enum plant planted_bug; /* the test's */

#define PLANTED(bug) (planted_bug == PLANT_##bug)

#else
#define PLANTED(bug) 0
#endif

#endif
