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
	enum listen_kind kind;
} schemes[] = {
	{"netflow", DECODE_NETFLOW, LISTEN_UDP},
	{"sflow", DECODE_SFLOW, LISTEN_UDP},
	{"flow", DECODE_ANY, LISTEN_UDP},
	{"ipfix+tcp", DECODE_NETFLOW, LISTEN_TCP},
	{"ipfix+tls", DECODE_NETFLOW, LISTEN_TLS},
	{"ipfix+sctp", DECODE_NETFLOW, LISTEN_SCTP},
	{"pcap", DECODE_ANY, LISTEN_PCAP},
};

enum { N_SCHEMES = sizeof(schemes) / sizeof(schemes[0]) };

const char *listen_scheme_name(const struct listen_spec *spec)
{
	for (unsigned i = 0; i < N_SCHEMES; i++) {
		if (schemes[i].scheme == spec->scheme && schemes[i].kind == spec->kind)
			return schemes[i].name;
	}
	return "flow";
}

static int parse_scheme(const char *word, size_t len, struct listen_spec *spec)
{
	for (unsigned i = 0; i < N_SCHEMES; i++) {
		if (strlen(schemes[i].name) == len && memcmp(schemes[i].name, word, len) == 0) {
			spec->scheme = schemes[i].scheme;
			spec->kind = schemes[i].kind;
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
static int set_count(const char *value, struct listen_spec *spec)
{
	uint64_t n;
	if (parse_number(value, LISTEN_COUNT_MAX, &n) < 0 || n == 0)
		return -EINVAL;
	if (n > spec->count)
		spec->count = (unsigned)n;
	return 0;
}

static int set_queue(const char *value, struct listen_spec *spec)
{
	uint64_t n;
	if (parse_number(value, 100000000, &n) < 0)
		return -EINVAL;
	spec->buffer = n * 2048 < LISTEN_BUFFER_MAX ? n * 2048 : LISTEN_BUFFER_MAX;
	return 0;
}

static int set_blocking(const char *value, struct listen_spec *spec)
{
	(void)spec;
	return strcmp(value, "true") == 0 || strcmp(value, "false") == 0 ? 0 : -EINVAL;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Unescaped into OUT of LISTEN_TEXT_MAX. */
static int set_text(const char *value, char *out)
{
	size_t n = 0;
	for (; *value && n < LISTEN_TEXT_MAX - 1; value++) {
		if (*value != '%') {
			out[n++] = *value == '+' ? ' ' : *value;
			continue;
		}
		int high = hex_digit(value[1]), low = high < 0 ? -1 : hex_digit(value[2]);
		if (low < 0)
			return -EINVAL;
		out[n++] = (char)(high * 16 + low);
		value += 2;
	}
	out[n] = '\0';
	return n > 0 && *value == '\0' ? 0 : -EINVAL;
}

static int set_cert(const char *value, struct listen_spec *spec) { return set_text(value, spec->cert); }
static int set_key(const char *value, struct listen_spec *spec) { return set_text(value, spec->key); }
static int set_ca(const char *value, struct listen_spec *spec) { return set_text(value, spec->ca); }
static int set_filter(const char *value, struct listen_spec *spec) { return set_text(value, spec->filter); }

static int set_sampling(const char *value, struct listen_spec *spec)
{
	uint64_t n;
	if (parse_number(value, UINT32_MAX, &n) < 0 || n == 0)
		return -EINVAL;
	spec->sampling = (uint32_t)n;
	return 0;
}

#define KIND(kind) (1u << (kind))

static const struct {
	const char *key;
	int (*set)(const char *value, struct listen_spec *spec); /* 0 or -EINVAL */
	unsigned kinds;
} keys[] = {
	{"count", set_count, ~KIND(LISTEN_PCAP)},
	{"workers", set_count, ~KIND(LISTEN_PCAP)},
	{"queue_size", set_queue, KIND(LISTEN_UDP)},
	{"blocking", set_blocking, KIND(LISTEN_UDP)},
	{"cert", set_cert, KIND(LISTEN_TLS)},
	{"key", set_key, KIND(LISTEN_TLS)},
	{"ca", set_ca, KIND(LISTEN_TLS)},
	{"filter", set_filter, KIND(LISTEN_PCAP)},
	{"sampling", set_sampling, KIND(LISTEN_PCAP)},
};

enum { N_KEYS = sizeof(keys) / sizeof(keys[0]) };

static int unknown_key(const char *key, const struct listen_spec *spec, char *err, size_t err_len)
{
	size_t n = (size_t)snprintf(err, err_len, "`%s` is not known", key);
	for (unsigned i = 0, known = 0; i < N_KEYS && n < err_len; i++) {
		if (keys[i].kinds & KIND(spec->kind))
			n += (size_t)snprintf(err + n, err_len - n, "%s%s", known++ ? ", " : "; here are: ", keys[i].key);
	}
	return -EINVAL;
}

static int parse_query(char *query, struct listen_spec *spec, char *err, size_t err_len)
{
	for (char *key = strsep(&query, "&"); key; key = strsep(&query, "&")) {
		char *value = strchr(key, '=');
		if (value)
			*value++ = '\0';
		unsigned i = 0;
		while (i < N_KEYS && (strcmp(keys[i].key, key) != 0 || !(keys[i].kinds & KIND(spec->kind))))
			i++;
		if (i == N_KEYS)
			return unknown_key(key, spec, err, err_len);
		if (keys[i].set(value ? value : "", spec) < 0) {
			snprintf(err, err_len, "%s: bad value `%s`", key, value ? value : "");
			return -EINVAL;
		}
	}
	return 0;
}

static int parse_place(char *place, struct listen_spec *spec)
{
	if (spec->kind != LISTEN_PCAP)
		return parse_authority(place, spec);
	int n = snprintf(spec->interface, sizeof(spec->interface), "%s", place);
	return n > 0 && (size_t)n < sizeof(spec->interface) ? 0 : -EINVAL;
}

static int parse_one(char *item, struct listen_spec *ret_spec, char *err, size_t err_len)
{
	struct listen_spec spec = {0};
	char why[240] = "";
	char whole[600];
	snprintf(whole, sizeof(whole), "%s", item);
	char *query = strchr(item, '?');
	if (query)
		*query++ = '\0';
	char *slashes = strstr(item, "://");
	snprintf(spec.text, sizeof(spec.text), "%s", item);
	if (!slashes)
		snprintf(why, sizeof(why), "SCHEME://[HOST]:PORT is wanted");
	else if (parse_scheme(item, (size_t)(slashes - item), &spec) < 0)
		snprintf(why, sizeof(why), "the scheme is none of netflow, sflow, flow, ipfix+tcp, ipfix+tls, ipfix+sctp, pcap");
	else if (parse_place(slashes + 3, &spec) < 0)
		snprintf(why, sizeof(why), "%s", spec.kind == LISTEN_PCAP
				 ? "the name of an interface is wanted"
				 : "no [HOST]:PORT with a port from 1 to 65535 and a host that exists");
	else if (parse_query(query, &spec, why, sizeof(why)) == 0) {
		*ret_spec = spec;
		return 0;
	}
	snprintf(err, err_len, "--listen %s: %s", whole, why);
	return -EINVAL;
}

/* Below the ports. */
static enum listen_kind protocol(const struct listen_spec *spec)
{
	return spec->kind == LISTEN_TLS ? LISTEN_TCP : spec->kind;
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
			if (protocol(a) == protocol(b) && a->port == b->port && ip_equal(&a->host, &b->host) &&
			    strcmp(a->interface, b->interface) == 0) {
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
