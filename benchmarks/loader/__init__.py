"""The load client's program, in C: answer.c (parses), line.c (a connection), loops.c (closed, open), plan.c, main.c."""
