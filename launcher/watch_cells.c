/* Laying out the screen of `watch`. */
#include "launcher/watch_cells.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/xalloc.h"
#include "launcher/text.h"

/* Servers stand in columns while each gets that much and the timeline keeps the greater part, else in rows. */
enum { LABEL = 10, COLUMN_LEAST = 15, COLUMN_MOST = 22, COLUMNS_HEIGHT = 30 };

struct field {
    const char *label;
    const char *brief; /* the same in rows */
    int width;         /* there */
    bool right;
    enum style (*put)(struct bytes *b, const struct watch_model *m, const struct watch_server *v);
};

static int put_servers_as_columns(const struct watch_model *m, struct cells *c, int row);
static int put_servers_as_rows(const struct watch_model *m, struct cells *c, int row);
static int put_faults(const struct watch_model *m, struct cells *c, int row);
static void put_timeline(const struct watch_model *m, struct cells *c, int row, bool ascii);
static void put_bar(const struct watch_model *m, struct cells *c);
static void put_keys(const struct watch_model *m, struct cells *c);
static void put_help(struct cells *c);

void cells_init(struct cells *c, int width, int height)
{
    *c = (struct cells){width > 0 ? width : 1, height > 0 ? height : 1, NULL};
    c->at = xcalloc((size_t)c->width * (size_t)c->height, sizeof *c->at);
}

void cells_free(struct cells *c)
{
    free(c->at);
    *c = (struct cells){0};
}

/* Writes text up to the edge or `most` columns. Returns the column after it. Each character is taken for one column
 * wide. */
static int put(struct cells *c, int row, int column, int most, enum style style, const char *text)
{
    int end = most < c->width - column ? column + most : c->width;
    while (*text && column < end && row >= 0 && row < c->height) {
        struct cell *cell = &c->at[row * c->width + column++];
        size_t len = 0;
        do {
            if (len < sizeof cell->ch - 1) cell->ch[len++] = *text;
            text++;
        } while (((unsigned char)*text & 0xc0) == 0x80);
        cell->ch[len] = '\0';
        if ((unsigned char)cell->ch[0] < ' ') cell->ch[0] = '?';
        cell->style = style;
    }
    return column;
}

static int put_all(struct cells *c, int row, int column, enum style style, const char *text)
{
    return put(c, row, column, c->width, style, text);
}

void watch_render(const struct watch_model *m, struct cells *c, bool ascii)
{
    for (int i = 0; i < c->width * c->height; i++) c->at[i] = (struct cell){" ", STYLE_PLAIN};
    bool columns = m->n && (c->width - LABEL) / (int)m->n >= COLUMN_LEAST && c->height >= COLUMNS_HEIGHT;
    int row = columns ? put_servers_as_columns(m, c, 2) : put_servers_as_rows(m, c, 2);
    row = put_faults(m, c, row + 1);
    if (m->help)
        put_help(c);
    else
        put_timeline(m, c, row, ascii);
    put_bar(m, c);
    put_keys(m, c);
}

char *cells_row(const struct cells *c, int row)
{
    struct bytes b = {0};
    int last = c->width;
    while (last > 0 && strcmp(c->at[row * c->width + last - 1].ch, " ") == 0) last--;
    for (int i = 0; i < last; i++) bytes_printf(&b, "%s", c->at[row * c->width + i].ch);
    bytes_u8(&b, 0);
    return (char *)b.data;
}

/* --- the servers --- */

static bool is_down(const struct watch_server *v)
{
    return strncmp(v->state, "down", 4) == 0 || strncmp(v->state, "crashed", 7) == 0;
}

static enum style style_of(const struct watch_server *v)
{
    if (strcmp(v->state, "serving") == 0) return STYLE_GOOD;
    static const char *const bad[] = {"paused", "silent", "unreachable"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (strcmp(v->state, bad[i]) == 0) return STYLE_BAD;
    return is_down(v) ? STYLE_BAD : STYLE_WARN;
}

static enum style put_server(struct bytes *b, const struct watch_model *m, const struct watch_server *v)
{
    bytes_printf(b, "zoo%d", v->id);
    return v->id == m->leader ? STYLE_LEAD : STYLE_STRONG;
}

static enum style put_role(struct bytes *b, const struct watch_model *m, const struct watch_server *v)
{
    bytes_printf(b, "%s", v->role);
    return v->id == m->leader ? STYLE_LEAD : STYLE_PLAIN;
}

static enum style put_state(struct bytes *b, const struct watch_model *m, const struct watch_server *v)
{
    (void)m;
    bytes_printf(b, "%s", v->state);
    return style_of(v);
}

static enum style put_epoch(struct bytes *b, const struct watch_model *m, const struct watch_server *v)
{
    bytes_printf(b, "%" PRId64, v->epoch);
    return m->epoch && v->epoch != m->epoch ? STYLE_WARN : STYLE_PLAIN;
}

static enum style put_zxid(struct bytes *b, const struct watch_model *m, const struct watch_server *v)
{
    (void)m;
    bytes_printf(b, "0x%" PRIx64, (uint64_t)v->zxid);
    return is_down(v) ? STYLE_DIM : STYLE_PLAIN;
}

static enum style put_count(struct bytes *b, int64_t n)
{
    if (n < 0)
        bytes_printf(b, "-");
    else
        bytes_printf(b, "%" PRId64, n);
    return n < 0 ? STYLE_DIM : STYLE_PLAIN;
}

static enum style put_lag(struct bytes *b, const struct watch_model *m, const struct watch_server *v)
{
    if (m->leader && v->id != m->leader && v->lag < 0 && !is_down(v)) {
        bytes_printf(b, "epochs");
        return STYLE_WARN;
    }
    put_count(b, m->leader && v->id != m->leader && !is_down(v) ? v->lag : -1);
    return v->lag > 0 ? STYLE_WARN : STYLE_PLAIN;
}

static enum style put_sessions(struct bytes *b, const struct watch_model *m, const struct watch_server *v)
{
    (void)m;
    return put_count(b, is_down(v) ? -1 : v->sessions);
}

static enum style put_clients(struct bytes *b, const struct watch_model *m, const struct watch_server *v)
{
    (void)m;
    return put_count(b, is_down(v) ? -1 : v->clients);
}

static enum style put_latency(struct bytes *b, const struct watch_model *m, const struct watch_server *v)
{
    (void)m;
    if (v->latency_us < 0 || is_down(v)) return put_count(b, -1);
    put_duration(b, v->latency_us);
    return v->latency_us > 100000 ? STYLE_WARN : STYLE_PLAIN;
}

static enum style put_links(struct bytes *b, const struct watch_model *m, const struct watch_server *v)
{
    (void)m;
    bytes_printf(b, "%s%s%s", v->links, *v->disk ? " disk " : "", v->disk);
    return strcmp(v->links, "ok") == 0 && !*v->disk ? STYLE_DIM : STYLE_BAD;
}

static enum style put_pid(struct bytes *b, const struct watch_model *m, const struct watch_server *v)
{
    (void)m;
    return put_count(b, v->pid ? v->pid : -1);
}

static const struct field fields[] = {
    {"SERVER", "SERVER", 7, false, put_server},
    {"ROLE", "ROLE", 9, false, put_role},
    {"STATE", "STATE", 13, false, put_state},
    {"EPOCH", "EPOCH", 6, true, put_epoch},
    {"ZXID", "ZXID", 13, true, put_zxid},
    {"LAG", "LAG", 7, true, put_lag},
    {"SESSIONS", "SESS", 6, true, put_sessions},
    {"LATENCY", "LATENCY", 9, true, put_latency},
    {"PID", "PID", 7, true, put_pid},
    {"LINKS", "LINKS", 24, false, put_links},
    {"CLIENTS", "CLIENTS", 8, true, put_clients},
};
enum { FIELDS = sizeof fields / sizeof *fields };

static char *cell_text(const struct field *f, const struct watch_model *m, const struct watch_server *v,
                       enum style *style)
{
    struct bytes b = {0};
    *style = f->put(&b, m, v);
    bytes_u8(&b, 0);
    return (char *)b.data;
}

static int put_servers_as_columns(const struct watch_model *m, struct cells *c, int row)
{
    int width = (c->width - LABEL) / (int)m->n;
    if (width > COLUMN_MOST) width = COLUMN_MOST;
    for (int f = 0; f < FIELDS; f++) {
        put(c, row + f, 1, LABEL - 1, STYLE_DIM, fields[f].label);
        for (size_t i = 0; i < m->n; i++) {
            enum style style;
            char *text = cell_text(&fields[f], m, &m->servers[i], &style);
            put(c, row + f, LABEL + (int)i * width, width - 1, style, text);
            free(text);
        }
    }
    return row + FIELDS;
}

/* What does not fit to the right is left out; that links are broken is below as well. */
static int put_servers_as_rows(const struct watch_model *m, struct cells *c, int row)
{
    for (int i = -1; i < (int)m->n; i++) {
        int column = 1;
        for (int f = 0; f < FIELDS; f++) {
            enum style style = STYLE_DIM;
            char *text = i < 0 ? xstrdup(fields[f].brief) : cell_text(&fields[f], m, &m->servers[i], &style);
            /* What is too long is cut to its column. */
            int width = fields[f].width, len = (int)strlen(text) < width ? (int)strlen(text) : width;
            bool wide = column + width > c->width && f > 0;
            if (!wide) put(c, row, fields[f].right ? column + width - len : column, len, style, text);
            column += width + (f + 1 < FIELDS && !fields[f + 1].right ? 1 : 0);
            free(text);
        }
        row++;
    }
    return row;
}

/* --- what is below --- */

static int put_faults(const struct watch_model *m, struct cells *c, int row)
{
    size_t most = c->height >= 30 ? 6 : c->height >= 20 ? 2 : 1;
    put_all(c, row, 1, STYLE_DIM, "FAULTS");
    if (m->n_faults == 0) put_all(c, row++, LABEL, STYLE_DIM, "none");
    for (size_t i = 0; i < m->n_faults && i < most; i++) {
        bool more = i + 1 == most && m->n_faults > most;
        char text[160];
        snprintf(text, sizeof text, more ? "%.100s, and %zu more" : "%.150s", m->faults[i], m->n_faults - most);
        put_all(c, row++, LABEL, STYLE_BAD, text);
    }
    return row;
}

/* How a line is coloured, by how it begins. */
static enum style line_style(const char *text)
{
    static const struct {
        const char *begins;
        enum style style;
    } styles[] = {
        {"killed", STYLE_BAD},
        {"stopped", STYLE_BAD},
        {"paused", STYLE_BAD},
        {"crashed", STYLE_BAD},
        {"isolated", STYLE_BAD},
        {"partition", STYLE_BAD},
        {"lost", STYLE_WARN},
        {"gone", STYLE_DIM},
        {"expired", STYLE_WARN},
        {"votes", STYLE_PLAIN},
        {"elected", STYLE_LEAD},
        {"leads", STYLE_LEAD},
        {"serves, leading", STYLE_LEAD},
        {"synchronised", STYLE_GOOD},
        {"first write", STYLE_GOOD},
        {"healed", STYLE_GOOD},
        {"resumed", STYLE_GOOD},
        {"no write", STYLE_STRONG},
        {"cannot be reached", STYLE_BAD},
        {"is seen to lead", STYLE_LEAD},
        {"answers again", STYLE_GOOD},
        {"key ", STYLE_STRONG},
        {"promises", STYLE_DIM},
        {"proposes", STYLE_DIM},
    };
    for (size_t i = 0; i < sizeof styles / sizeof *styles; i++)
        if (strncmp(text, styles[i].begins, strlen(styles[i].begins)) == 0) return styles[i].style;
    return STYLE_PLAIN;
}

static void put_timeline(const struct watch_model *m, struct cells *c, int row, bool ascii)
{
    int room = c->height - 1 - row - 1;
    for (int i = 0; i < c->width; i++) put_all(c, row, i, STYLE_DIM, ascii ? "-" : "\xe2\x94\x80");
    put_all(c, row, 1, STYLE_DIM, " TIMELINE ");
    struct watch_line *lines = NULL;
    size_t n = watch_lines(m, room > 0 ? (size_t)room : 0, &lines);
    if (n == 0) put_all(c, row + 1, 1, STYLE_DIM, "nothing has happened yet; ? lists the keys");
    for (size_t i = 0; i < n; i++) {
        char when[64];
        bool first = strchr(lines[i].when, ':') != NULL;
        snprintf(when, sizeof when, "%12s", lines[i].when);
        put(c, row + 1 + (int)i, 1, 12, first ? STYLE_PLAIN : STYLE_DIM, when);
        put(c, row + 1 + (int)i, 15, 10, STYLE_STRONG, lines[i].names);
        put_all(c, row + 1 + (int)i, 27, line_style(lines[i].text), lines[i].text);
    }
    watch_lines_free(lines, n);
}

static void put_bar(const struct watch_model *m, struct cells *c)
{
    char text[256], clock[48];
    int64_t wall = m->now_us + m->wall_offset_us;
    time_t s = (time_t)(wall / 1000000);
    struct tm tm;
    localtime_r(&s, &tm);
    for (int i = 0; i < c->width; i++) put_all(c, 0, i, STYLE_BAR, " ");
    snprintf(clock, sizeof clock, "%02d:%02d:%02d", tm.tm_hour % 100, tm.tm_min % 100, tm.tm_sec % 100);
    int n = snprintf(text, sizeof text, "%.24s   %zu server%s   ", m->name, m->n, m->n == 1 ? "" : "s");
    if (m->n == 1)
        snprintf(text + n, sizeof text - (size_t)n, "%s", m->leader ? "serving" : "not serving");
    else if (m->leader)
        snprintf(text + n, sizeof text - (size_t)n, "leader zoo%" PRId64 ", epoch %" PRId64, m->leader, m->epoch);
    else
        snprintf(text + n, sizeof text - (size_t)n, "no leader, %s", m->votes);
    int column = put_all(c, 0, 1, STYLE_BAR, text);
    if (m->stopped_us) {
        struct bytes b = {0};
        bytes_printf(&b, m->attached && !m->probes ? " no leader for " : " no write for ");
        put_duration(&b, m->now_us - m->stopped_us);
        bytes_printf(&b, " ");
        bytes_u8(&b, 0);
        put(c, 0, column + 3, c->width - column - 3 - 10, STYLE_ALARM, (char *)b.data);
        bytes_free(&b);
    } else if (m->leader) {
        put(c, 0, column + 3, c->width - column - 3 - 10, STYLE_BAR, m->attached ? "read-only" : "writes go on");
    }
    if (c->width > 20) put_all(c, 0, c->width - 9, STYLE_BAR, clock);
}

static void put_keys(const struct watch_model *m, struct cells *c)
{
    static const struct {
        const char *key, *does;
    } keys[] = {{"k", "kill leader"}, {"r", "restart"}, {"p", "pause/resume"}, {"i", "isolate"},
                {"h", "heal"},        {"?", "help"},    {"q", "quit"}};
    /* The last ones look only. */
    enum { KEYS = sizeof keys / sizeof *keys, LOOKING = 2 };
    int row = c->height - 1, column = 1;
    for (int i = 0; i < c->width; i++) put_all(c, row, i, STYLE_PLAIN, " ");
    for (size_t i = m->attached ? KEYS - LOOKING : 0; i < KEYS; i++) {
        column = put_all(c, row, column, STYLE_STRONG, keys[i].key);
        column = put_all(c, row, column + 1, STYLE_DIM, keys[i].does) + 2;
    }
}

static void put_help(struct cells *c)
{
    static const char *const lines[] = {
        "k  kill the leader            f  kill a follower",
        "r  restart all that are down  p  pause the leader, or resume who is paused",
        "i  isolate the leader         h  heal the network",
        "s  the leader steps down      e  expire all sessions",
        "d  drop all clients           ?  back to the timeline",
        "q  quit; the cluster stays up",
        "",
        "LAG       transactions behind the leader, by what both said last",
        "LATENCY   mean of the requests since the last look",
        "LINKS     cut: both ways; deaf: hears nothing; mute: is not heard;",
        "          + how much later packets come",
    };
    int n = (int)(sizeof lines / sizeof *lines), row = c->height - 1 - n - 1;
    if (row < 1) row = 1;
    for (int r = row; r < c->height - 1; r++)
        for (int i = 0; i < c->width; i++) put_all(c, r, i, STYLE_PLAIN, " ");
    put_all(c, row++, 1, STYLE_STRONG, "Keys; what each does is shown in the timeline");
    for (int i = 0; i < n; i++) put_all(c, row + i, 1, STYLE_PLAIN, lines[i]);
}
