/*
 * pages.h -- the files of the page at /dashboard.
 */
#ifndef WEIR_EMBEDDED_PAGES_H
#define WEIR_EMBEDDED_PAGES_H

struct http_response;

/* PATH is "/dashboard" or "/dashboard/NAME"; DIR holds index.html and the rest, NULL: there is no page. */
void pages_answer(const char *dir, const char *path, struct http_response *res);

#endif
