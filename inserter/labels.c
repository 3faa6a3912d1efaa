/*
 * labels.c -- see labels.h. The key of a counter is the labels' values as text, in one block of fixed size: values are
 * short (addresses, numbers, names cut at 63 bytes), and a scrape has nothing left to do but print them.
 */
#include "inserter/labels.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/promtext.h"
#include "inserter/tally.h"
#include "proto/digits.h"
#include "proto/flow.h"

enum { LABELS_MAX = 6, VALUE_LEN = 64, NAME_LEN = 48 };

/* Writes the value of a label, a text without NUL of less than VALUE_LEN bytes; gives its end. */
typedef char *value_fn(const struct flow *f, enum side side, char *out);

static char *put_name(char *out, const char *text, uint32_t len)
{
	if (len > VALUE_LEN - 1)
		len = VALUE_LEN - 1;
	memcpy(out, text, len);
	return out + len;
}

#define VALUE(name) static char *name(const struct flow *f, enum side side, char *out)

VALUE(local_ip)
{
	if (side == SIDE_NEITHER)
		return out;
	return out + ip_format(side == SIDE_DOWN ? &f->dst_addr : &f->src_addr, out);
}

VALUE(remote_ip)
{
	return out + ip_format(side == SIDE_DOWN ? &f->src_addr : &f->dst_addr, out);
}

VALUE(local_mac)
{
	return digits_mac(out, side == SIDE_DOWN ? f->dst_mac : f->src_mac);
}

VALUE(remote_port)
{
	return digits_u64(out, side == SIDE_DOWN ? f->src_port : f->dst_port);
}

VALUE(direction)
{
	(void)f;
	return put_name(out, side_names[side], (uint32_t)strlen(side_names[side]));
}

VALUE(proto)
{
	const char *name = flow_proto_name(f->proto);
	(void)side;
	return name ? put_name(out, name, (uint32_t)strlen(name)) : digits_u64(out, f->proto);
}

VALUE(exporter)
{
	(void)side;
	return out + ip_format(&f->sampler_address, out);
}

#define NUMBER(member) VALUE(member) { (void)side; return digits_u64(out, f->member); }
#define NAME(member) VALUE(member) { (void)side; return put_name(out, f->member, f->n_##member); }
NUMBER(in_if)
NUMBER(out_if)
NUMBER(src_as)
NUMBER(dst_as)
NUMBER(src_port)
NUMBER(dst_port)
NUMBER(vlan_id)
NUMBER(ip_tos)
NAME(src_country)
NAME(dst_country)
NAME(src_network)
NAME(dst_network)
NAME(src_customer)
NAME(dst_customer)
NAME(in_if_name)
NAME(out_if_name)
NAME(application_name)

static const struct label {
	const char *name;
	value_fn *value;
} known[] = {
	{"local_ip", local_ip}, {"remote_ip", remote_ip}, {"local_mac", local_mac}, {"remote_port", remote_port},
	{"direction", direction}, {"proto", proto}, {"exporter", exporter}, {"in_if", in_if}, {"out_if", out_if},
	{"src_as", src_as}, {"dst_as", dst_as}, {"src_port", src_port}, {"dst_port", dst_port}, {"vlan_id", vlan_id},
	{"ip_tos", ip_tos}, {"src_country", src_country}, {"dst_country", dst_country}, {"src_network", src_network},
	{"dst_network", dst_network}, {"src_customer", src_customer}, {"dst_customer", dst_customer},
	{"in_if_name", in_if_name}, {"out_if_name", out_if_name}, {"application_name", application_name},
};

struct sums {
	uint64_t bytes, packets, flows;
	uint64_t seen_ns;
};

struct labels {
	char name[NAME_LEN];
	const struct label *chosen[LABELS_MAX];
	size_t n_chosen;
	struct tally *tally; /* char[n_chosen][VALUE_LEN] -> struct sums */
	struct sums other;
};

static int fail_label(char *err, size_t err_len, const char *spec, const char *what, size_t what_len)
{
	size_t used = (size_t)snprintf(err, err_len, "--metrics.by %s: '%.*s' is no label; there are", spec, (int)what_len, what);
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]) && used < err_len; i++)
		used += (size_t)snprintf(err + used, err_len - used, " %s", known[i].name);
	return -EINVAL;
}

static const struct label *label_by_name(const char *name, size_t len)
{
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strlen(known[i].name) == len && strncmp(known[i].name, name, len) == 0)
			return &known[i];
	return NULL;
}

static int parse(struct labels *l, const char *spec, char *err, size_t err_len)
{
	size_t len = strcspn(spec, "=");
	bool good = spec[len] == '=' && len > 0 && len < NAME_LEN && !isdigit((unsigned char)spec[0]);
	for (size_t i = 0; i < len; i++)
		good &= islower((unsigned char)spec[i]) || isdigit((unsigned char)spec[i]) || spec[i] == '_';
	if (!good) {
		snprintf(err, err_len, "--metrics.by %s: NAME=label,label... is expected, NAME in small letters", spec);
		return -EINVAL;
	}
	memcpy(l->name, spec, len);
	for (const char *p = spec + len + 1;; p++) {
		size_t word = strcspn(p, ",");
		const struct label *label = label_by_name(p, word);
		if (!label || l->n_chosen == LABELS_MAX)
			return fail_label(err, err_len, spec, p, word);
		l->chosen[l->n_chosen++] = label;
		p += word;
		if (!*p)
			return 0;
	}
}

int labels_new(const char *spec, size_t max, struct labels **ret_labels, char *err, size_t err_len)
{
	struct labels *l = calloc(1, sizeof(*l));
	int r = l ? parse(l, spec, err, err_len) : -ENOMEM;
	if (!r)
		r = tally_new(l->n_chosen * VALUE_LEN, sizeof(struct sums), max, &l->tally);
	if (r == -ENOMEM)
		snprintf(err, err_len, "out of memory");
	if (r)
		labels_free(l);
	else
		*ret_labels = l;
	return r;
}

void labels_free(struct labels *l)
{
	if (!l)
		return;
	tally_free(l->tally);
	free(l);
}

void labels_add(struct labels *l, const struct flow *f, enum side side, uint64_t now_ns)
{
	/* Numbers are written 8 bytes at a time and run over their end; what is behind it is cleared afterwards. */
	char key[LABELS_MAX * VALUE_LEN + DIGITS_OVERRUN];
	for (size_t i = 0; i < l->n_chosen; i++) {
		char *at = key + i * VALUE_LEN;
		char *end = l->chosen[i]->value(f, side, at);
		memset(end, 0, (size_t)(at + VALUE_LEN - end));
	}
	struct sums *s = tally_get(l->tally, key);
	if (!s)
		s = &l->other;
	s->bytes += f->bytes * flow_scale(f);
	s->packets += f->packets * flow_scale(f);
	s->flows++;
	s->seen_ns = now_ns;
}

static bool is_old(const void *arg, const void *key, void *value)
{
	(void)key;
	return ((const struct sums *)value)->seen_ns < *(const uint64_t *)arg;
}

void labels_expire(struct labels *l, uint64_t oldest_ns)
{
	tally_remove_if(l->tally, is_old, &oldest_ns);
}

static void write_one(const struct labels *l, struct buf *b, const char *what, const char *key, uint64_t value)
{
	/* The values come from the network: promtext escapes them. Labels are as many as the user chose. */
	char metric[NAME_LEN + 32];
	const char *pairs[2 * LABELS_MAX + 1] = {0};
	snprintf(metric, sizeof(metric), "weir_%s_%s_total", l->name, what);
	for (size_t i = 0; i < l->n_chosen; i++) {
		pairs[2 * i] = l->chosen[i]->name;
		pairs[2 * i + 1] = key ? key + i * VALUE_LEN : "other";
	}
	prom_u64(b, metric, value, pairs[0], pairs[1], pairs[2], pairs[3], pairs[4], pairs[5], pairs[6], pairs[7], pairs[8],
		 pairs[9], pairs[10], pairs[11], NULL);
}

void labels_write(const struct labels *l, struct buf *b)
{
	static const struct {
		const char *name, *help;
		size_t offset;
	} counts[] = {
		{"bytes", "Bytes, times the sampling rate.", offsetof(struct sums, bytes)},
		{"packets", "Packets, times the sampling rate.", offsetof(struct sums, packets)},
		{"flows", "Flow records.", offsetof(struct sums, flows)},
	};
	char metric[NAME_LEN + 32];
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		snprintf(metric, sizeof(metric), "weir_%s_%s_total", l->name, counts[i].name);
		prom_head(b, metric, "counter", counts[i].help);
		for (size_t k = 0; k < tally_count(l->tally); k++) {
			const void *at = (const char *)tally_value(l->tally, k) + counts[i].offset;
			write_one(l, b, counts[i].name, tally_key(l->tally, k), *(const uint64_t *)at);
		}
		const void *other = (const char *)&l->other + counts[i].offset;
		if (l->other.flows)
			write_one(l, b, counts[i].name, NULL, *(const uint64_t *)other);
	}
}
