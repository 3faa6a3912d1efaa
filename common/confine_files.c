/*
 * confine_files.c -- no file is written, made, removed or started but below the directories named, by Landlock (Linux 5.13; see
 * its userspace-api/landlock.rst). Reading stays free: certificates, name service and zones are all over the system,
 * and who may read what is the user's matter.
 */
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <linux/landlock.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/confine.h"

/* What newer kernels than the headers know. */
#ifndef LANDLOCK_ACCESS_FS_REFER
#define LANDLOCK_ACCESS_FS_REFER (1ull << 13)
#endif
#ifndef LANDLOCK_ACCESS_FS_TRUNCATE
#define LANDLOCK_ACCESS_FS_TRUNCATE (1ull << 14)
#endif

enum { ABI_REFER = 2, ABI_TRUNCATE = 3 };

#define ON_FILES (LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_TRUNCATE)
#define ON_DIRECTORIES \
	(LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_CHAR | \
	 LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO | \
	 LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_SYM | LANDLOCK_ACCESS_FS_REFER)
/* Of these, what is given back below a directory: no devices. */
#define GIVEN (ON_FILES | LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_DIR | \
	       LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_REFER)

static int allow(int ruleset, const char *path, uint64_t access)
{
	struct stat st;
	int fd = open(path, O_PATH | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	int rc = fstat(fd, &st) < 0 ? -errno : 0;
	struct landlock_path_beneath_attr rule = {
		.parent_fd = fd,
		.allowed_access = S_ISDIR(st.st_mode) ? access : access & (ON_FILES | LANDLOCK_ACCESS_FS_EXECUTE),
	};
	if (rc == 0 && syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) < 0)
		rc = -errno;
	close(fd);
	return rc;
}

/* ARG: a const char ** for the path of the program's loader, which execve() opens too; the first object is the program. */
static int find_loader(struct dl_phdr_info *info, size_t size, void *arg)
{
	const char **loader = arg;
	(void)size;
	for (size_t i = 0; i < info->dlpi_phnum; i++)
		if (info->dlpi_phdr[i].p_type == PT_INTERP)
			*loader = (const char *)(info->dlpi_addr + info->dlpi_phdr[i].p_vaddr);
	return 1;
}

static int allow_itself(int ruleset)
{
	const char *loader = NULL;
	int rc = allow(ruleset, "/proc/self/exe", LANDLOCK_ACCESS_FS_EXECUTE);
	(void)dl_iterate_phdr(find_loader, &loader);
	return rc == 0 && loader ? allow(ruleset, loader, LANDLOCK_ACCESS_FS_EXECUTE) : rc;
}

int confine_files(const struct confine_options *options, const char *const *writable, size_t n)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	if (abi < 0)
		return -errno;
	uint64_t handled = ON_FILES | ON_DIRECTORIES | LANDLOCK_ACCESS_FS_EXECUTE;
	if (abi < ABI_REFER)
		handled &= ~(uint64_t)LANDLOCK_ACCESS_FS_REFER;
	if (abi < ABI_TRUNCATE)
		handled &= ~(uint64_t)LANDLOCK_ACCESS_FS_TRUNCATE;
	struct landlock_ruleset_attr attr = {.handled_access_fs = handled};
	int ruleset = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr), 0);
	if (ruleset < 0)
		return -errno;
	uint64_t given = GIVEN | (options->makes_links ? LANDLOCK_ACCESS_FS_MAKE_SYM : 0);
	int rc = allow(ruleset, "/dev/null", handled & ON_FILES);
	for (size_t i = 0; i < n && rc == 0; i++)
		rc = allow(ruleset, writable[i], handled & given);
	if (rc == 0 && options->removes_in)
		rc = allow(ruleset, options->removes_in, LANDLOCK_ACCESS_FS_REMOVE_DIR);
	if (rc == 0 && options->starts_itself)
		rc = allow_itself(ruleset);
	if (rc == 0 && syscall(SYS_landlock_restrict_self, ruleset, 0) < 0)
		rc = -errno;
	close(ruleset);
	return rc;
}
