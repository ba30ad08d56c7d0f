/* One HTTP/1.1 answer, understood as it comes (RFC 9112). */

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum phase { STATUS_LINE, FIELDS, SIZED_BODY, CHUNK_SIZE, CHUNK, CHUNK_END, TRAILERS, WHOLE };

struct answer {
    enum phase phase;
    int status;
    bool closes;      /* no other follows on its connection */
    bool retry_after; /* it has such a header */
    bool chunked;
    uint64_t size; /* bytes of its body so far */
    uint64_t left; /* bytes to come, of its body or of a chunk */
};

void begin_answer(struct answer *answer);

/* Takes bytes until the answer is whole, and returns how many; -1 if this is no such answer. What it leaves before that
   is the beginning of a line: to be given again, with what comes after it. Ends of lines are overwritten. */
ssize_t take(struct answer *answer, char *bytes, size_t size);
