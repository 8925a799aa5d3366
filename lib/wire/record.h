/* A record is listed once; its struct, codec, printer and fuzz input come from the list.
 *
 * A list names a record's fields in wire order:   #define FIELDS_delete_request(F) F(string, path) F(int32, version)
 * and a list of records names them all:           #define CLIENT_RECORDS(R) R(delete_request) ...
 * RECORD_STRUCT and RECORD_PROTOTYPES go in a header, RECORD_CODEC in the one .c file that instantiates it. */
#ifndef WIRE_RECORD_H
#define WIRE_RECORD_H

#include "wire/jute.h"

/* field type -> C type */
#define JUTE_TYPE_boolean bool
#define JUTE_TYPE_int32 int32_t
#define JUTE_TYPE_int64 int64_t
#define JUTE_TYPE_string struct slice
#define JUTE_TYPE_buffer struct slice
#define JUTE_TYPE_strings struct vector
#define JUTE_TYPE_acls struct vector
#define JUTE_TYPE_identities struct vector
#define JUTE_TYPE_txns struct vector
#define JUTE_TYPE_stored_stat struct stored_stat

#define jute_get_buffer jute_get_string
#define jute_put_field_boolean(b, v) jute_put_boolean(b, v)
#define jute_put_field_int32(b, v) jute_put_int32(b, v)
#define jute_put_field_int64(b, v) jute_put_int64(b, v)
#define jute_put_field_string(b, v) jute_put_string(b, v)
#define jute_put_field_buffer(b, v) jute_put_string(b, v)
#define jute_put_field_strings(b, v) jute_put_vector(b, v)
#define jute_put_field_acls(b, v) jute_put_vector(b, v)
#define jute_put_field_identities(b, v) jute_put_vector(b, v)
#define jute_put_field_txns(b, v) jute_put_vector(b, v)
#define jute_put_field_stored_stat(b, v) jute_put_stored_stat(b, &(v))

void jute_print_boolean(struct bytes *b, bool v);
void jute_print_int32(struct bytes *b, int32_t v);
void jute_print_int64(struct bytes *b, int64_t v);
void jute_print_string(struct bytes *b, struct slice v);
void jute_print_buffer(struct bytes *b, struct slice v);
void jute_print_strings(struct bytes *b, struct vector v);
void jute_print_acls(struct bytes *b, struct vector v);
void jute_print_identities(struct bytes *b, struct vector v);
void jute_print_txns(struct bytes *b, struct vector v);
void jute_print_stored_stat(struct bytes *b, struct stored_stat v);

#define RECORD_MEMBER(type, name) JUTE_TYPE_##type name;
#define RECORD_STRUCT(record) \
    struct record {           \
        FIELDS_##record(RECORD_MEMBER) \
    };

/* get: false when the bytes are malformed or short. put: appends the encoding. print: "name{field=value, ...}". */
#define RECORD_PROTOTYPES(record)                                    \
    bool record##_get(struct cursor *c, struct record *r);           \
    void record##_put(struct bytes *b, const struct record *r);      \
    void record##_print(struct bytes *b, const struct record *r);

#define RECORD_GET_FIELD(type, name) jute_get_##type(c, &r->name);
#define RECORD_PUT_FIELD(type, name) jute_put_field_##type(b, r->name);
#define RECORD_PRINT_FIELD(type, name)  \
    bytes_printf(b, "%s%s=", comma, #name); \
    jute_print_##type(b, r->name);      \
    comma = ", ";

#define RECORD_CODEC(record)                                   \
    bool record##_get(struct cursor *c, struct record *r)      \
    {                                                          \
        FIELDS_##record(RECORD_GET_FIELD) return !c->bad;      \
    }                                                          \
    void record##_put(struct bytes *b, const struct record *r) \
    {                                                          \
        FIELDS_##record(RECORD_PUT_FIELD)                      \
    }                                                          \
    void record##_print(struct bytes *b, const struct record *r) \
    {                                                          \
        const char *comma = "";                                \
        bytes_printf(b, "%s{", #record);                       \
        FIELDS_##record(RECORD_PRINT_FIELD)                    \
        bytes_printf(b, "}");                                  \
        (void)comma;                                           \
    }

#endif
