/*
 * reload.c -- see reload.h.
 */
#include "collector/reload.h"

#include <stdio.h>

#include "collector/collector.h"
#include "collector/config.h"
#include "collector/gate.h"
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
		snprintf(err, sizeof(err), "no memory");
		if (rc == 0)
			log_info(LOG_OURS, "SIGHUP: log level %s, %zu allowed prefixes%s, filter '%s', rate cap %lld",
				 fresh.log_level, prefixes, prefixes ? "" : " (everybody)", fresh.filter ? fresh.filter : "",
				 (long long)fresh.rate_cap);
	}
	if (rc < 0)
		log_error(LOG_OURS, "SIGHUP: %s; the old configuration stays in force", err);
	config_free(&fresh, &options);
}
