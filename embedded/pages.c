/*
 * pages.c -- a handful of static files: plain names from one folder, nothing else.
 */
#include "embedded/pages.h"

#include <stdio.h>
#include <string.h>

#include "common/http.h"

static const struct {
	const char *ending, *type;
} types[] = {
	{".html", "text/html; charset=utf-8"}, {".js", "text/javascript; charset=utf-8"}, {".css", "text/css; charset=utf-8"},
	{".svg", "image/svg+xml"}, {".txt", "text/plain; charset=utf-8"},
};

static const char *type_of(const char *name)
{
	const char *dot = strrchr(name, '.');
	for (size_t i = 0; dot && i < sizeof(types) / sizeof(types[0]); i++) {
		if (strcmp(dot, types[i].ending) == 0)
			return types[i].type;
	}
	return NULL;
}

void pages_answer(const char *dir, const char *path, struct http_response *res)
{
	const char *name = strlen(path) > strlen("/dashboard/") ? path + strlen("/dashboard/") : "index.html";
	const char *type = type_of(name);
	char file[4096], block[8192];
	FILE *f = NULL;
	if (dir && type && !strchr(name, '/')) {
		snprintf(file, sizeof(file), "%s/%s", dir, name);
		f = fopen(file, "re");
	}
	if (!f) {
		res->status = 404;
		buf_puts(&res->body, "no such page\n");
		return;
	}
	size_t n;
	while ((n = fread(block, 1, sizeof(block), f)) > 0)
		buf_add(&res->body, block, n);
	fclose(f);
	res->content_type = type;
	http_add_header(res, "Cache-Control", "no-cache");
	/* Flow data are untrusted text: nothing inline, nothing from elsewhere; any ClickHouse address may be asked. */
	http_add_header(res, "Content-Security-Policy", "default-src 'self'; style-src 'self' 'unsafe-inline'; connect-src *");
}
