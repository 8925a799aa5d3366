/* What a command says, in one of two forms. Source of the plain form: StatPrinter.java, LsCommand.java. */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/bytes.h"
#include "base/xalloc.h"
#include "client/hosts.h"
#include "client/zkcli.h"

static char *text_of(const char *format, va_list ap);
static void say_date(struct shell *sh, const char *label, int64_t ms);
static json_t *json_stat(const struct zk_stat *s);
static json_t *json_hex(int64_t v);
static size_t utf8_sequence(const uint8_t *p, size_t left);
static void base64_put(struct bytes *out, struct slice data);
static int name_compare(const void *a, const void *b);

void say(struct shell *sh, const char *format, ...)
{
    if (sh->json) return;
    va_list ap;
    va_start(ap, format);
    vprintf(format, ap);
    va_end(ap);
}

void say_note(struct shell *sh, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    char *text = text_of(format, ap);
    va_end(ap);
    if (sh->json && sh->result != NULL) {
        json_t *notes = json_object_get(sh->result, "notes");
        if (notes == NULL) json_object_set_new(sh->result, "notes", notes = json_array());
        json_array_append_new(notes, json_text_of(slice_str(text)));
    } else {
        fflush(stdout);
        fprintf(stderr, "%s\n", text);
    }
    free(text);
}

int say_error(struct shell *sh, int status, const char *error, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    char *text = text_of(format, ap);
    va_end(ap);
    if (sh->json && sh->result != NULL) {
        json_field(sh, "error", json_string(error));
        json_text(sh, "message", slice_str(text));
    } else {
        fflush(stdout);
        fprintf(stderr, "%s\n", text);
    }
    free(text);
    return status;
}

void json_field(struct shell *sh, const char *key, json_t *value)
{
    if (sh->json && sh->result != NULL)
        json_object_set_new(sh->result, key, value);
    else
        json_decref(value);
}

void json_text(struct shell *sh, const char *key, struct slice text)
{
    if (sh->json) json_field(sh, key, json_text_of(text));
}

void json_number(struct shell *sh, const char *key, int64_t value)
{
    if (sh->json) json_field(sh, key, json_integer(value));
}

json_t *json_text_of(struct slice text)
{
    if (slice_is_null(text)) return json_null();
    json_t *whole = json_stringn((const char *)text.p, (size_t)text.len);
    if (whole != NULL) return whole;
    struct bytes fixed = {0};
    for (size_t i = 0, n; i<(size_t)text.len; i += n> 0 ? n : 1) {
        n = utf8_sequence(text.p + i, (size_t)text.len - i);
        bytes_put(&fixed, n > 0 ? (const void *)(text.p + i) : "\xef\xbf\xbd", n > 0 ? n : 3);
    }
    struct slice s = bytes_slice(&fixed);
    json_t *value = json_stringn((const char *)s.p, (size_t)s.len);
    bytes_free(&fixed);
    return value != NULL ? value : json_string("");
}

void say_stat(struct shell *sh, const struct zk_stat *s, bool plain)
{
    if (sh->json) json_field(sh, "stat", json_stat(s));
    if (!plain) return;
    say(sh, "cZxid = 0x%" PRIx64 "\n", (uint64_t)s->czxid);
    say_date(sh, "ctime", s->ctime);
    say(sh, "mZxid = 0x%" PRIx64 "\n", (uint64_t)s->mzxid);
    say_date(sh, "mtime", s->mtime);
    say(sh, "pZxid = 0x%" PRIx64 "\n", (uint64_t)s->pzxid);
    say(sh, "cversion = %" PRId32 "\ndataVersion = %" PRId32 "\naclVersion = %" PRId32 "\n", s->cversion, s->version,
        s->aversion);
    say(sh, "ephemeralOwner = 0x%" PRIx64 "\n", (uint64_t)s->ephemeral_owner);
    say(sh, "dataLength = %" PRId32 "\nnumChildren = %" PRId32 "\n", s->data_length, s->num_children);
}

void say_data(struct shell *sh, struct slice data)
{
    if (!sh->json) {
        if (slice_is_null(data))
            printf("null");
        else
            fwrite(data.p, 1, (size_t)data.len, stdout);
        printf("\n");
        return;
    }
    json_t *text = slice_is_null(data) ? json_null() : json_stringn((const char *)data.p, (size_t)data.len);
    if (text != NULL) {
        json_field(sh, "data", text);
        return;
    }
    struct bytes b = {0};
    base64_put(&b, data);
    json_text(sh, "data_base64", bytes_slice(&b));
    bytes_free(&b);
}

void say_names(struct shell *sh, const char *key, char *const *names, size_t count)
{
    if (sh->json) {
        json_t *list = json_array();
        for (size_t i = 0; i < count; i++) json_array_append_new(list, json_text_of(slice_str(names[i])));
        json_field(sh, key, list);
        return;
    }
    printf("[");
    for (size_t i = 0; i < count; i++) printf("%s%s", i ? ", " : "", names[i]);
    printf("]\n");
}

char **names_of(struct vector names, bool sorted, size_t *count)
{
    *count = names.count > 0 ? (size_t)names.count : 0;
    char **list = xcalloc(*count + 1, sizeof *list);
    if (*count == 0) return list;
    struct cursor c = vector_elements(names);
    for (size_t i = 0; i < *count; i++) {
        struct slice s;
        jute_get_string(&c, &s);
        list[i] = xasprintf("%.*s", SLICE_ARG(s));
    }
    if (sorted) qsort(list, *count, sizeof *list, name_compare);
    return list;
}

void names_free(char **names, size_t count)
{
    for (size_t i = 0; i < count; i++) free(names[i]);
    free(names);
}

bool path_fine(struct shell *sh, const char *path, bool sequential)
{
    size_t at;
    const char *wrong = path_problem(path, sequential, &at);
    if (wrong == NULL) return true;
    if (at == 0)
        say_error(sh, STATUS_FAILED, "BADPATH", "%s", wrong);
    else
        say_error(sh, STATUS_FAILED, "BADPATH", "Invalid path string \"%s\" caused by %s @%zu", path, wrong, at);
    return false;
}

bool number_take(struct shell *sh, const char *text, int64_t min, int64_t max, int64_t *out)
{
    char *end;
    errno = 0;
    long long v = strtoll(text, &end, 10);
    bool fine = errno == 0 && end != text && *end == '\0' && v >= min && v <= max;
    if (!fine)
        say_error(sh, STATUS_FAILED, "USAGE", "not a number from %" PRId64 " to %" PRId64 ": %s", min, max, text);
    *out = v;
    return fine;
}

bool version_take(struct shell *sh, const struct args *a, int32_t *version)
{
    int64_t v = -1;
    bool fine = !a->flag['v'] || number_take(sh, a->value['v'], INT32_MIN, INT32_MAX, &v);
    *version = (int32_t)v;
    return fine;
}

static char *text_of(const char *format, va_list ap)
{
    va_list again;
    va_copy(again, ap);
    int len = vsnprintf(NULL, 0, format, again);
    va_end(again);
    char *text = xmalloc((size_t)len + 1);
    vsnprintf(text, (size_t)len + 1, format, ap);
    return text;
}

/* As java.util.Date prints it. */
static void say_date(struct shell *sh, const char *label, int64_t ms)
{
    time_t seconds = (time_t)(ms / 1000);
    struct tm tm;
    char text[64] = "?";
    if (localtime_r(&seconds, &tm) != NULL) strftime(text, sizeof text, "%a %b %d %H:%M:%S %Z %Y", &tm);
    say(sh, "%s = %s\n", label, text);
}

/* The names of Stat's fields in ZooKeeper's jute; zxids and sessions in hex, as people compare them. */
static json_t *json_stat(const struct zk_stat *s)
{
    json_t *o = json_object();
    json_object_set_new(o, "czxid", json_hex(s->czxid));
    json_object_set_new(o, "mzxid", json_hex(s->mzxid));
    json_object_set_new(o, "pzxid", json_hex(s->pzxid));
    json_object_set_new(o, "ctime", json_integer(s->ctime));
    json_object_set_new(o, "mtime", json_integer(s->mtime));
    json_object_set_new(o, "version", json_integer(s->version));
    json_object_set_new(o, "cversion", json_integer(s->cversion));
    json_object_set_new(o, "aversion", json_integer(s->aversion));
    json_object_set_new(o, "ephemeralOwner", json_hex(s->ephemeral_owner));
    json_object_set_new(o, "dataLength", json_integer(s->data_length));
    json_object_set_new(o, "numChildren", json_integer(s->num_children));
    return o;
}

static json_t *json_hex(int64_t v)
{
    char text[24];
    snprintf(text, sizeof text, "0x%" PRIx64, (uint64_t)v);
    return json_string(text);
}

/* The length of the UTF-8 sequence that begins here, 0 when none does. */
static size_t utf8_sequence(const uint8_t *p, size_t left)
{
    size_t n = *p < 0x80                 ? 1
               : *p >= 0xc2 && *p < 0xe0 ? 2
               : *p >= 0xe0 && *p < 0xf0 ? 3
               : *p >= 0xf0 && *p < 0xf5 ? 4
                                         : 0;
    if (n == 0 || n > left) return 0;
    for (size_t i = 1; i < n; i++) {
        if ((p[i] & 0xc0) != 0x80) return 0;
    }
    bool overlong = (n == 3 && *p == 0xe0 && p[1] < 0xa0) || (n == 4 && *p == 0xf0 && p[1] < 0x90);
    bool outside = (n == 3 && *p == 0xed && p[1] >= 0xa0) || (n == 4 && *p == 0xf4 && p[1] >= 0x90);
    return overlong || outside ? 0 : n;
}

static void base64_put(struct bytes *out, struct slice data)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (int32_t i = 0; i < data.len; i += 3) {
        int32_t n = data.len - i;
        uint32_t v =
            (uint32_t)data.p[i] << 16 | (n > 1 ? (uint32_t)data.p[i + 1] << 8 : 0) | (n > 2 ? data.p[i + 2] : 0U);
        bytes_printf(out, "%c%c%c%c", digits[v >> 18], digits[v >> 12 & 63], n > 1 ? digits[v >> 6 & 63] : '=',
                     n > 2 ? digits[v & 63] : '=');
    }
}

static int name_compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}
