/*
 * http.c -- see http.h. One connection, kept open; redirects are not followed, for a POST that became a GET would be
 * taken for success. What the other side answers is read up to a line, for the error message, and else thrown away.
 */
#include "output/http.h"

#include <curl/curl.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/clock.h"
#include "output/gzip.h"

enum { ANSWER_MAX = 200 };

struct http_poster {
	CURL *curl;
	struct curl_slist *headers;
	bool gzip;
	bool (*give_up)(void *arg);
	void *give_up_arg;
	struct buf packed;
	char url[512];
	char answer[ANSWER_MAX + 1]; /* the beginning of it */
	size_t answer_len;
	char error[CURL_ERROR_SIZE];
};

static pthread_once_t once = PTHREAD_ONCE_INIT;

static void init(void)
{
	curl_global_init(CURL_GLOBAL_DEFAULT);
}

static size_t take_answer(char *data, size_t size, size_t n, void *arg)
{
	struct http_poster *p = arg;
	size_t len = size * n;
	for (size_t i = 0; i < len && p->answer_len < ANSWER_MAX; i++)
		p->answer[p->answer_len++] = data[i] >= 0x20 && data[i] < 0x7f ? data[i] : ' ';
	return len;
}

/* libcurl's progress callback. */
static int goes_on(void *arg, curl_off_t to_get, curl_off_t got, curl_off_t to_send, curl_off_t sent)
{
	struct http_poster *p = arg;
	(void)to_get, (void)got, (void)to_send, (void)sent;
	return p->give_up(p->give_up_arg);
}

static int add_header(struct http_poster *p, const char *name, const char *value)
{
	struct buf line = {0};
	buf_printf(&line, "%s: %s", name, value);
	struct curl_slist *more = line.failed ? NULL : curl_slist_append(p->headers, line.data);
	buf_free(&line);
	if (!more)
		return -ENOMEM;
	p->headers = more;
	return 0;
}

static int make_headers(struct http_poster *p, const struct http_poster_options *o)
{
	struct buf bearer = {0};
	int r = add_header(p, "Content-Type", o->content_type);
	if (!r)
		r = add_header(p, "Expect", ""); /* no waiting for "100 Continue" */
	if (!r && o->gzip)
		r = add_header(p, "Content-Encoding", "gzip");
	if (!r && o->bearer) {
		buf_printf(&bearer, "Bearer %s", o->bearer);
		r = bearer.failed ? -ENOMEM : add_header(p, "Authorization", bearer.data);
	}
	buf_free(&bearer);
	return r;
}

int http_poster_check(const struct http_poster_options *o, char *err, size_t err_len)
{
	if (!o->url || (strncmp(o->url, "http://", 7) != 0 && strncmp(o->url, "https://", 8) != 0)) {
		snprintf(err, err_len, "'%s' is no HTTP address such as https://example.net/v1/ingest", o->url ? o->url : "");
		return -EINVAL;
	}
	if (o->bearer && strpbrk(o->bearer, "\r\n")) {
		snprintf(err, err_len, "the token must be one line");
		return -EINVAL;
	}
	return 0;
}

int http_poster_new(const struct http_poster_options *options, struct http_poster **ret_poster, char *err, size_t err_len)
{
	int r = http_poster_check(options, err, err_len);
	if (r)
		return r;
	pthread_once(&once, init);
	struct http_poster *p = calloc(1, sizeof(*p));
	if (p)
		p->curl = curl_easy_init();
	if (!p || !p->curl || make_headers(p, options)) {
		http_poster_free(p);
		snprintf(err, err_len, "out of memory");
		return -ENOMEM;
	}
	p->gzip = options->gzip;
	snprintf(p->url, sizeof(p->url), "%s", options->url);
	curl_easy_setopt(p->curl, CURLOPT_URL, options->url);
	curl_easy_setopt(p->curl, CURLOPT_HTTPHEADER, p->headers);
	curl_easy_setopt(p->curl, CURLOPT_POST, 1L);
	curl_easy_setopt(p->curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(p->curl, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(p->curl, CURLOPT_TIMEOUT_MS, (long)(options->timeout_ns / NS_PER_MS));
	curl_easy_setopt(p->curl, CURLOPT_USERAGENT, "weir/" WEIR_VERSION);
	curl_easy_setopt(p->curl, CURLOPT_WRITEFUNCTION, take_answer);
	curl_easy_setopt(p->curl, CURLOPT_WRITEDATA, p);
	curl_easy_setopt(p->curl, CURLOPT_ERRORBUFFER, p->error);
	if (options->ca_file)
		curl_easy_setopt(p->curl, CURLOPT_CAINFO, options->ca_file);
	if (options->cert) {
		curl_easy_setopt(p->curl, CURLOPT_SSLCERT, options->cert);
		curl_easy_setopt(p->curl, CURLOPT_SSLKEY, options->key);
	}
	if (options->give_up) {
		p->give_up = options->give_up;
		p->give_up_arg = options->give_up_arg;
		curl_easy_setopt(p->curl, CURLOPT_NOPROGRESS, 0L);
		curl_easy_setopt(p->curl, CURLOPT_XFERINFOFUNCTION, goes_on);
		curl_easy_setopt(p->curl, CURLOPT_XFERINFODATA, p);
	}
	*ret_poster = p;
	return 0;
}

static enum http_post_result judge(long status)
{
	if (status >= 200 && status < 300)
		return HTTP_POST_TAKEN;
	if (status == 413)
		return HTTP_POST_TOO_LARGE;
	if (status == 400 || status == 415 || status == 422)
		return HTTP_POST_REFUSED;
	return HTTP_POST_AGAIN;
}

enum http_post_result http_poster_send(struct http_poster *p, const void *body, size_t len, uint64_t *ret_wait_ns, char *err,
				       size_t err_len)
{
	curl_off_t wait_s = 0;
	long status = 0;
	*ret_wait_ns = 0;
	if (p->gzip && gzip_pack(body, len, &p->packed)) {
		snprintf(err, err_len, "out of memory");
		return HTTP_POST_AGAIN;
	}
	p->answer_len = 0;
	p->error[0] = '\0';
	curl_easy_setopt(p->curl, CURLOPT_POSTFIELDS, p->gzip ? p->packed.data : body);
	curl_easy_setopt(p->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)(p->gzip ? p->packed.len : len));
	CURLcode code = curl_easy_perform(p->curl);
	if (code != CURLE_OK) {
		snprintf(err, err_len, "%s: %s", p->url, p->error[0] ? p->error : curl_easy_strerror(code));
		return HTTP_POST_AGAIN;
	}
	curl_easy_getinfo(p->curl, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_getinfo(p->curl, CURLINFO_RETRY_AFTER, &wait_s);
	enum http_post_result result = judge(status);
	if (wait_s > 0)
		*ret_wait_ns = (uint64_t)wait_s * NS_PER_S;
	p->answer[p->answer_len] = '\0';
	if (result != HTTP_POST_TAKEN)
		snprintf(err, err_len, "%s: status %ld: %s", p->url, status, p->answer);
	return result;
}

void http_poster_free(struct http_poster *p)
{
	if (!p)
		return;
	curl_easy_cleanup(p->curl);
	curl_slist_free_all(p->headers);
	buf_free(&p->packed);
	free(p);
}
