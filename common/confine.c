/*
 * confine.c -- see confine.h. The order matters: directories are made and given away while that is still allowed, then the
 * user changes (which takes all capabilities away), then no-new-privileges, without which the kernel takes neither of
 * the two others from an ordinary user.
 */
#include "common/confine.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

struct run {
	const struct confine_options *options;
	uid_t uid;
	gid_t gid;
	char user[64];  /* empty: it stays */
	const char *writable[CONFINE_PATHS_MAX];
	size_t n_writable;
	char *said, *err;
	size_t said_len, err_len;
};

__attribute__((format(printf, 2, 3))) static void say(struct run *r, const char *format, ...)
{
	va_list args;
	size_t len = strlen(r->said);
	if (len)
		len += (size_t)snprintf(r->said + len, r->said_len - len, ", ");
	if (len >= r->said_len)
		return;
	va_start(args, format);
	(void)vsnprintf(r->said + len, r->said_len - len, format, args);
	va_end(args);
}

void confine_directory(struct confine_options *options, const char *path)
{
	if (path && *path && options->n_writable < CONFINE_PATHS_MAX)
		options->writable[options->n_writable++] = path;
}

void confine_file(struct confine_options *options, const char *path, struct confine_path *room)
{
	struct stat st;
	if (!path || !*path || strcmp(path, "-") == 0)
		return;
	if (stat(path, &st) == 0 && !S_ISREG(st.st_mode)) {
		confine_directory(options, path); /* a device, a pipe: it is opened, not made; or a directory */
		return;
	}
	snprintf(room->text, sizeof(room->text), "%s", path);
	char *slash = strrchr(room->text, '/');
	if (!slash)
		snprintf(room->text, sizeof(room->text), ".");
	else
		slash[slash == room->text] = '\0';
	confine_directory(options, room->text);
}

static int find_user(struct run *r)
{
	const char *name = r->options->user;
	char *end;
	if (!name || !*name)
		return 0;
	unsigned long number = strtoul(name, &end, 10);
	errno = 0;
	const struct passwd *p = *end ? getpwnam(name) : getpwuid((uid_t)number);
	if (!p) {
		snprintf(r->err, r->err_len, "--user %s: there is no such user", name);
		return -EINVAL;
	}
	if (geteuid() != 0 && geteuid() != p->pw_uid) {
		snprintf(r->err, r->err_len, "--user %s: only root can become somebody else; start weir as that user instead", name);
		return -EPERM;
	}
	snprintf(r->user, sizeof(r->user), "%s", p->pw_name);
	r->uid = p->pw_uid;
	r->gid = p->pw_gid;
	return 0;
}

static int make_directory(struct run *r, const char *path)
{
	char part[4096];
	struct stat st;
	if (stat(path, &st) == 0)
		return 0;
	snprintf(part, sizeof(part), "%s", path);
	for (char *p = part + 1; (p = strchr(p, '/')); *p++ = '/') {
		*p = '\0';
		if (mkdir(part, 0755) < 0 && errno != EEXIST)
			return -errno;
	}
	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return -errno;
	return *r->user && geteuid() == 0 && chown(path, r->uid, r->gid) < 0 ? -errno : 0;
}

/* One that cannot be made is left out: who wants to write there says what that means. */
static void make_directories(struct run *r)
{
	for (size_t i = 0; i < r->options->n_writable; i++)
		if (make_directory(r, r->options->writable[i]) == 0)
			r->writable[r->n_writable++] = r->options->writable[i];
}

static int become_user(struct run *r)
{
	if (!*r->user)
		return 0;
	if (geteuid() == 0 && (initgroups(r->user, r->gid) < 0 || setgid(r->gid) < 0 || setuid(r->uid) < 0)) {
		int rc = -errno;
		snprintf(r->err, r->err_len, "--user %s: %s", r->user, strerror(-rc));
		return rc;
	}
	(void)prctl(PR_SET_DUMPABLE, 1); /* /proc/self stays its own: /metrics reads it */
	say(r, "user %s", r->user);
	return 0;
}

/* RC of something that the kernel may not have. */
static int missing(struct run *r, int rc, const char *what)
{
	if (rc == 0)
		return 0;
	if (strcmp(r->options->mode, "require") == 0) {
		snprintf(r->err, r->err_len, "--confine require: %s is not to be had here (%s); auto goes without", what, strerror(-rc));
		return rc;
	}
	say(r, "no %s (%s)", what, strerror(-rc));
	return 0;
}

static int lock_up(struct run *r)
{
	const struct confine_options *o = r->options;
	int rc = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ? -errno : 0;
	if (rc < 0)
		return missing(r, rc, "no-new-privileges");
	say(r, "no new privileges");
	if (o->starts_programs)
		return missing(r, -EBUSY, "Landlock and seccomp while an option starts programs");
	rc = confine_files(o, r->writable, r->n_writable);
	if (rc == 0)
		say(r, r->n_writable ? "writes only below" : "writes no file");
	for (size_t i = 0; rc == 0 && i < r->n_writable; i++) {
		size_t len = strlen(r->said);
		(void)snprintf(r->said + len, r->said_len - len, "%s%s", i ? " and " : " ", r->writable[i]);
	}
	rc = missing(r, rc, "Landlock");
	if (rc < 0)
		return rc;
	rc = confine_calls(o->starts_itself);
	if (rc == 0)
		say(r, o->starts_itself ? "starts no program but itself" : "starts no program");
	return missing(r, rc, "seccomp");
}

int confine_apply(const struct confine_options *options, char *said, size_t said_len, char *err, size_t err_len)
{
	struct run r = {.options = options, .said = said, .said_len = said_len, .err = err, .err_len = err_len};
	bool off = strcmp(options->mode, "off") == 0;
	*said = '\0';
	int rc = find_user(&r);
	if (rc == 0 && (!off || *r.user))
		make_directories(&r);
	if (rc == 0)
		rc = become_user(&r);
	if (rc == 0 && !off)
		rc = lock_up(&r);
	return rc;
}
