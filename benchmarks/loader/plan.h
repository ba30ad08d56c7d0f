/* What is to be asked of which server, as benchmarks/loader/messages.py packs it. */

#pragma once

#include "loops.h"

struct plan {
    uint32_t port;
    double longest_answer; /* seconds; then it is hung up */
    uint32_t count;
    struct stream *streams;
};

/* From standard input. */
struct plan get_plan(void);
