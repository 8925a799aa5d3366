/* The exit codes of pseudo-cluster; `pseudo-cluster help exit` prints them from this list. */
#ifndef LAUNCHER_EXITS_H
#define LAUNCHER_EXITS_H

#define EXITS(X)                                                                     \
    X(EXIT_DONE, 0, "done")                                                          \
    X(EXIT_FAILED, 1, "failed; the message says why")                                \
    X(EXIT_USAGE, 2, "the command line makes no sense")                              \
    X(EXIT_NO_CLUSTER, 3, "no such cluster runs")                                    \
    X(EXIT_REFUSED, 4, "no such target now, or it is in no state for that")          \
    X(EXIT_TIMEOUT, 5, "the deadline passed first")                                  \
    X(EXIT_PORT_BUSY, 6, "a port is in use by another program")                      \
    X(EXIT_NO_ENSEMBLE, 125, "run: the ensemble could not be booted")                \
    X(EXIT_NO_EXEC, 126, "run: the command cannot be executed")                      \
    X(EXIT_NO_COMMAND, 127, "run: the command was not found (128+n: ended by signal n)")

#define EXIT_ENUM(name, code, text) name = code,
enum exit_code { EXITS(EXIT_ENUM) };

#endif
