/* The messages of DIGEST-MD5, read strictly and written anew. */
#include "secure/sasl_message.h"

#include <strings.h>

enum { MESSAGE_MAX = 4096 };

static const struct {
    const char *name;
    bool quoted;
} directives[] = {
#define DIRECTIVE_ROW(name, directive, quoted) {directive, quoted},
    SASL_DIRECTIVES(DIRECTIVE_ROW)};

struct reader {
    const uint8_t *at, *end;
};

static bool take_directive(struct sasl_message *m, struct reader *r);
static bool take_value(struct reader *r, struct bytes *text);
static bool is_token(struct slice v);

bool sasl_message_read(struct sasl_message *m, struct slice raw)
{
    *m = (struct sasl_message){0};
    for (int i = 0; i < SASL_DIRECTIVE_COUNT; i++) m->value[i] = SLICE_NULL;
    if (raw.len <= 0 || raw.len > MESSAGE_MAX) return false;
    bytes_room(&m->text, (size_t)raw.len); /* values are no longer than what they are read from: it never moves */
    struct reader r = {raw.p, raw.p + raw.len};
    while (r.at < r.end)
        if (!take_directive(m, &r)) return false;
    return true;
}

void sasl_message_free(struct sasl_message *m)
{
    bytes_free(&m->text);
}

void sasl_message_put(const struct sasl_message *m, struct bytes *out)
{
    const char *comma = "";
    for (int i = 0; i < SASL_DIRECTIVE_COUNT; i++) {
        struct slice v = m->value[i];
        if (slice_is_null(v)) continue;
        const char *quote = directives[i].quoted || !is_token(v) ? "\"" : "";
        bytes_printf(out, "%s%s=%s", comma, directives[i].name, quote);
        for (int32_t k = 0; k < v.len; k++) {
            if (v.p[k] == '"' || v.p[k] == '\\') bytes_u8(out, '\\');
            bytes_u8(out, v.p[k]);
        }
        bytes_printf(out, "%s", quote);
        comma = ",";
    }
}

bool sasl_message_says(const struct sasl_message *m, enum sasl_directive d, const char *text)
{
    struct slice v = m->value[d];
    return v.len == (int32_t)strlen(text) && strncasecmp((const char *)v.p, text, (size_t)v.len) == 0;
}

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void skip_blanks(struct reader *r)
{
    while (r->at < r->end && is_blank(*r->at)) r->at++;
}

/* What needs no quotes: RFC 2616's token. */
static bool is_token_char(uint8_t c)
{
    return c > ' ' && c < 0x7f && strchr("()<>@,;:\\\"/[]?={}", c) == NULL;
}

static bool is_token(struct slice v)
{
    for (int32_t k = 0; k < v.len; k++)
        if (!is_token_char(v.p[k])) return false;
    return v.len > 0;
}

/* key=value and the comma behind it; commas may stand alone. */
static bool take_directive(struct sasl_message *m, struct reader *r)
{
    skip_blanks(r);
    if (r->at < r->end && *r->at == ',') r->at++;
    skip_blanks(r);
    if (r->at == r->end || *r->at == ',') return true;
    const uint8_t *key = r->at;
    while (r->at < r->end && is_token_char(*r->at)) r->at++;
    size_t len = (size_t)(r->at - key);
    skip_blanks(r);
    if (len == 0 || r->at == r->end || *r->at++ != '=') return false;
    skip_blanks(r);
    size_t from = m->text.len;
    if (!take_value(r, &m->text)) return false;
    skip_blanks(r);
    if (r->at < r->end && *r->at != ',') return false;
    for (int i = 0; i < SASL_DIRECTIVE_COUNT; i++) {
        if (strlen(directives[i].name) != len || strncasecmp((const char *)key, directives[i].name, len) != 0) continue;
        if (slice_is_null(m->value[i]))
            m->value[i] = slice_of(m->text.data + from, m->text.len - from);
        else if (i != SASL_REALM)
            return false;
    }
    return true;
}

static bool take_value(struct reader *r, struct bytes *text)
{
    bool quoted = r->at < r->end && *r->at == '"';
    size_t from = text->len;
    if (!quoted) {
        while (r->at < r->end && is_token_char(*r->at)) bytes_u8(text, *r->at++);
        return text->len > from;
    }
    for (r->at++; r->at < r->end && *r->at != '"';) {
        if (*r->at == '\\' && ++r->at == r->end) return false;
        if (*r->at < ' ' || *r->at == 0x7f) return false;
        bytes_u8(text, *r->at++);
    }
    if (r->at == r->end) return false;
    r->at++;
    return true;
}
