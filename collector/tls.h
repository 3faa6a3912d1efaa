/*
 * tls.h -- TLS on connections that are accepted: the one seam to OpenSSL, which is included by tls.c alone.
 *
 * TLS 1.2 and later, as RFC 7011 11.1 and RFC 9325 ask. With a file of CA certificates every exporter must show a certificate
 * that one of them has signed.
 */
#ifndef WEIR_COLLECTOR_TLS_H
#define WEIR_COLLECTOR_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "common/err.h"

struct tls;
struct tls_session;

struct tls_files {
	const char *cert; /* chain, PEM */
	const char *key;  /* PEM */
	const char *ca;   /* NULL: no certificate is asked for */
};

/* Whether they are what they should be: 0, or -EINVAL with one line in ERR that names the file. */
int tls_check(const struct tls_files *files, char *err, size_t err_len) MUST_CHECK;
/* The same. */
int tls_new(const struct tls_files *files, struct tls **ret_tls, char *err, size_t err_len) MUST_CHECK;
void tls_free(struct tls *t); /* its sessions go on; NULL is fine */

/* On a non-blocking FD, which stays the caller's. 0 or -ENOMEM. */
int tls_session_new(struct tls *t, int fd, struct tls_session **ret_session) MUST_CHECK;
void tls_session_free(struct tls_session *s); /* NULL is fine */
/* Does the handshake, too. Octets; 0: the end; -EAGAIN: poll for reading, or, where *ret_wants_write, for writing;
 * -ECONNRESET; -EPROTO: tls_session_error() tells. */
ssize_t tls_session_read(struct tls_session *s, void *to, size_t len, bool *ret_wants_write);
/* Something has been decrypted and not been read. */
bool tls_session_pending(const struct tls_session *s);
/* False: the handshake is not over. */
bool tls_session_ready(const struct tls_session *s);
/* One line. */
const char *tls_session_error(const struct tls_session *s);

#endif
