/*
 * places.c -- files and folders of weir-embedded, found from where the program itself lies: build/<preset>/bin of a
 * source tree, or /usr/bin beside /usr/share/weir.
 */
#include "embedded/places.h"

#include <errno.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/clock.h"

enum { REMOVE_TRIES = 50, REMOVE_PAUSE_MS = 20 };

/* Server settings that only a file can give. The mock broker answers an empty fetch when its wait is over and not when
 * something comes, so the wait is short; its groups wait for members that left without a word, so the session is short.
 * Tables are loaded one after the other: a dozen of them take no time, and loading side by side is where the library
 * failed (again.c).
 * Users are in it for the sake of the profile: what reads from Kafka has no session that could be told to leave it. While
 * deduplicate_insert is on, and it is since 26.2, ClickHouse takes a SipHash of every value it reads from Kafka, which costs
 * more than to parse it. */
static const char engine_config[] =
	"<clickhouse>\n"
	"\t<kafka>\n"
	"\t\t<session_timeout_ms>6000</session_timeout_ms>\n"
	"\t\t<heartbeat_interval_ms>1000</heartbeat_interval_ms>\n"
	"\t\t<fetch_wait_max_ms>50</fetch_wait_max_ms>\n"
	"\t</kafka>\n"
	"\t<async_load_databases>false</async_load_databases>\n"
	"\t<tables_loader_foreground_pool_size>1</tables_loader_foreground_pool_size>\n"
	"\t<tables_loader_background_pool_size>1</tables_loader_background_pool_size>\n"
	"\t<user_directories><users_xml><path>weir-engine.xml</path></users_xml></user_directories>\n"
	"\t<profiles><default><deduplicate_insert>disable</deduplicate_insert></default></profiles>\n"
	"\t<quotas><default/></quotas>\n"
	"\t<users>\n"
	"\t\t<default>\n"
	"\t\t\t<password/>\n"
	"\t\t\t<networks><ip>::/0</ip></networks>\n"
	"\t\t\t<profile>default</profile>\n"
	"\t\t\t<quota>default</quota>\n"
	"\t\t\t<named_collection_control>1</named_collection_control>\n"
	"\t\t</default>\n"
	"\t</users>\n"
	"</clickhouse>\n";

/* The first of PLACES (relative to the folder of this program) that exists, absolute and allocated. */
static char *look(const char *const *places)
{
	char self[PATH_MAX], path[PATH_MAX + 64];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	if (n < 0)
		return NULL;
	self[n] = '\0';
	char *slash = strrchr(self, '/');
	*slash = '\0';
	for (; *places; places++) {
		snprintf(path, sizeof(path), "%s/%s", self, *places);
		char *found = realpath(path, NULL);
		if (found)
			return found;
	}
	return NULL;
}

static int find(const char *option, const char *given, const char *const *usual, char **ret_path, char *err, size_t err_len)
{
	char *path = given ? realpath(given, NULL) : look(usual);
	if (!path) {
		snprintf(err, err_len, "%s: no such file; --%s names it", given ? given : usual[0], option);
		return -ENOENT;
	}
	*ret_path = path;
	return 0;
}

static int find_library(struct places *p, const char *given, char *err, size_t err_len)
{
	static const char *const usual[] = {
		"../../../.cache/chdb/libchdb.so", "../lib/weir/libchdb.so", NULL,
	};
	if (!given || !*given)
		given = getenv("WEIR_CHDB");
	p->lib = given && *given ? realpath(given, NULL) : look(usual);
	if (p->lib)
		return 0;
	snprintf(err, err_len, "%s: no ClickHouse engine there; `scripts/fetch-chdb` fetches it, --lib or $WEIR_CHDB names it",
		 given && *given ? given : ".cache/chdb/libchdb.so, /usr/lib/weir/libchdb.so");
	return -ENOENT;
}

static int make_data(struct places *p, const char *given, char *err, size_t err_len)
{
	if (given) {
		if (mkdir(given, 0755) && errno != EEXIST) {
			int e = errno;
			snprintf(err, err_len, "%s: %s (--data)", given, strerror(e));
			return -e;
		}
		p->data = realpath(given, NULL);
	} else {
		const char *tmp = getenv("TMPDIR");
		char template[PATH_MAX];
		snprintf(template, sizeof(template), "%s/weir-embedded-XXXXXX", tmp && *tmp ? tmp : "/tmp");
		p->data_is_ours = mkdtemp(template) != NULL;
		p->data = p->data_is_ours ? strdup(template) : NULL;
	}
	if (!p->data) {
		snprintf(err, err_len, "no data folder: %s (--data)", strerror(errno));
		return -EIO;
	}
	return 0;
}

static int write_config(struct places *p, char *err, size_t err_len)
{
	if (asprintf(&p->engine_config, "%s/weir-engine.xml", p->data) < 0)
		return -ENOMEM;
	FILE *f = fopen(p->engine_config, "we"); /* NOLINT(clang-analyzer-unix.Malloc): its name is kept in the places */
	int r = f && fputs(engine_config, f) >= 0 ? 0 : -EIO;
	if (f && fclose(f))
		r = -EIO;
	if (r)
		snprintf(err, err_len, "%s: %s (--data)", p->engine_config, strerror(errno));
	return r;
}

static int remove_one(const char *path, const struct stat *st, int what, struct FTW *ftw)
{
	(void)st, (void)ftw;
	(void)(what == FTW_DP ? rmdir(path) : unlink(path)); /* remove() would give up a directory that Landlock lets go */
	return 0; /* on to the next, whatever was with this one */
}

/* The engine's last threads may be writing still: what they make meanwhile goes with the next round. */
void places_remove(const char *data)
{
	for (int i = 0; i < REMOVE_TRIES && access(data, F_OK) == 0; i++) {
		if (i)
			clock_sleep_ns(REMOVE_PAUSE_MS * NS_PER_MS);
		nftw(data, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	}
}

void places_free(struct places *p)
{
	if (p->data && p->data_is_ours)
		places_remove(p->data);
	free(p->sql);
	free(p->proto);
	free(p->web);
	free(p->lib);
	free(p->data);
	free(p->engine_config);
	*p = (struct places){0};
}

int places_find(const struct places_given *given, struct places *ret_places, char *err, size_t err_len)
{
	static const char *const sql[] = {"../../../sql/clickhouse", "../share/weir/sql/clickhouse", NULL};
	static const char *const proto[] = {"../../../proto/flow.proto", "../share/weir/flow.proto", NULL};
	static const char *const web[] = {"../../../embedded/web", "../share/weir/web", NULL};
	struct places p = {0};
	int r = find("sql", given->sql, sql, &p.sql, err, err_len);
	if (!r)
		r = find("proto", given->proto, proto, &p.proto, err, err_len);
	if (!r && given->web)
		r = find("web", given->web, web, &p.web, err, err_len);
	else if (!r)
		p.web = look(web);
	if (!r)
		r = find_library(&p, given->lib, err, err_len);
	if (!r)
		r = make_data(&p, given->data, err, err_len);
	if (!r)
		r = write_config(&p, err, err_len);
	if (r)
		places_free(&p);
	else
		*ret_places = p;
	return r;
}
