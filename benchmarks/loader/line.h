/* One connection, that carries one request at a time. */

#pragma once

#include <netinet/in.h>

#include "answer.h"

/* Instead of a status: cut before the answer was whole; no connection. As in benchmarks/plan.py. */
enum { CUT = 0, REFUSED = -1 };

struct request {
    const char *bytes;
    size_t size;
};

struct line {
    struct line *next, *previous; /* in the list that it stands in, if it is open */
    bool open;
    int status;           /* of what was asked last, once it is over */
    struct answer answer; /* to it */

    /* The asker's notes on what it asks. */
    void *asker;
    uint32_t request;
    double due, asked;

    /* Its own. */
    void (*over)(struct line *line);
    int socket;
    uint32_t wanted;
    bool busy, connected, failed;
    struct request unsent;
    char *held; /* the beginning of a line of the answer */
    size_t held_size;
};

/* Where lines are made, and whose events are for `ready`. */
struct exchange {
    int epoll;
    struct sockaddr_in address;
};

/* A list is a ring around a line that stands for none. */
void begin_list(struct line *list);
void put_first(struct line *list, struct line *line);

/* over: called once for each `ask`, when the answer is whole or there will be none. It stands in no list yet. */
struct line *new_line(const struct exchange *exchange, void *asker, void (*over)(struct line *line));

void ask(const struct exchange *exchange, struct line *line, struct request request);

void ready(const struct exchange *exchange, struct line *line, uint32_t events);

/* Ends the connection now; whoever waits for an answer is told that it was cut. The line leaves its list. */
void hang_up(struct line *line);

/* Frees lines that have ended, when no event of theirs can be waiting to be looked at. */
void bury(void);
