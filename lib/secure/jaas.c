/* JAAS login configuration files. */
#include "secure/jaas.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/bytes.h"
#include "base/secret.h"
#include "base/xalloc.h"

enum token { TOKEN_END, TOKEN_WORD, TOKEN_SIGN, TOKEN_BAD };

struct reader {
    const char *path, *at, *end;
    char *error;
    int line;
    enum token token;
    char sign;         /* of SIGN */
    struct bytes word; /* of WORD, ended by a zero */
    const char *why;   /* of BAD */
};

static void advance(struct reader *r);
static int take_section(struct reader *r, struct jaas *j, const char *wanted, bool *found);
static int fail(const struct reader *r, const char *what);

int jaas_read(struct jaas *j, const char *path, const char *section, char error[JAAS_ERROR_MAX])
{
    enum { FILE_MAX = 1 << 20 };
    *j = (struct jaas){0};
    FILE *f = fopen(path, "re");
    if (f == NULL) {
        snprintf(error, JAAS_ERROR_MAX, "%s: cannot be read: %s; name an existing JAAS file", path, strerror(errno));
        return -1;
    }
    char *text = xmalloc(FILE_MAX);
    setvbuf(f, NULL, _IONBF, 0); /* or passwords stay behind in a buffer */
    size_t len = fread(text, 1, FILE_MAX, f);
    int rc = -1;
    if (ferror(f))
        snprintf(error, JAAS_ERROR_MAX, "%s: cannot be read: %s; name an existing JAAS file", path, strerror(errno));
    else if (len == FILE_MAX)
        snprintf(error, JAAS_ERROR_MAX, "%s: larger than a megabyte, so no JAAS file; name another file", path);
    else
        rc = jaas_parse(j, path, section, text, len, error);
    secret_wipe(text, len);
    free(text);
    fclose(f);
    return rc;
}

int jaas_parse(struct jaas *j, const char *path, const char *section, const char *text, size_t len,
               char error[JAAS_ERROR_MAX])
{
    *j = (struct jaas){0};
    struct reader r = {.path = path, .at = text, .end = text + len, .error = error, .line = 1};
    bool found = false;
    int rc = 0;
    for (advance(&r); rc == 0 && r.token != TOKEN_END;) rc = take_section(&r, j, section, &found);
    if (r.word.data != NULL) secret_wipe(r.word.data, r.word.cap);
    bytes_free(&r.word);
    return rc != 0 ? -1 : found ? 0 : 1;
}

void jaas_free(struct jaas *j)
{
    for (size_t i = 0; i < j->count; i++) {
        secret_wipe(j->options[i].value, strlen(j->options[i].value));
        free(j->options[i].key);
        free(j->options[i].value);
    }
    free(j->options);
    free(j->module);
    *j = (struct jaas){0};
}

const char *jaas_find(const struct jaas *j, const char *key)
{
    for (size_t i = 0; i < j->count; i++)
        if (strcmp(j->options[i].key, key) == 0) return j->options[i].value;
    return NULL;
}

static int fail(const struct reader *r, const char *what)
{
    snprintf(r->error, JAAS_ERROR_MAX, "%s:%d: %s; write  Section { module.Class required key=\"value\" ...; };",
             r->path, r->line, r->token == TOKEN_BAD ? r->why : what);
    return -1;
}

/* --- sections --- */

static bool is_sign(const struct reader *r, char sign)
{
    return r->token == TOKEN_SIGN && r->sign == sign;
}

static char *take_word(struct reader *r)
{
    char *word = xstrdup((const char *)r->word.data);
    advance(r);
    return word;
}

static bool is_flag(const struct reader *r)
{
    static const char *const flags[] = {"required", "requisite", "sufficient", "optional"};
    for (size_t i = 0; r->token == TOKEN_WORD && i < sizeof flags / sizeof flags[0]; i++)
        if (strcasecmp((const char *)r->word.data, flags[i]) == 0) return true;
    return false;
}

static int take_option(struct reader *r, struct jaas *j)
{
    struct jaas_option o = {.key = take_word(r)};
    int rc = -1;
    if (!is_sign(r, '=')) {
        fail(r, "'=' is missing behind an option's name");
        goto out;
    }
    advance(r);
    if (r->token != TOKEN_WORD) {
        fail(r, "an option's value is missing");
        goto out;
    }
    if (strstr((const char *)r->word.data, "${") != NULL) {
        fail(r, "${...} names a system property of Java, and there are none here");
        goto out;
    }
    o.value = take_word(r);
    j->options = xrealloc(j->options, (j->count + 1) * sizeof *j->options);
    j->options[j->count++] = o;
    return 0;
out:
    free(o.key);
    return rc;
}

/* Class flag key=value ... ; */
static int take_module(struct reader *r, struct jaas *j)
{
    if (r->token != TOKEN_WORD) return fail(r, "a login module's class is missing");
    char *module = take_word(r);
    if (j->module == NULL)
        j->module = module;
    else
        free(module);
    if (!is_flag(r)) return fail(r, "required, requisite, sufficient or optional is missing behind the module's class");
    advance(r);
    while (r->token == TOKEN_WORD)
        if (take_option(r, j) != 0) return -1;
    if (!is_sign(r, ';')) return fail(r, "';' is missing behind the module's last option");
    advance(r);
    return 0;
}

/* Name { module ... }; */
static int take_section(struct reader *r, struct jaas *j, const char *wanted, bool *found)
{
    if (r->token != TOKEN_WORD) return fail(r, "a section's name is missing");
    struct jaas other = {0}, *to = &other;
    int rc = -1;
    if (strcmp((const char *)r->word.data, wanted) == 0) {
        if (*found) return fail(r, "a section is there twice");
        *found = true;
        to = j;
    }
    advance(r);
    if (!is_sign(r, '{')) {
        fail(r, "'{' is missing behind a section's name");
        goto out;
    }
    advance(r);
    do
        if (take_module(r, to) != 0) goto out;
    while (!is_sign(r, '}'));
    advance(r);
    if (!is_sign(r, ';')) {
        fail(r, "';' is missing behind a section's '}'");
        goto out;
    }
    advance(r);
    rc = 0;
out:
    jaas_free(&other);
    return rc;
}

/* --- tokens --- */

static void bad(struct reader *r, const char *why)
{
    r->token = TOKEN_BAD;
    r->why = why;
}

/* False when a comment does not end. */
static bool skip_blanks(struct reader *r)
{
    while (r->at < r->end) {
        if (r->end - r->at >= 2 && r->at[0] == '/' && r->at[1] == '/') {
            while (r->at < r->end && *r->at != '\n') r->at++;
        } else if (r->end - r->at >= 2 && r->at[0] == '/' && r->at[1] == '*') {
            for (r->at += 2; r->end - r->at >= 2 && !(r->at[0] == '*' && r->at[1] == '/'); r->at++)
                if (*r->at == '\n') r->line++;
            if (r->end - r->at < 2) return false;
            r->at += 2;
        } else if ((unsigned char)*r->at <= ' ' && *r->at != '\0') {
            if (*r->at++ == '\n') r->line++;
        } else {
            break;
        }
    }
    return true;
}

static bool is_word_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || (unsigned char)c >= 0x80 ||
           (c != '\0' && strchr("$_-.*", c) != NULL);
}

/* What stands behind a backslash, as java.io.StreamTokenizer has it. */
static char unescaped(struct reader *r)
{
    static const char from[] = "abfnrtv", to[] = "\a\b\f\n\r\t\v";
    char c = *r->at++;
    if (c >= '0' && c <= '7') {
        int v = c - '0', most = c <= '3' ? 3 : 2;
        for (int i = 1; i < most && r->at < r->end && *r->at >= '0' && *r->at <= '7'; i++) v = v * 8 + (*r->at++ - '0');
        return (char)v;
    }
    const char *known = c != '\0' ? strchr(from, c) : NULL;
    return known != NULL ? to[known - from] : c;
}

static void take_quoted(struct reader *r)
{
    char quote = *r->at++;
    while (r->at < r->end && *r->at != quote && *r->at != '\n') {
        char c = *r->at++;
        if (c == '\\' && r->at < r->end && *r->at != '\n') c = unescaped(r);
        if (c == '\0') {
            bad(r, "a zero byte");
            return;
        }
        bytes_u8(&r->word, (uint8_t)c);
    }
    if (r->at == r->end || *r->at != quote) {
        bad(r, "a quoted text does not end on its line");
        return;
    }
    r->at++;
    r->token = TOKEN_WORD;
}

static void advance(struct reader *r)
{
    bytes_clear(&r->word);
    if (!skip_blanks(r)) {
        bad(r, "a comment does not end");
    } else if (r->at == r->end) {
        r->token = TOKEN_END;
    } else if (*r->at == '"' || *r->at == '\'') {
        take_quoted(r);
    } else if (is_word_char(*r->at)) {
        while (r->at < r->end && is_word_char(*r->at)) bytes_u8(&r->word, (uint8_t)*r->at++);
        r->token = TOKEN_WORD;
    } else if (*r->at != '\0' && strchr("{};=", *r->at) != NULL) {
        r->token = TOKEN_SIGN;
        r->sign = *r->at++;
    } else {
        bad(r, "a character that has no place here outside of quotes");
    }
    if (r->token == TOKEN_WORD) bytes_u8(&r->word, 0);
}
