/* The shell: its state, the shape of a command, and what commands wait and print with. */
#ifndef CLIENT_ZKCLI_H
#define CLIENT_ZKCLI_H

#include <stdio.h>

#include "client/words.h"
#include "client/zk.h"

struct json_t;

struct shell {
    struct zk *zk;     /* NULL after close */
    char *hosts;       /* what connect goes to */
    int32_t timeout;   /* of the session, ms */
    struct secure *secure;   /* what was said of TLS and SASL, */
    struct tls_context *tls; /* and what came of it; NULL: none */
    struct sasl *sasl;
    bool read_only, patient;
    bool interactive;  /* a person types */
    bool reads_lines;  /* a person or a script, not one command */
    bool json;         /* one object a line instead of text */
    bool print_watches;
    bool quit;
    int status;        /* what the process exits with: the last command's */
    char *server;      /* the last that served the session; NULL before the first */
    bool moving;       /* that one is lost, no other one found yet */
    char **history;    /* the lines so far, the one being run included; they are numbered from 0 */
    size_t history_count;
    struct json_t *result; /* with json: what the command at hand has said */
};

/* Exit codes. 1 and 127 are Apache's shell's, 2 its ExitCode.java's; 3 tells a script that the ensemble, not the znode, is the
 * trouble. 128 and a signal's number is what other shells have. */
enum { STATUS_OK = 0, STATUS_FAILED = 1, STATUS_USAGE = 2, STATUS_NO_SERVER = 3, STATUS_NO_COMMAND = 127, STATUS_SIGNAL = 128 };

/* One command's words, options taken out. */
struct args {
    bool flag[128];         /* by the option's letter */
    const char *value[128]; /* of an option that takes one; NULL when absent */
    const char *words[4];   /* without the command's name; NULL beyond count */
    size_t count;
};

enum {
    COMMAND_OFFLINE = 1, /* works without a session */
    COMMAND_OLD = 2,     /* a name of an earlier shell: works, is not listed */
    COMMAND_OURS = 4,    /* Apache's shell has none */
};

/* One entry in the table; help, usage and completion come from it. */
struct command {
    const char *name;
    const char *usage;   /* what follows the name */
    /* As for getopt: "sv:" is -s and -v VALUE. A letter with a word behind it, "F:(file)", is known by the word alone. "|"
     * begins options that exclude each other, of which "!" demands one. */
    const char *options;
    size_t min_words, max_words;
    unsigned flags;
    int (*run)(struct shell *sh, const struct args *a);
};

/* zkcli_commands.c: the table, ended by a NULL name, sorted by name; and what the options of a command mean. */
extern const struct command commands[];
const struct command *command_find(const char *name);
const char *option_meaning(const struct command *c, char letter);

/* zkcli_args.c: options may stand before and after the words; what follows "--" is no option. Returns what is wrong in fresh
 * memory. Source: the DefaultParser of Apache Commons CLI, whose words these are. */
char *args_take(struct args *a, const struct command *c, char *const *words);

/* zkcli_run.c: one command's words, and a whole line; both set and return sh->status. */
int shell_run(struct shell *sh, char *const *words);
int shell_line(struct shell *sh, const char *line);
/* The commands, one a line. */
void shell_usage(struct shell *sh);
/* Opens a session with sh->hosts; false with a message when they are malformed. */
bool shell_connect(struct shell *sh);
void shell_disconnect(struct shell *sh);

/* zkcli_input.c: reads lines until the end or quit, serving the session meanwhile. */
void shell_lines(struct shell *sh);
/* Prints what came up by itself without spoiling the prompt. */
void shell_notice(FILE *to, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* zkcli_history.c: the lines typed in earlier sessions, kept in $ZKCLI_HISTORY or ~/.zkcli_history. */
void history_load(void);
/* Lines with secrets (addauth) are not kept. */
void history_keep(const char *line);

/* zkcli_complete.c: completion of commands and paths for the line editor. */
void completion_init(struct shell *sh);

/* zkcli_wait.c: the one place where the shell waits. SIGINT ends the command at hand, or the process where nobody types. */
void signals_init(const struct shell *sh);
/* One turn: serves the session, waits at most `most` ms (-1: until something happens) for it, a signal or, with input, for
 * standard input. Returns whether that has something to read. */
bool shell_turn(struct shell *sh, bool input, int most);
/* The signal that came since it was last forgotten; 0: none. */
int signal_seen(void);
void signal_forget(void);
/* Waits for the answer; says what went wrong with the path (NULL: none), if anything did. Returns a status. */
int shell_await(struct shell *sh, struct zk_answer *answer, const char *path);
/* As shell_await() without a word: returns the error, ZK_OPERATION_TIMEOUT when a signal ended the wait. */
int32_t shell_answer(struct shell *sh, struct zk_answer *answer);
int shell_report(struct shell *sh, int32_t err, const char *path);

/* zkcli_watch.c: NULL, or the watcher that prints; and the session's changes. */
const struct zk_watcher *shell_watcher(struct shell *sh, bool wanted);
void session_changed(void *shell, enum zk_state state);

/* zkcli_say.c: what a command says. Plain: printed at once. With --json: gathered in sh->result, which shell_run() prints. */
/* Text of the plain form, on stdout. */
void say(struct shell *sh, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A remark, on stderr, or in the field "notes". */
void say_note(struct shell *sh, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* What went wrong, on stderr, or in the fields "error" (a word for programs) and "message". Returns status. */
int say_error(struct shell *sh, int status, const char *error, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* Fields of the JSON form alone. json_field() takes the value over. */
void json_field(struct shell *sh, const char *key, struct json_t *value);
void json_text(struct shell *sh, const char *key, struct slice text);
void json_number(struct shell *sh, const char *key, int64_t value);
/* A string of these bytes; what is not UTF-8 becomes U+FFFD. */
struct json_t *json_text_of(struct slice text);
/* Both forms. */
void say_stat(struct shell *sh, const struct zk_stat *s, bool plain);
void say_data(struct shell *sh, struct slice data);
/* "[a, b]" in this order; takes nothing over. */
void say_names(struct shell *sh, const char *key, char *const *names, size_t count);
/* A vector's strings, sorted when wanted, in fresh memory: free with names_free(). */
char **names_of(struct vector names, bool sorted, size_t *count);
void names_free(char **names, size_t count);
/* Checks of words, false with an error said: paths that no server would take, and decimals. */
bool path_fine(struct shell *sh, const char *path, bool sequential);
bool number_take(struct shell *sh, const char *text, int64_t min, int64_t max, int64_t *out);
/* -v; -1 without it. */
bool version_take(struct shell *sh, const struct args *a, int32_t *version);

/* zkcli_nodes.c */
int cmd_ls(struct shell *sh, const struct args *a);
int cmd_ls2(struct shell *sh, const struct args *a);
int cmd_get(struct shell *sh, const struct args *a);
int cmd_set(struct shell *sh, const struct args *a);
int cmd_create(struct shell *sh, const struct args *a);
int cmd_delete(struct shell *sh, const struct args *a);
int cmd_stat(struct shell *sh, const struct args *a);
int cmd_sync(struct shell *sh, const struct args *a);
int cmd_all_children_number(struct shell *sh, const struct args *a);
int cmd_ephemerals(struct shell *sh, const struct args *a);

/* zkcli_tree.c: a znode and all below it. */
struct paths {
    char **list;
    size_t count;
};
/* Breadth first: parents before their children. Returns a status, saying errors. */
int tree_list(struct shell *sh, const char *path, struct paths *out);
void paths_free(struct paths *p);
int cmd_deleteall(struct shell *sh, const struct args *a);
int cmd_rmr(struct shell *sh, const struct args *a);

/* zkcli_quota.c */
int cmd_setquota(struct shell *sh, const struct args *a);
int cmd_listquota(struct shell *sh, const struct args *a);
int cmd_delquota(struct shell *sh, const struct args *a);

/* zkcli_access.c */
int cmd_getacl(struct shell *sh, const struct args *a);
int cmd_setacl(struct shell *sh, const struct args *a);
int cmd_addauth(struct shell *sh, const struct args *a);
int cmd_whoami(struct shell *sh, const struct args *a);

/* zkcli_members.c */
int cmd_config(struct shell *sh, const struct args *a);
int cmd_reconfig(struct shell *sh, const struct args *a);

/* zkcli_session.c */
int cmd_addwatch(struct shell *sh, const struct args *a);
int cmd_removewatches(struct shell *sh, const struct args *a);
int cmd_printwatches(struct shell *sh, const struct args *a);
int cmd_connect(struct shell *sh, const struct args *a);
int cmd_close(struct shell *sh, const struct args *a);
int cmd_help(struct shell *sh, const struct args *a);
int cmd_history(struct shell *sh, const struct args *a);
int cmd_redo(struct shell *sh, const struct args *a);
int cmd_version(struct shell *sh, const struct args *a);
int cmd_quit(struct shell *sh, const struct args *a);

#endif
