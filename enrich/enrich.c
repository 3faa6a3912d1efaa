/*
 * enrich.c -- see enrich.h. Traffic is local: the same addresses come again and again, so what was found for an address is
 * kept in a direct-mapped cache in front of the look-ups, with a random key, as an outsider chooses the addresses.
 */
#include "enrich/enrich.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/counter.h"
#include "common/hash.h"
#include "common/ip.h"
#include "enrich/geo.h"
#include "enrich/networks.h"
#include "proto/flow.h"

enum { CACHE = 1 << 14 };

const struct opt enrich_option_rows[ENRICH_OPTIONS] = {
	{"enrich.country", OPT_STRING, offsetof(struct enrich_options, country), NULL, "FILE",
	 "MaxMind database (GeoLite2-Country, -City ...) for src_country and dst_country."},
	{"enrich.as", OPT_STRING, offsetof(struct enrich_options, as), NULL, "FILE",
	 "MaxMind database (GeoLite2-ASN) for src_as and dst_as where the exporter gave none."},
	{"enrich.as-always", OPT_BOOL, offsetof(struct enrich_options, as_always), NULL, NULL,
	 "AS numbers of the database instead of the exporter's."},
	{"enrich.networks", OPT_STRING, offsetof(struct enrich_options, networks), NULL, "FILE",
	 "CSV file of prefix,network,customer: the names of the longest prefix go into src_network, src_customer, dst_network and "
	 "dst_customer. Read again when it changes, as the databases are."},
};

/* What is known of an address. */
struct known {
	struct ip_addr addr;
	uint32_t as;
	char country[2];
	uint8_t country_len;
	struct network_names names;
};

struct file {
	const char *path;
	struct timespec changed;
	off_t size;
};

struct enrich {
	const struct enrich_options *o;
	struct file files[3];
	struct geo *country, *as;
	struct networks *networks;
	struct hash_key hash_key;
	struct known *cache; /* CACHE of them; addr.len 0: free */
	struct enrich_stats stats;
};

enum { FILE_COUNTRY, FILE_AS, FILE_NETWORKS, FILES };

/* Notes how the file looks now; true when it looked otherwise before. */
static bool has_changed(struct file *file)
{
	struct stat st;
	if (!file->path || stat(file->path, &st))
		return false; /* between two versions of it: the next tick sees */
	bool changed = st.st_size != file->size || st.st_mtim.tv_sec != file->changed.tv_sec ||
		       st.st_mtim.tv_nsec != file->changed.tv_nsec;
	file->size = st.st_size;
	file->changed = st.st_mtim;
	return changed;
}

static int load_geo(const char *path, struct geo **at, char *err, size_t err_len)
{
	struct geo *fresh;
	int r = geo_open(path, &fresh, err, err_len);
	if (r)
		return r;
	geo_close(*at);
	*at = fresh;
	return 0;
}

static int load(struct enrich *e, int which, char *err, size_t err_len)
{
	struct networks *fresh;
	int r;
	switch (which) {
	case FILE_COUNTRY:
		return load_geo(e->o->country, &e->country, err, err_len);
	case FILE_AS:
		return load_geo(e->o->as, &e->as, err, err_len);
	default:
		r = networks_load(e->o->networks, &fresh, err, err_len);
		if (r)
			return -EINVAL;
		networks_free(e->networks);
		e->networks = fresh;
		return 0;
	}
}

int enrich_new(const struct enrich_options *options, struct enrich **ret_enrich, char *err, size_t err_len)
{
	*ret_enrich = NULL;
	if (!options->country && !options->as && !options->networks)
		return 0;
	struct enrich *e = calloc(1, sizeof(*e));
	if (e)
		e->cache = calloc(CACHE, sizeof(*e->cache));
	if (!e || !e->cache) {
		free(e);
		snprintf(err, err_len, "out of memory");
		return -EINVAL;
	}
	e->o = options;
	e->hash_key = hash_key_random();
	e->files[FILE_COUNTRY].path = options->country;
	e->files[FILE_AS].path = options->as;
	e->files[FILE_NETWORKS].path = options->networks;
	int r = 0;
	for (int i = 0; i < FILES && !r; i++) {
		(void)has_changed(&e->files[i]);
		r = e->files[i].path ? load(e, i, err, err_len) : 0;
	}
	if (r)
		enrich_free(e);
	else
		*ret_enrich = e;
	return r;
}

void enrich_free(struct enrich *e)
{
	if (!e)
		return;
	geo_close(e->country);
	geo_close(e->as);
	networks_free(e->networks);
	free(e->cache);
	free(e);
}

int enrich_tick(struct enrich *e, char *err, size_t err_len)
{
	int r = 0;
	for (int i = 0; e && i < FILES; i++) {
		if (!has_changed(&e->files[i]))
			continue;
		int one = load(e, i, err, err_len);
		counter_inc(one ? &e->stats.reload_errors : &e->stats.reloads);
		r = r ? r : one;
		/* Names point into the old table. */
		memset(e->cache, 0, CACHE * sizeof(*e->cache));
	}
	return r;
}

static const struct known *look_up(struct enrich *e, const struct ip_addr *a)
{
	struct known *k = &e->cache[hash_bytes(&e->hash_key, a, sizeof(*a)) % CACHE];
	if (ip_equal(&k->addr, a))
		return k;
	*k = (struct known){.addr = *a, .names = {"", ""}};
	if (e->country)
		k->country_len = (uint8_t)geo_country(e->country, a, k->country);
	if (e->as)
		k->as = geo_as(e->as, a);
	if (e->networks)
		k->names = networks_find(e->networks, a);
	return k;
}

static bool set_text(char *at, uint32_t *len, const char *text, size_t text_len)
{
	if (!text_len)
		return false;
	if (text_len > FLOW_STR_MAX)
		text_len = FLOW_STR_MAX;
	memcpy(at, text, text_len);
	*len = (uint32_t)text_len;
	return true;
}

static bool set_as(const struct enrich *e, uint32_t *as, uint32_t found)
{
	if (!found || (*as && !e->o->as_always))
		return false;
	*as = found;
	return true;
}

void enrich_flow(struct enrich *e, struct flow *f)
{
	static const struct known nothing = {.names = {"", ""}};
	if (!e)
		return;
	const struct known *src = f->src_addr.len ? look_up(e, &f->src_addr) : &nothing;
	bool country = set_text(f->src_country, &f->n_src_country, src->country, src->country_len);
	bool as = set_as(e, &f->src_as, src->as);
	bool name = set_text(f->src_network, &f->n_src_network, src->names.network, strlen(src->names.network));
	name |= set_text(f->src_customer, &f->n_src_customer, src->names.customer, strlen(src->names.customer));
	/* Only now: both addresses may share a place in the cache. */
	const struct known *dst = f->dst_addr.len ? look_up(e, &f->dst_addr) : &nothing;
	country |= set_text(f->dst_country, &f->n_dst_country, dst->country, dst->country_len);
	as |= set_as(e, &f->dst_as, dst->as);
	name |= set_text(f->dst_network, &f->n_dst_network, dst->names.network, strlen(dst->names.network));
	name |= set_text(f->dst_customer, &f->n_dst_customer, dst->names.customer, strlen(dst->names.customer));
	counter_inc(&e->stats.flows);
	counter_add(&e->stats.countries, country);
	counter_add(&e->stats.as_numbers, as);
	counter_add(&e->stats.names, name);
}

void enrich_stats(const struct enrich *e, struct enrich_stats *ret_stats)
{
	*ret_stats = (struct enrich_stats){
		.flows = counter_get(&e->stats.flows),
		.countries = counter_get(&e->stats.countries),
		.as_numbers = counter_get(&e->stats.as_numbers),
		.names = counter_get(&e->stats.names),
		.reloads = counter_get(&e->stats.reloads),
		.reload_errors = counter_get(&e->stats.reload_errors),
	};
}
