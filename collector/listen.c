/*
 * listen.c -- see listen.h.
 */
#include "collector/listen.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static const struct {
	const char *name;
	enum decode_scheme scheme;
	bool tcp;
} schemes[] = {
	{"netflow", DECODE_NETFLOW, false},
	{"sflow", DECODE_SFLOW, false},
	{"flow", DECODE_ANY, false},
	{"ipfix+tcp", DECODE_NETFLOW, true},
};

enum { N_SCHEMES = sizeof(schemes) / sizeof(schemes[0]) };

const char *listen_scheme_name(const struct listen_spec *spec)
{
	for (unsigned i = 0; i < N_SCHEMES; i++) {
		if (schemes[i].scheme == spec->scheme && schemes[i].tcp == spec->tcp)
			return schemes[i].name;
	}
	return "flow";
}

static int parse_scheme(const char *word, size_t len, struct listen_spec *spec)
{
	for (unsigned i = 0; i < N_SCHEMES; i++) {
		if (strlen(schemes[i].name) == len && memcmp(schemes[i].name, word, len) == 0) {
			spec->scheme = schemes[i].scheme;
			spec->tcp = schemes[i].tcp;
			return 0;
		}
	}
	return -EINVAL;
}

/* An address, or a name that resolves to one. */
static int parse_host(const char *host, struct ip_addr *ret_addr)
{
	struct addrinfo hints = {.ai_socktype = SOCK_DGRAM}, *found;
	struct sockaddr_storage ss = {0};
	uint16_t port;
	if (!*host || ip_parse(host, ret_addr) == 0)
		return 0;
	if (getaddrinfo(host, NULL, &hints, &found) != 0)
		return -EINVAL;
	memcpy(&ss, found->ai_addr, found->ai_addrlen);
	freeaddrinfo(found);
	*ret_addr = ip_from_sockaddr(&ss, &port);
	return 0;
}

/* "[::1]:2055", "192.0.2.1:2055", ":2055". */
static int parse_authority(char *authority, struct listen_spec *spec)
{
	char *colon = strrchr(authority, ':');
	char *host = authority;
	if (!colon)
		return -EINVAL;
	*colon = '\0';
	if (*host == '[') {
		char *bracket = strchr(host, ']');
		if (!bracket || bracket[1] != '\0')
			return -EINVAL;
		*bracket = '\0';
		host++;
	} else if (strchr(host, ':')) {
		return -EINVAL; /* an IPv6 address without brackets */
	}
	char *end;
	unsigned long port = strtoul(colon + 1, &end, 10);
	if (colon[1] < '0' || colon[1] > '9' || *end || port < 1 || port > 65535)
		return -EINVAL;
	spec->port = (uint16_t)port;
	return parse_host(host, &spec->host);
}

/* 0 or -EINVAL. */
static int parse_number(const char *text, uint64_t max, uint64_t *ret_number)
{
	char *end;
	unsigned long long n = strtoull(text, &end, 10);
	if (*text < '0' || *text > '9' || *end || n > max)
		return -EINVAL;
	*ret_number = n;
	return 0;
}

/*
 * goflow2's keys. Its `workers` decode what `count` sockets receive; weir's socket and worker are one thread, so the
 * greater of both is what is meant. Its queue between the two is the kernel's receive buffer here: `queue_size`
 * datagrams of up to 2 KiB. `blocking=true` means "no queue but the kernel's", which is always so.
 */
static int parse_pair(const char *key, const char *value, struct listen_spec *spec)
{
	uint64_t n;
	if (strcmp(key, "count") == 0 || strcmp(key, "workers") == 0) {
		if (parse_number(value, LISTEN_COUNT_MAX, &n) < 0 || n == 0)
			return -EINVAL;
		if (n > spec->count)
			spec->count = (unsigned)n;
		return 0;
	}
	if (strcmp(key, "queue_size") == 0) {
		if (parse_number(value, 100000000, &n) < 0)
			return -EINVAL;
		spec->buffer = n * 2048 < LISTEN_BUFFER_MAX ? n * 2048 : LISTEN_BUFFER_MAX;
		return 0;
	}
	if (strcmp(key, "blocking") == 0)
		return strcmp(value, "true") == 0 || strcmp(value, "false") == 0 ? 0 : -EINVAL;
	return -ENOENT;
}

static int parse_query(char *query, struct listen_spec *spec, char *err, size_t err_len)
{
	for (char *key = strsep(&query, "&"); key; key = strsep(&query, "&")) {
		char *value = strchr(key, '=');
		if (value)
			*value++ = '\0';
		int rc = parse_pair(key, value ? value : "", spec);
		if (rc == -ENOENT)
			snprintf(err, err_len, "`%s` is not known; count, workers, queue_size and blocking are", key);
		else if (rc < 0)
			snprintf(err, err_len, "%s: bad value `%s`", key, value ? value : "");
		if (rc < 0)
			return -EINVAL;
	}
	return 0;
}

static int parse_one(char *item, struct listen_spec *ret_spec, char *err, size_t err_len)
{
	struct listen_spec spec = {0};
	char why[160] = "";
	char whole[200];
	snprintf(whole, sizeof(whole), "%s", item);
	char *query = strchr(item, '?');
	if (query)
		*query++ = '\0';
	char *slashes = strstr(item, "://");
	snprintf(spec.text, sizeof(spec.text), "%s", item);
	if (!slashes)
		snprintf(why, sizeof(why), "SCHEME://[HOST]:PORT is wanted");
	else if (parse_scheme(item, (size_t)(slashes - item), &spec) < 0)
		snprintf(why, sizeof(why), "the scheme is none of netflow, sflow, flow, ipfix+tcp");
	else if (parse_authority(slashes + 3, &spec) < 0)
		snprintf(why, sizeof(why), "no [HOST]:PORT with a port from 1 to 65535 and a host that exists");
	else if (parse_query(query, &spec, why, sizeof(why)) == 0) {
		*ret_spec = spec;
		return 0;
	}
	snprintf(err, err_len, "--listen %s: %s", whole, why);
	return -EINVAL;
}

int listen_parse(struct listen_set *set, const char *text, char *err, size_t err_len)
{
	char *copy = strdup(text), *rest = copy;
	int rc = 0;
	if (!copy)
		return -ENOMEM;
	for (char *item = strsep(&rest, ", "); item && rc == 0; item = strsep(&rest, ", ")) {
		if (!*item)
			continue;
		if (set->count == LISTEN_MAX) {
			snprintf(err, err_len, "--listen: more than %d listeners", LISTEN_MAX);
			rc = -EINVAL;
		} else {
			rc = parse_one(item, &set->specs[set->count], err, err_len);
		}
		for (size_t i = 0; rc == 0 && i < set->count; i++) {
			const struct listen_spec *a = &set->specs[i], *b = &set->specs[set->count];
			if (a->port == b->port && a->tcp == b->tcp && ip_equal(&a->host, &b->host)) {
				snprintf(err, err_len, "--listen %s: given twice (%s)", b->text, a->text);
				rc = -EINVAL;
			}
		}
		if (rc == 0)
			set->count++;
	}
	free(copy);
	return rc;
}
