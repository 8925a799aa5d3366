/* Distinguished names: keyword=value, joined by commas, semicolons, and plus signs. */
#include "tree/dn.h"

#include <stddef.h>
#include <strings.h>

/* What is left to read; at is never beyond end. */
struct reader {
    const uint8_t *at, *end;
};

static bool take_keyword(struct reader *r);
static bool take_value(struct reader *r);

bool dn_is_valid(struct slice name)
{
    if (name.len < 0) return false;
    if (name.len == 0) return true;
    struct reader r = {name.p, name.p + name.len};
    for (;;) {
        if (!take_keyword(&r) || !take_value(&r)) return false;
        if (r.at == r.end) return true;
        r.at++; /* what ended the value: ',', ';' or '+' */
    }
}

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

/* "1.2.840": an arc of 0 to 2, under 0 and 1 one below 40, then any. */
static bool is_oid(const uint8_t *p, const uint8_t *end)
{
    long arcs[2] = {0, 0};
    size_t n = 0;
    while (p < end) {
        const uint8_t *from = p;
        long v = 0;
        for (; p < end && is_digit(*p); p++)
            if (v < 1000000) v = v * 10 + (*p - '0');
        if (p == from || (p < end && *p != '.')) return false;
        if (n < 2) arcs[n] = v;
        n++;
        if (p < end && ++p == end) return false;
    }
    return n >= 2 && arcs[0] <= 2 && (arcs[0] == 2 || arcs[1] < 40);
}

static bool is_keyword(const uint8_t *p, const uint8_t *end)
{
    static const char *const known[] = {"CN",           "C",           "L",           "S",      "ST",  "O",
                                        "OU",           "T",           "IP",          "DC",     "UID", "SURNAME",
                                        "GIVENNAME",    "INITIALS",    "GENERATION",  "STREET", "DNQ", "EMAIL",
                                        "EMAILADDRESS", "DNQUALIFIER", "SERIALNUMBER"};
    size_t len = (size_t)(end - p);
    if (len > 4 && strncasecmp((const char *)p, "OID.", 4) == 0) return is_oid(p + 4, end);
    if (len > 0 && is_digit(*p)) return is_oid(p, end);
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (strlen(known[i]) == len && strncasecmp((const char *)p, known[i], len) == 0) return true;
    return false;
}

static bool take_keyword(struct reader *r)
{
    const uint8_t *from = r->at;
    const uint8_t *equals = memchr(from, '=', (size_t)(r->end - from));
    if (equals == NULL) return false;
    r->at = equals + 1;
    while (from < equals && (*from == ' ' || *from == '\n')) from++;
    while (equals > from && (equals[-1] == ' ' || equals[-1] == '\n')) equals--;
    return is_keyword(from, equals);
}

static bool is_hex(uint8_t c)
{
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool ends_value(uint8_t c)
{
    return c == ',' || c == ';' || c == '+';
}

/* Behind a backslash: two hexadecimal digits, or a character that needs one. */
static bool take_escaped(struct reader *r)
{
    if (r->at == r->end) return false;
    if (r->end - r->at >= 2 && is_hex(r->at[0]) && is_hex(r->at[1])) {
        r->at += 2;
        return true;
    }
    return strchr(",+<>#;\"\\ =", *r->at++) != NULL && r->at[-1] != '\0';
}

static void skip_blanks(struct reader *r)
{
    while (r->at < r->end && (*r->at == ' ' || *r->at == '\n')) r->at++;
}

static bool take_quoted(struct reader *r)
{
    for (r->at++; r->at < r->end && *r->at != '"';) {
        if (*r->at++ == '\\' && !take_escaped(r)) return false;
    }
    if (r->at == r->end) return false;
    r->at++;
    skip_blanks(r);
    return r->at == r->end || ends_value(*r->at);
}

static size_t hex_number(const uint8_t *p, size_t digits)
{
    size_t v = 0;
    for (; digits > 0; digits--, p++) v = v << 4 | (size_t)(is_digit(*p) ? *p - '0' : (*p | 0x20) - 'a' + 10);
    return v;
}

/* One DER element: a tag, a length, and that many bytes. */
static bool is_der(const uint8_t *hex, size_t digits)
{
    if (digits % 2 != 0 || digits < 4) return false;
    size_t len = hex_number(hex + 2, 2), head = 2;
    if (len == 0x81 && digits >= 6)
        len = hex_number(hex + 4, 2), head = 3;
    else if (len == 0x82 && digits >= 8)
        len = hex_number(hex + 4, 4), head = 4;
    else if (len >= 0x80)
        return false;
    return digits / 2 == head + len;
}

static bool take_hex(struct reader *r)
{
    const uint8_t *from = ++r->at;
    while (r->at < r->end && is_hex(*r->at)) r->at++;
    size_t digits = (size_t)(r->at - from);
    skip_blanks(r);
    return is_der(from, digits) && (r->at == r->end || ends_value(*r->at));
}

static bool take_value(struct reader *r)
{
    skip_blanks(r);
    if (r->at < r->end && *r->at == '"') return take_quoted(r);
    if (r->at < r->end && *r->at == '#') return take_hex(r);
    while (r->at < r->end && !ends_value(*r->at)) {
        uint8_t c = *r->at++;
        if (c == '<' || c == '>' || c == '"' || (c == '\\' && !take_escaped(r))) return false;
    }
    return true;
}
