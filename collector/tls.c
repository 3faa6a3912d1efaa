/*
 * tls.c -- see tls.h. The one file that includes OpenSSL.
 */
#include "collector/tls.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct tls {
	SSL_CTX *ctx;
};

struct tls_session {
	SSL *ssl;
	char error[200];
};

/* Why the last call failed, in OpenSSL's words; empties its queue. */
static void last_error(char *out, size_t len)
{
	unsigned long code = ERR_peek_error(); /* the first: the others say where it happened */
	const char *reason = code ? ERR_reason_error_string(code) : NULL;
	if (code && ERR_GET_LIB(code) == ERR_LIB_PEM && ERR_GET_REASON(code) == PEM_R_NO_START_LINE)
		snprintf(out, len, "nothing of that kind is in it (PEM is wanted)");
	else if (reason)
		snprintf(out, len, "%s", reason);
	else if (code && ERR_GET_LIB(code) == ERR_LIB_SYS)
		snprintf(out, len, "%s", strerror(ERR_GET_REASON(code)));
	else
		snprintf(out, len, "TLS error %lu", code);
	ERR_clear_error();
}

/* OpenSSL says of a file that is not there "no such file", of one without PEM "no start line", and seldom which. */
static int file_error(const char *option, const char *file, char *err, size_t err_len)
{
	char why[160];
	FILE *f = fopen(file, "r");
	if (f) {
		last_error(why, sizeof(why));
		fclose(f);
	} else {
		snprintf(why, sizeof(why), "%s", strerror(errno));
		ERR_clear_error();
	}
	snprintf(err, err_len, "%s %s: %s", option, file, why);
	return -EINVAL;
}

static int load_files(SSL_CTX *ctx, const struct tls_files *files, char *err, size_t err_len)
{
	if (SSL_CTX_use_certificate_chain_file(ctx, files->cert) != 1)
		return file_error("--tls.cert", files->cert, err, err_len);
	/* This looks also whether it is the certificate's. */
	if (SSL_CTX_use_PrivateKey_file(ctx, files->key, SSL_FILETYPE_PEM) != 1)
		return file_error("--tls.key", files->key, err, err_len);
	if (!files->ca)
		return 0;
	STACK_OF(X509_NAME) *names = SSL_load_client_CA_file(files->ca);
	if (!names || SSL_CTX_load_verify_locations(ctx, files->ca, NULL) != 1) {
		sk_X509_NAME_pop_free(names, X509_NAME_free);
		return file_error("--tls.ca", files->ca, err, err_len);
	}
	SSL_CTX_set_client_CA_list(ctx, names);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	return 0;
}

int tls_new(const struct tls_files *files, struct tls **ret_tls, char *err, size_t err_len)
{
	struct tls *t = calloc(1, sizeof(*t));
	if (t)
		t->ctx = SSL_CTX_new(TLS_server_method());
	if (!t || !t->ctx) {
		snprintf(err, err_len, "no memory");
		tls_free(t);
		return -EINVAL;
	}
	SSL_CTX_set_min_proto_version(t->ctx, TLS1_2_VERSION);
	/* Renegotiation costs us more than the one who asks for it; tickets and sessions are of no use to connections that
	 * last for weeks, and each would be memory that an outsider can ask for. */
	SSL_CTX_set_options(t->ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION);
	/* A message says its length: what was cut off is seen without a goodbye, which many leave out. */
	SSL_CTX_set_options(t->ctx, SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_IGNORE_UNEXPECTED_EOF);
	SSL_CTX_set_session_cache_mode(t->ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_num_tickets(t->ctx, 0);
	SSL_CTX_set_mode(t->ctx, SSL_MODE_RELEASE_BUFFERS);
	int rc = load_files(t->ctx, files, err, err_len);
	if (rc < 0) {
		tls_free(t);
		return rc;
	}
	*ret_tls = t;
	return 0;
}

int tls_check(const struct tls_files *files, char *err, size_t err_len)
{
	struct tls *t;
	int rc = tls_new(files, &t, err, err_len);
	if (rc == 0)
		tls_free(t);
	return rc;
}

void tls_free(struct tls *t)
{
	if (!t)
		return;
	SSL_CTX_free(t->ctx);
	free(t);
}

int tls_session_new(struct tls *t, int fd, struct tls_session **ret_session)
{
	struct tls_session *s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->ssl = SSL_new(t->ctx);
	if (!s->ssl || SSL_set_fd(s->ssl, fd) != 1) {
		tls_session_free(s);
		return -ENOMEM;
	}
	SSL_set_accept_state(s->ssl);
	*ret_session = s;
	return 0;
}

void tls_session_free(struct tls_session *s)
{
	if (!s)
		return;
	if (s->ssl && SSL_is_init_finished(s->ssl) && !*s->error)
		(void)SSL_shutdown(s->ssl); /* says goodbye; the answer is not waited for */
	SSL_free(s->ssl);
	ERR_clear_error();
	free(s);
}

ssize_t tls_session_read(struct tls_session *s, void *to, size_t len, bool *ret_wants_write)
{
	size_t n;
	*ret_wants_write = false;
	ERR_clear_error();
	errno = 0;
	int rc = SSL_read_ex(s->ssl, to, len, &n);
	if (rc == 1)
		return (ssize_t)n;
	switch (SSL_get_error(s->ssl, rc)) {
	case SSL_ERROR_WANT_READ:
		return -EAGAIN;
	case SSL_ERROR_WANT_WRITE:
		*ret_wants_write = true;
		return -EAGAIN;
	case SSL_ERROR_ZERO_RETURN:
		return 0;
	case SSL_ERROR_SYSCALL:
		snprintf(s->error, sizeof(s->error), "%s", errno ? strerror(errno) : "closed without a goodbye");
		return -ECONNRESET;
	}
	last_error(s->error, sizeof(s->error));
	long verdict = SSL_get_verify_result(s->ssl);
	if (verdict != X509_V_OK)
		snprintf(s->error, sizeof(s->error), "the exporter's certificate: %s", X509_verify_cert_error_string(verdict));
	return -EPROTO;
}

bool tls_session_pending(const struct tls_session *s)
{
	return SSL_pending(s->ssl) > 0;
}

bool tls_session_ready(const struct tls_session *s)
{
	return SSL_is_init_finished(s->ssl);
}

const char *tls_session_error(const struct tls_session *s)
{
	return s->error;
}
