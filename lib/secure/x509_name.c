/* A certificate's subject as text, as Java writes it. Source: sun.security.x509.AVA.toRFC2253String. */
#include "secure/x509_name.h"

#include <openssl/asn1.h>
#include <openssl/objects.h>

enum { NAME_MAX_LEN = 64 * 1024 };

/* The keywords of RFC 2253; all else is written as its OID. */
static const struct {
    int nid;
    const char *keyword;
} keywords[] = {
    {NID_commonName, "CN"},          {NID_countryName, "C"},      {NID_localityName, "L"},
    {NID_stateOrProvinceName, "ST"}, {NID_organizationName, "O"}, {NID_organizationalUnitName, "OU"},
    {NID_streetAddress, "STREET"},   {NID_domainComponent, "DC"}, {NID_userId, "UID"},
};

static void put_part(struct bytes *b, const X509_NAME_ENTRY *e);

bool x509_name_put(struct bytes *b, const X509_NAME *name)
{
    size_t from = bytes_waiting(b);
    int count = X509_NAME_entry_count(name);
    for (int end = count; end > 0;) {
        int begin = end - 1, set = X509_NAME_ENTRY_set(X509_NAME_get_entry(name, begin));
        while (begin > 0 && X509_NAME_ENTRY_set(X509_NAME_get_entry(name, begin - 1)) == set) begin--;
        if (end < count) bytes_u8(b, ',');
        for (int i = begin; i < end; i++) {
            if (i > begin) bytes_u8(b, '+');
            put_part(b, X509_NAME_get_entry(name, i));
        }
        end = begin;
        if (bytes_waiting(b) - from > NAME_MAX_LEN) return false;
    }
    return true;
}

static const char *keyword_of(const ASN1_OBJECT *object)
{
    int nid = OBJ_obj2nid(object);
    for (size_t i = 0; i < sizeof keywords / sizeof keywords[0]; i++)
        if (keywords[i].nid == nid) return keywords[i].keyword;
    return NULL;
}

static bool is_text(const ASN1_STRING *s)
{
    switch (ASN1_STRING_type(s)) {
    case V_ASN1_PRINTABLESTRING:
    case V_ASN1_T61STRING:
    case V_ASN1_IA5STRING:
    case V_ASN1_GENERALSTRING:
    case V_ASN1_BMPSTRING:
    case V_ASN1_UTF8STRING: return true;
    default: return false;
    }
}

/* How many bytes of well-formed UTF-8 begin here; 0 when the first is none. */
static size_t utf8_len(const uint8_t *p, const uint8_t *end)
{
    size_t n = p[0] < 0x80                   ? 1
               : p[0] >= 0xc2 && p[0] < 0xe0 ? 2
               : (p[0] & 0xf0) == 0xe0       ? 3
               : p[0] >= 0xf0 && p[0] < 0xf5 ? 4
                                             : 0;
    if (n == 0 || (size_t)(end - p) < n) return 0;
    for (size_t i = 1; i < n; i++)
        if ((p[i] & 0xc0) != 0x80) return 0;
    if (n == 3 && ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] >= 0xa0))) return 0;
    if (n == 4 && ((p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] >= 0x90))) return 0;
    return n;
}

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\r';
}

/* Java takes the bytes for UTF-8 whatever the string's type says. */
static void put_text(struct bytes *b, const uint8_t *p, size_t len)
{
    const uint8_t *end = p + len, *lead = p, *trail = end;
    while (lead < end && is_blank(*lead)) lead++;
    while (trail > lead && is_blank(trail[-1])) trail--;
    while (p < end) {
        size_t n = utf8_len(p, end);
        if (n == 0) {
            bytes_put(b, "\xef\xbf\xbd", 3); /* U+FFFD */
            p++;
            continue;
        }
        if (*p == '\0') {
            bytes_put(b, "\\00", 3);
        } else {
            if (strchr(",=+<>#;\"\\", *p) != NULL || p < lead || p >= trail) bytes_u8(b, '\\');
            bytes_put(b, p, n);
        }
        p += n;
    }
}

static void put_der(struct bytes *b, const ASN1_STRING *s)
{
    ASN1_TYPE *type = ASN1_TYPE_new();
    unsigned char *der = NULL;
    int len = -1;
    if (type != NULL && ASN1_TYPE_set1(type, ASN1_STRING_type(s), s) == 1) len = i2d_ASN1_TYPE(type, &der);
    bytes_u8(b, '#');
    for (int i = 0; i < len; i++) bytes_printf(b, "%02x", der[i]);
    OPENSSL_free(der);
    ASN1_TYPE_free(type);
}

static void put_part(struct bytes *b, const X509_NAME_ENTRY *e)
{
    const ASN1_OBJECT *object = X509_NAME_ENTRY_get_object(e);
    const ASN1_STRING *value = X509_NAME_ENTRY_get_data(e);
    const char *keyword = keyword_of(object);
    char oid[256];
    if (keyword == NULL) OBJ_obj2txt(oid, sizeof oid, object, 1);
    bytes_printf(b, "%s=", keyword != NULL ? keyword : oid);
    if (keyword != NULL && is_text(value))
        put_text(b, ASN1_STRING_get0_data(value), (size_t)ASN1_STRING_length(value));
    else
        put_der(b, value);
}
