/* The shell: its state, the shape of a command, and what commands print with. */
#ifndef CLIENT_ZKCLI_H
#define CLIENT_ZKCLI_H

#include "client/words.h"
#include "client/zk.h"

struct shell {
    struct zk *zk;     /* NULL after close */
    char *hosts;       /* what connect goes to */
    int32_t timeout;   /* of the session, ms */
    bool read_only, patient;
    bool interactive;  /* a person types */
    bool print_watches;
    bool quit;
    int status;        /* what the process exits with: the last command's */
    char **history;    /* the lines so far; line n is history[n - 1] */
    size_t history_count;
};

/* Exit codes, as Apache's shell. */
enum { STATUS_OK = 0, STATUS_FAILED = 1, STATUS_NO_COMMAND = 127 };

/* One command's words, options taken out. */
struct args {
    bool flag[128];         /* by the option's letter */
    const char *value[128]; /* of an option that takes one; NULL when absent */
    const char *words[8];   /* without the command's name; NULL beyond count */
    size_t count;
};

/* One entry in the table; help and usage come from it. */
struct command {
    const char *name;
    const char *usage;   /* what follows the name */
    const char *options; /* as for getopt: "sv:" is -s and -v VALUE */
    size_t min_words, max_words;
    bool offline; /* works without a session */
    int (*run)(struct shell *sh, const struct args *a);
};

/* zkcli_commands.c: the table, ended by a NULL name, sorted by name. */
extern const struct command commands[];
const struct command *command_find(const char *name);

/* zkcli_run.c: one line's words, and a whole line; both set and return sh->status. */
int shell_run(struct shell *sh, char *const *words);
int shell_line(struct shell *sh, const char *line);
void shell_usage(void);
/* Opens a session with sh->hosts; false with a message when they are malformed. */
bool shell_connect(struct shell *sh);

/* zkcli_input.c: reads lines until the end or quit, serving the session meanwhile. */
void shell_lines(struct shell *sh);
/* Prints a line that came up by itself without spoiling the prompt. */
void shell_notice(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* zkcli_show.c */
/* Waits for the answer; prints what went wrong with the path, if anything did. Returns a status. */
int shell_await(struct shell *sh, struct zk_answer *answer, const char *path);
int shell_report(const struct shell *sh, int32_t err, const char *path);
/* NULL, or the watcher that prints. */
const struct zk_watcher *shell_watcher(struct shell *sh, bool wanted);
void show_stat(const struct zk_stat *s);
/* "[a, b]", sorted. */
void show_names(struct vector names);
/* A vector's strings, sorted, in fresh memory: free with names_free(). */
char **names_sorted(struct vector names, size_t *count);
void names_free(char **names, size_t count);
/* false with a message when no server would take the path. */
bool path_fine(const char *path, bool sequential);
/* A decimal that fits; false with a message. */
bool number_take(const char *text, int64_t min, int64_t max, int64_t *out);

/* zkcli_nodes.c */
int cmd_ls(struct shell *sh, const struct args *a);
int cmd_get(struct shell *sh, const struct args *a);
int cmd_set(struct shell *sh, const struct args *a);
int cmd_create(struct shell *sh, const struct args *a);
int cmd_delete(struct shell *sh, const struct args *a);
int cmd_deleteall(struct shell *sh, const struct args *a);
int cmd_stat(struct shell *sh, const struct args *a);
int cmd_sync(struct shell *sh, const struct args *a);
int cmd_all_children_number(struct shell *sh, const struct args *a);
int cmd_ephemerals(struct shell *sh, const struct args *a);

/* zkcli_tree.c: a znode and all below it. Returns a status, printing errors. */
struct paths {
    char **list;
    size_t count;
};
/* Breadth first: parents before their children. */
int tree_list(struct shell *sh, const char *path, struct paths *out);
void paths_free(struct paths *p);

/* zkcli_access.c */
int cmd_getacl(struct shell *sh, const struct args *a);
int cmd_setacl(struct shell *sh, const struct args *a);
int cmd_addauth(struct shell *sh, const struct args *a);
int cmd_whoami(struct shell *sh, const struct args *a);

/* zkcli_session.c */
int cmd_addwatch(struct shell *sh, const struct args *a);
int cmd_removewatches(struct shell *sh, const struct args *a);
int cmd_printwatches(struct shell *sh, const struct args *a);
int cmd_config(struct shell *sh, const struct args *a);
int cmd_connect(struct shell *sh, const struct args *a);
int cmd_close(struct shell *sh, const struct args *a);
int cmd_help(struct shell *sh, const struct args *a);
int cmd_history(struct shell *sh, const struct args *a);
int cmd_redo(struct shell *sh, const struct args *a);
int cmd_version(struct shell *sh, const struct args *a);
int cmd_quit(struct shell *sh, const struct args *a);

#endif
