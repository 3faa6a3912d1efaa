/*
 * answer.h -- how ClickHouse's HTTP interface words its answers: status of an error, content type of a format.
 */
#ifndef WEIR_EMBEDDED_ANSWER_H
#define WEIR_EMBEDDED_ANSWER_H

struct engine;
struct engine_result;
struct http_response;

/* Passes R on to the client and frees it when it has been sent; FORMAT is what its data are written in, ACCEPT the client's
 * Accept-Encoding, NULL: as it is. */
void answer_data(struct http_response *res, struct engine_result *r, const char *format, const char *accept);
void answer_error(struct http_response *res, const struct engine *e, int code, const char *text);

#endif
