#include "answer.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Longer than any answer: one without a length lasts until its connection ends, which the caller sees. */
static const uint64_t UNKNOWN = UINT64_MAX;

void begin_answer(struct answer *answer) { *answer = (struct answer){.left = UNKNOWN}; }

static bool is_field(const char *line, const char *name, const char **value) {
    size_t size = strlen(name);
    if (strncasecmp(line, name, size) != 0 || line[size] != ':')
        return false;
    *value = line + size + 1 + strspn(line + size + 1, " \t");
    return true;
}

static bool take_status(struct answer *answer, const char *line) {
    if (strncmp(line, "HTTP/1.", 7) != 0 || strlen(line) < 12)
        return false;
    answer->closes = line[7] == '0';
    answer->status = atoi(line + 9);
    answer->phase = FIELDS;
    return answer->status >= 100 && answer->status <= 599;
}

static void end_head(struct answer *answer) {
    if (answer->status < 200)
        begin_answer(answer); /* the one that counts comes after it */
    else if (answer->status == 204 || answer->status == 304)
        answer->phase = WHOLE;
    else if (answer->chunked)
        answer->phase = CHUNK_SIZE;
    else
        answer->phase = answer->left ? SIZED_BODY : WHOLE;
}

static void take_field(struct answer *answer, const char *line) {
    const char *value;
    if (!*line)
        end_head(answer);
    else if (is_field(line, "content-length", &value))
        answer->left = strtoull(value, NULL, 10);
    else if (is_field(line, "transfer-encoding", &value))
        answer->chunked = strcasecmp(value, "chunked") == 0;
    else if (is_field(line, "connection", &value))
        answer->closes = strcasecmp(value, "close") == 0;
    else if (is_field(line, "retry-after", &value))
        answer->retry_after = true;
}

static bool take_chunk_size(struct answer *answer, const char *line) {
    char *end;
    answer->left = strtoull(line, &end, 16);
    answer->phase = answer->left ? CHUNK : TRAILERS;
    return end != line;
}

/* line: one without its end. */
static bool take_line(struct answer *answer, const char *line) {
    switch (answer->phase) {
    case STATUS_LINE:
        return take_status(answer, line);
    case FIELDS:
        take_field(answer, line);
        return true;
    case CHUNK_SIZE:
        return take_chunk_size(answer, line);
    case CHUNK_END:
        answer->phase = CHUNK_SIZE;
        return !*line;
    case TRAILERS:
        if (!*line)
            answer->phase = WHOLE;
        return true;
    default:
        return false;
    }
}

static size_t take_body(struct answer *answer, size_t size) {
    size_t taken = size < answer->left ? size : answer->left;
    answer->size += taken;
    answer->left -= taken;
    if (!answer->left)
        answer->phase = answer->phase == CHUNK ? CHUNK_END : WHOLE;
    return taken;
}

/* How many bytes the first line has, its end included; 0 if it is not whole yet. Its end becomes that of a string. */
static size_t cut_line(char *bytes, size_t size) {
    char *end = memchr(bytes, '\n', size);
    if (!end)
        return 0;
    *end = 0;
    if (end > bytes && end[-1] == '\r')
        end[-1] = 0;
    return end + 1 - bytes;
}

ssize_t take(struct answer *answer, char *bytes, size_t size) {
    size_t taken = 0;
    while (taken < size && answer->phase != WHOLE) {
        if (answer->phase == SIZED_BODY || answer->phase == CHUNK) {
            taken += take_body(answer, size - taken);
            continue;
        }
        size_t length = cut_line(bytes + taken, size - taken);
        if (!length)
            break;
        if (!take_line(answer, bytes + taken))
            return -1;
        taken += length;
    }
    return taken;
}
