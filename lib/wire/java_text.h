/* Strings as a Java server keeps them: what is no UTF-8 becomes U+FFFD as it is read, and what lies beyond U+FFFF is written as two
 * surrogates of three bytes each. Whatever a client gets back of its own strings has been through this.
 * Source: java.lang.String's UTF-8 decoder (JDK 17), BinaryOutputArchive.stringToByteBuffer (3.8.0). */
#ifndef WIRE_JAVA_TEXT_H
#define WIRE_JAVA_TEXT_H

#include <stdbool.h>

#include "base/bytes.h"
#include "base/slice.h"

/* The next code point of s at *at, which is advanced: U+FFFD for what is malformed. *at must be less than s.len. */
int32_t java_char(struct slice s, int32_t *at);

/* Whether the bytes come back as they are. */
bool java_text_is_plain(struct slice s);

/* Appends the characters of s as Java writes them into records; nothing for null. */
void java_text_put(struct bytes *b, struct slice s);
/* The same in proper UTF-8, as Java hashes them. */
void java_text_put_utf8(struct bytes *b, struct slice s);
/* Appends the whole ustring, its length or null included. */
void java_string_put(struct bytes *b, struct slice s);

#endif
