/*
 * confine_calls.c -- system calls that weir never makes are refused, by a seccomp filter written here: a list of those forbidden
 * and not of those allowed, because librdkafka, libcurl, OpenSSL and the C library's name service make others in each version.
 *
 * No program is started (execve), no process made (clone without CLONE_THREAD; clone3, whose flags a filter cannot see,
 * does not exist, and the C library then takes clone), no socket opened but of the Internet, Unix and netlink (name service);
 * nothing of namespaces, mounts, modules, keys, tracing, raw input and output, other users, the clock.
 */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/confine.h"

#if defined(__x86_64__)
#define ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCH AUDIT_ARCH_AARCH64
#endif

#ifdef ARCH

static const uint32_t forbidden[] = {
	SYS_execve, SYS_execveat, SYS_ptrace, SYS_process_vm_readv, SYS_process_vm_writev, SYS_kcmp, SYS_personality,
#ifdef SYS_fork /* not of newer machines */
	SYS_fork, SYS_vfork, SYS_mknod, SYS_ioperm, SYS_iopl, SYS_modify_ldt,
#endif
	SYS_kexec_load, SYS_kexec_file_load, SYS_init_module, SYS_finit_module, SYS_delete_module, SYS_bpf, SYS_perf_event_open,
	SYS_userfaultfd, SYS_io_uring_setup, SYS_io_uring_enter, SYS_io_uring_register, SYS_add_key, SYS_request_key, SYS_keyctl,
	SYS_mount, SYS_umount2, SYS_pivot_root, SYS_chroot, SYS_unshare, SYS_setns, SYS_move_mount, SYS_open_tree, SYS_fsopen,
	SYS_fsconfig, SYS_fsmount, SYS_fspick, SYS_mknodat, SYS_name_to_handle_at, SYS_open_by_handle_at, SYS_pidfd_getfd,
	SYS_swapon, SYS_swapoff, SYS_reboot, SYS_acct, SYS_quotactl, SYS_syslog, SYS_vhangup, SYS_sethostname, SYS_setdomainname,
	SYS_settimeofday, SYS_clock_settime, SYS_clock_adjtime, SYS_adjtimex, SYS_setuid, SYS_setgid, SYS_setreuid, SYS_setregid,
	SYS_setresuid, SYS_setresgid, SYS_setfsuid, SYS_setfsgid, SYS_setgroups, SYS_capset,
};

static const uint32_t families[] = {AF_UNIX, AF_INET, AF_INET6, AF_NETLINK};

enum { FORBIDDEN = sizeof(forbidden) / sizeof(forbidden[0]), FAMILIES = sizeof(families) / sizeof(families[0]) };
enum { ROOM = 2 * FORBIDDEN + 32 };

#define REFUSE(code) BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (code))
#define LOAD(member) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, member))
/* Past the next instruction unless the value is K. */
#define UNLESS(k) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (k), 0, 1)

struct filter {
	struct sock_filter code[ROOM];
	size_t n;
};

static void add(struct filter *f, struct sock_filter instruction)
{
	f->code[f->n++] = instruction;
}

static void add_list(struct filter *f, bool starts_itself)
{
	for (size_t i = 0; i < FORBIDDEN; i++) {
		if (starts_itself && forbidden[i] == SYS_execve)
			continue; /* which image, Landlock says */
		add(f, (struct sock_filter)UNLESS(forbidden[i]));
		add(f, (struct sock_filter)REFUSE(EPERM));
	}
	add(f, (struct sock_filter)UNLESS(SYS_clone3));
	add(f, (struct sock_filter)REFUSE(ENOSYS));
}

/* What hangs on an argument; each ends in an answer. The low half of an argument comes first on these machines. */
static void add_arguments(struct filter *f)
{
	add(f, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone, 0, 4));
	add(f, (struct sock_filter)LOAD(args[0]));
	add(f, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, CLONE_THREAD, 1, 0));
	add(f, (struct sock_filter)REFUSE(EPERM));
	add(f, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
	add(f, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_socket, 0, FAMILIES * 2 + 2));
	add(f, (struct sock_filter)LOAD(args[0]));
	for (size_t i = 0; i < FAMILIES; i++) {
		add(f, (struct sock_filter)UNLESS(families[i]));
		add(f, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
	}
	add(f, (struct sock_filter)REFUSE(EAFNOSUPPORT));
	add(f, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
}

int confine_calls(bool starts_itself)
{
	static struct filter f;
	f.n = 0;
	add(&f, (struct sock_filter)LOAD(arch));
	add(&f, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCH, 1, 0));
	add(&f, (struct sock_filter)REFUSE(EPERM)); /* of another machine's numbering */
	add(&f, (struct sock_filter)LOAD(nr));
	add(&f, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 0x40000000, 0, 1));
	add(&f, (struct sock_filter)REFUSE(EPERM)); /* x32 */
	add_list(&f, starts_itself);
	add_arguments(&f);
	struct sock_fprog program = {.len = (unsigned short)f.n, .filter = f.code};
	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) < 0 ? -errno : 0;
}

#else

int confine_calls(bool starts_itself)
{
	(void)starts_itself;
	return -ENOSYS; /* the numbers of this machine's calls were never tried */
}

#endif
