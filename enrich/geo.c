/*
 * geo.c -- see geo.h. Databases are mapped, not read: a new one beside the old costs no memory while they are swapped.
 */
#include "enrich/geo.h"

#include <errno.h>
#include <maxminddb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "common/ip.h"
#include "enrich/geo_check.h"

struct geo {
	MMDB_s db;
};

int geo_open(const char *path, struct geo **ret_geo, char *err, size_t err_len)
{
	struct geo *g = calloc(1, sizeof(*g));
	if (!g) {
		snprintf(err, err_len, "%s: out of memory", path);
		return -EINVAL;
	}
	if (!geo_check(path)) {
		snprintf(err, err_len, "%s: no MaxMind database, or one that was cut or damaged (its metadata do not hold)", path);
		free(g);
		return -EINVAL;
	}
	int status = MMDB_open(path, MMDB_MODE_MMAP, &g->db);
	if (status != MMDB_SUCCESS) {
		snprintf(err, err_len, "%s: %s", path, status == MMDB_IO_ERROR ? strerror(errno) : MMDB_strerror(status));
		free(g);
		return -EINVAL;
	}
	*ret_geo = g;
	return 0;
}

void geo_close(struct geo *g)
{
	if (!g)
		return;
	MMDB_close(&g->db);
	free(g);
}

static bool find(const struct geo *g, const struct ip_addr *a, MMDB_entry_s *ret_entry)
{
	struct sockaddr_storage ss;
	int status = MMDB_SUCCESS;
	if (!a->len || (a->len == 16 && g->db.metadata.ip_version == 4))
		return false;
	(void)ip_to_sockaddr(a, 0, &ss);
	MMDB_lookup_result_s result = MMDB_lookup_sockaddr(&g->db, (const struct sockaddr *)&ss, &status);
	*ret_entry = result.entry;
	return status == MMDB_SUCCESS && result.found_entry;
}

size_t geo_country(const struct geo *g, const struct ip_addr *a, char out[2])
{
	static const char *const places[] = {"country", "registered_country"};
	MMDB_entry_s entry;
	MMDB_entry_data_s data;
	if (!find(g, a, &entry))
		return 0;
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		if (MMDB_get_value(&entry, &data, places[i], "iso_code", (char *)NULL) != MMDB_SUCCESS || !data.has_data ||
		    data.type != MMDB_DATA_TYPE_UTF8_STRING || data.data_size != 2)
			continue;
		memcpy(out, data.utf8_string, 2);
		return 2;
	}
	return 0;
}

uint32_t geo_as(const struct geo *g, const struct ip_addr *a)
{
	MMDB_entry_s entry;
	MMDB_entry_data_s data;
	if (!find(g, a, &entry) ||
	    MMDB_get_value(&entry, &data, "autonomous_system_number", (char *)NULL) != MMDB_SUCCESS || !data.has_data ||
	    data.type != MMDB_DATA_TYPE_UINT32)
		return 0;
	return data.uint32;
}
