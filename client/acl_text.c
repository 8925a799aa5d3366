/* ACLs as people write them. */
#include "client/acl_text.h"

#include <string.h>

#include "base/xalloc.h"
#include "wire/proto.h"

static const struct {
    char letter;
    int32_t perm;
} perm_letters[] = {{'c', PERM_CREATE}, {'d', PERM_DELETE}, {'r', PERM_READ}, {'w', PERM_WRITE}, {'a', PERM_ADMIN}};
enum { PERM_LETTERS = sizeof perm_letters / sizeof *perm_letters };

static char *entry_parse(struct bytes *b, const char *p, size_t len);
static int32_t perms_parse(const char *p, size_t len, char *unknown);
static void print_escaped(struct bytes *b, struct slice s);

char *acl_text_parse(struct bytes *b, const char *text)
{
    size_t start = b->len - b->head;
    int32_t count = 0;
    bytes_i32(b, 0);
    for (const char *p = text;; count++) {
        const char *comma = strchr(p, ',');
        char *wrong = entry_parse(b, p, comma ? (size_t)(comma - p) : strlen(p));
        if (wrong != NULL) {
            b->len = b->head + start;
            return wrong;
        }
        if (comma == NULL) break;
        p = comma + 1;
    }
    be32_put(b->data + b->head + start, (uint32_t)(count + 1));
    return NULL;
}

void acl_text_print(struct bytes *b, const struct acl_entry *e)
{
    bytes_u8(b, '\'');
    print_escaped(b, e->who.scheme);
    bytes_printf(b, ",'");
    print_escaped(b, e->who.id);
    bytes_printf(b, "\n: ");
    acl_perms_print(b, e->perms);
    bytes_u8(b, '\n');
}

void acl_perms_print(struct bytes *b, int32_t perms)
{
    for (size_t i = 0; i < PERM_LETTERS; i++) {
        if (perms & perm_letters[i].perm) bytes_u8(b, (uint8_t)perm_letters[i].letter);
    }
}

/* The scheme ends at the first colon, the permissions begin after the last: an id may hold colons. */
static char *entry_parse(struct bytes *b, const char *p, size_t len)
{
    const char *first = memchr(p, ':', len), *last = first;
    for (size_t i = 0; i < len; i++) {
        if (p[i] == ':') last = p + i;
    }
    if (first == NULL || first == last || first == p) {
        return xasprintf("%.*s does not have the form scheme:id:perm", (int)len, p);
    }
    char unknown = 0;
    int32_t perms = perms_parse(last + 1, (size_t)(p + len - last - 1), &unknown);
    if (unknown != 0) return xasprintf("Unknown perm type: %c (a permission is one of c d r w a)", unknown);
    struct acl_entry e = {perms, {slice_of(p, (size_t)(first - p)), slice_of(first + 1, (size_t)(last - first - 1))}};
    jute_put_acl_entry(b, e);
    return NULL;
}

static int32_t perms_parse(const char *p, size_t len, char *unknown)
{
    int32_t perms = 0;
    for (size_t i = 0; i < len; i++) {
        int32_t perm = 0;
        for (size_t k = 0; k < PERM_LETTERS; k++) {
            if (perm_letters[k].letter == p[i]) perm = perm_letters[k].perm;
        }
        if (perm == 0) *unknown = p[i];
        perms |= perm;
    }
    return perms;
}

/* ',' '%' '}' and control characters as %XX, as Apache's shell shows them. */
static void print_escaped(struct bytes *b, struct slice s)
{
    for (int32_t i = 0; i < s.len; i++) {
        uint8_t ch = s.p[i];
        if (ch < 0x20 || ch == ',' || ch == '%' || ch == '}' || ch == 0x7f)
            bytes_printf(b, "%%%02x", ch);
        else
            bytes_u8(b, ch);
    }
}
