/*
 * reload.c -- see reload.h.
 */
#include "collector/reload.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "collector/collector.h"
#include "collector/config.h"
#include "collector/gate.h"
#include "collector/mapping.h"
#include "collector/sampling.h"
#include "collector/transport.h"
#include "common/log.h"

/* All workers have the new rules, or ended; then the old ones may go. */
static int put_in_force(struct collector *c, struct gate_rules *rules)
{
	int rc = 0;
	for (size_t i = 0; i < c->n_workers && rc == 0; i++)
		rc = worker_set_rules(c->workers[i], rules);
	if (rc < 0) {
		for (size_t i = 0; i < c->n_workers; i++)
			(void)worker_set_rules(c->workers[i], c->rules); /* they had these: no memory is needed */
		gate_rules_free(rules);
		return rc;
	}
	gate_rules_free(c->rules);
	c->rules = rules;
	return 0;
}

/* What decoders are configured with; they look at it all the time, so it lives until they have another. */
struct decoding {
	struct sampling_overrides overrides;
	uint64_t sampling_rate;
	struct mapping *mapping;
	int rc;
};

void reload_free(struct decoding *d)
{
	if (!d)
		return;
	sampling_overrides_free(&d->overrides);
	mapping_free(d->mapping);
	free(d);
}

static void take_decoding(void *arg, struct worker *w, struct decoder *d)
{
	struct decoding *decoding = arg;
	(void)w;
	decoder_set_sampling(d, decoding->overrides.count ? &decoding->overrides : NULL, decoding->sampling_rate);
	int rc = decoder_set_mapping(d, decoding->mapping);
	decoding->rc = rc ? rc : decoding->rc;
}

/* Rates and mapping of FRESH, which gives them away. 0 or -ENOMEM. */
static int set_decoding(struct collector *c, struct config *fresh)
{
	struct decoding *d = calloc(1, sizeof(*d));
	if (!d)
		return -ENOMEM;
	d->overrides = fresh->overrides;
	d->sampling_rate = fresh->sampling_rate;
	d->mapping = fresh->mapping;
	fresh->overrides = (struct sampling_overrides){0};
	fresh->mapping = NULL;
	for (size_t i = 0; i < c->n_workers; i++)
		worker_ask_or_do(c->workers[i], take_decoding, d);
	reload_free(c->decoding);
	c->decoding = d;
	return d->rc ? -ENOMEM : 0;
}

/* Certificates. */
static int reload_inputs(struct collector *c, char *err, size_t err_len)
{
	int rc = 0;
	for (size_t i = 0; i < c->n_workers && rc == 0; i++)
		rc = worker_reload(c->workers[i], err, err_len);
	return rc;
}

void reload(struct collector *c)
{
	static struct config fresh;
	struct opt_result options;
	struct gate_rules *rules = NULL;
	char err[512], said[300];
	c->transport->ops->reopen(c->transport, said, sizeof(said));
	if (*said)
		log_info(LOG_OURS, "SIGHUP: %s", said);
	int rc = config_read(c->argc, c->argv, &fresh, &options, err, sizeof(err));
	if (rc == 0)
		rc = gate_rules_new(&fresh, &rules, err, sizeof(err));
	if (rc == 0) {
		size_t prefixes = rules->allow.count;
		(void)log_set_level(fresh.log_level);
		rc = put_in_force(c, rules);
		if (rc == 0)
			rc = set_decoding(c, &fresh);
		snprintf(err, sizeof(err), "no memory");
		if (rc == 0)
			rc = reload_inputs(c, err, sizeof(err));
		if (rc == 0)
			log_info(LOG_OURS, "SIGHUP: log level %s, %zu allowed prefixes%s, filter '%s', rate cap %lld",
				 fresh.log_level, prefixes, prefixes ? "" : " (everybody)", fresh.filter ? fresh.filter : "",
				 (long long)fresh.rate_cap);
	}
	if (rc < 0)
		log_error(LOG_OURS, "SIGHUP: %s; the old configuration stays in force", err);
	config_free(&fresh, &options);
}
