/* The two ways of asking: closed (ask, wait, ask again) and open (ask on time, whatever the answers). */

#pragma once

#include "line.h"

/* What came of a request, as benchmarks/loader/messages.py reads it. due, done: seconds since the load began. */
struct record {
    double due, done;
    uint64_t size;
    uint32_t stream, request;
    int32_t status;
    uint32_t retry_after;
};

struct records {
    struct record *all;
    size_t count, room;
};

/* One way of asking, as benchmarks/plan.py describes it, and how far it is. */
struct stream {
    uint32_t number;
    uint32_t connections;
    uint64_t most;         /* requests; 0: as many as there is time for */
    int32_t until_status;  /* 0: none */
    double start, end;     /* seconds since the load began */
    bool is_open;          /* an open loop */
    uint64_t arrivals;     /* of an open loop, and when they are due */
    double *due;
    uint32_t requests_count;
    struct request *requests; /* asked in turn */

    const struct exchange *exchange;
    struct records *records;
    uint64_t begun;       /* asked so far */
    uint64_t arrived;     /* of an open loop: due so far */
    uint32_t waiting;     /* for answers */
    struct line asked;    /* a list: lines that wait for an answer */
    struct line free;     /* a list: others, the one used last first */
    double *paused;       /* of a closed loop: when connections are to be made, a queue in a ring */
    uint32_t paused_first, paused_count;
};

/* Seconds since the load began. */
double now(void);

void begin_stream(struct stream *stream, const struct exchange *exchange, struct records *records);

/* When `wake` is wanted next; infinite: not any more. */
double wake_at(const struct stream *stream);

/* Asks what is due by now. */
void wake(struct stream *stream);

/* Hangs up where no answer has come for so long. */
void lose_patience(struct stream *stream, double seconds);

/* Nothing is under way, and nothing more will be. */
bool is_over(const struct stream *stream);
