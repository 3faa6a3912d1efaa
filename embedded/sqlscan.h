/*
 * sqlscan.h -- looks at the words of a query without understanding it.
 */
#ifndef WEIR_EMBEDDED_SQLSCAN_H
#define WEIR_EMBEDDED_SQLSCAN_H

#include <stdbool.h>
#include <stddef.h>

/* The name after the last FORMAT, copied; false when there is none. */
bool sql_format(const char *sql, size_t len, char *out, size_t out_len);
/* What the query would do to this machine besides querying: "INTO OUTFILE", "file" ...; NULL: nothing. The functions that
 * reach for files and other hosts count only when WITH_FUNCTIONS. */
const char *sql_reaches_out(const char *sql, size_t len, bool with_functions);

/* INSERT with its rows in the text. */
struct sql_insert {
	size_t infile; /* where FROM INFILE may stand: behind the table and its columns */
	size_t format; /* where FORMAT or VALUES begins */
	size_t data;   /* where the rows do */
	char format_name[64];
};

/* False: no INSERT, or one that gets its rows elsewhere (SELECT, INFILE). */
bool sql_insert(const char *sql, size_t len, struct sql_insert *ret_insert);

#endif
