/* With what a server exits, and what that means. The numbers up to 14 are Apache's. Source: ExitCode.java (3.8.0). */
#ifndef SERVER_EXIT_CODE_H
#define SERVER_EXIT_CODE_H

#include "zab/step.h"

#define EXIT_CODES(E)                                                                                                  \
    E(EXIT_FINISHED, 0, "stopped as asked")                                                                            \
    E(EXIT_UNEXPECTED, 1, "unexpected; and for the verbs: not running, or running already")                            \
    E(EXIT_USAGE, 2, "bad arguments, configuration or myid")                                                           \
    E(EXIT_DATA_DIR, 3, "dataDir or dataLogDir cannot be used")                                                        \
    E(EXIT_SNAPSHOT_LOAD, CORE_EXIT_LOAD, "a snapshot or the log holds malformed data")                                \
    E(EXIT_COMMIT_MISMATCH, CORE_EXIT_COMMIT, "told to commit what was not proposed")                                  \
    E(EXIT_QUORUM_PACKET, CORE_EXIT_PACKET, "told to drop what was committed, or handed what cannot be applied")       \
    E(EXIT_PEER_PORT, 14, "quorum or election port cannot be listened on")                                             \
    E(EXIT_CLIENT_PORT, 15, "client port cannot be listened on")                                                       \
    E(EXIT_DISK, 16, "writing the log or a snapshot failed; nothing more was acknowledged")                            \
    E(EXIT_ORPHAN, 17, "its supervisor is gone")                                                                       \
    E(EXIT_SECURITY, 18, "a key store, trust store or JAAS file cannot be used")

#define EXIT_CODE_ENUM(name, number, text) name = number,
enum exit_code { EXIT_CODES(EXIT_CODE_ENUM) };

#endif
