/*
 * again.h -- another try in a fresh image of this process, under the same pid.
 */
#ifndef WEIR_EMBEDDED_AGAIN_H
#define WEIR_EMBEDDED_AGAIN_H

/* How many tries came before this one. */
int again_tries(void);
/* Executes this program once more with ARGV, every descriptor but the first three closed, after a pause that doubles from
 * try to try. Returns (a negative errno) only when that cannot be done; -ELOOP: it was tried often enough. */
int again_exec(char **argv);

#endif
