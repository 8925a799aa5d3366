/* What a server's exit code means: the server's own table, which the launcher's may not be confused with. */
#include "exit_code.h"

#include <stddef.h>

const char *server_exit_text(int code);

#define EXIT_CASE(name, number, text)                                                                                  \
    case number: return text;

const char *server_exit_text(int code)
{
    switch (code) {
        EXIT_CODES(EXIT_CASE)
    case 127: return "the program could not be executed";
    default: return "an exit code of no meaning here";
    }
}
