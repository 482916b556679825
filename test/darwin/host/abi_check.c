// Compiled for macOS, against the headers that the compiler brings: abi.h and the system calls' translations say the
// same as these. Compiling is the whole test.
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libproc.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/param.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysctl.h>
#include <sys/un.h>
#include <time.h>

#define SAME(x) _Static_assert(x, #x);
#define AT(type, field, offset) SAME(offsetof(struct type, field) == offset)

AT(stat, st_mode, 4) AT(stat, st_nlink, 6) AT(stat, st_ino, 8) AT(stat, st_uid, 16) AT(stat, st_gid, 20)
AT(stat, st_rdev, 24) AT(stat, st_atimespec, 32) AT(stat, st_mtimespec, 48) AT(stat, st_ctimespec, 64)
AT(stat, st_birthtimespec, 80) AT(stat, st_size, 96) AT(stat, st_blocks, 104) AT(stat, st_blksize, 112)
AT(stat, st_flags, 116) SAME(sizeof(struct stat) == 144)

AT(dirent, d_ino, 0) AT(dirent, d_seekoff, 8) AT(dirent, d_reclen, 16) AT(dirent, d_namlen, 18)
AT(dirent, d_type, 20) AT(dirent, d_name, 21)

AT(sockaddr_un, sun_len, 0) AT(sockaddr_un, sun_family, 1) AT(sockaddr_un, sun_path, 2)
SAME(sizeof(((struct sockaddr_un *)0)->sun_path) == 104) SAME(SOCK_MAXADDRLEN == 255)

SAME(SOL_LOCAL == 0) SAME(LOCAL_PEERPID == 2) SAME(PROC_PIDVNODEPATHINFO == 9)
AT(proc_vnodepathinfo, pvi_cdir.vip_path, 152) SAME(sizeof(struct proc_vnodepathinfo) == 2352)

AT(statfs, f_flags, 64) AT(statfs, f_fstypename, 72) SAME(sizeof(struct statfs) == 2168) SAME(MNT_LOCAL == 0x1000) SAME(MNT_IGNORE_OWNERSHIP == 0x200000)

AT(kinfo_proc, kp_proc.p_starttime, 0) AT(kinfo_proc, kp_proc.p_stat, 36) AT(kinfo_proc, kp_proc.p_pid, 40)
SAME(sizeof(struct kinfo_proc) == 648) SAME(SZOMB == 5) SAME(SRUN == 2) SAME(sizeof(struct timeval) == 16)
SAME(CTL_KERN == 1) SAME(KERN_PROC == 14) SAME(KERN_PROC_PID == 1)

SAME(EDEADLK == 11) SAME(EAGAIN == 35) SAME(EWOULDBLOCK == 35) SAME(EINPROGRESS == 36) SAME(ENOTSOCK == 38)
SAME(EMSGSIZE == 40) SAME(EPROTOTYPE == 41) SAME(ENOTSUP == 45) SAME(EADDRINUSE == 48) SAME(ECONNRESET == 54)
SAME(ENOBUFS == 55) SAME(EISCONN == 56) SAME(ENOTCONN == 57) SAME(ETIMEDOUT == 60) SAME(ECONNREFUSED == 61)
SAME(ELOOP == 62) SAME(ENAMETOOLONG == 63) SAME(ENOTEMPTY == 66) SAME(EDQUOT == 69) SAME(ESTALE == 70)
SAME(ENOLCK == 77) SAME(ENOSYS == 78) SAME(EOVERFLOW == 84) SAME(EILSEQ == 92) SAME(EPROTO == 100)
SAME(EOPNOTSUPP == 102)

SAME(O_NONBLOCK == 0x4) SAME(O_APPEND == 0x8) SAME(O_NOFOLLOW == 0x100) SAME(O_CREAT == 0x200)
SAME(O_TRUNC == 0x400) SAME(O_EXCL == 0x800) SAME(O_NOCTTY == 0x20000) SAME(O_DIRECTORY == 0x100000)
SAME(O_CLOEXEC == 0x1000000) SAME(O_SEARCH == 0x40100000)
SAME(AT_FDCWD == -2) SAME(AT_SYMLINK_NOFOLLOW == 0x20) SAME(AT_REMOVEDIR == 0x80)
SAME(F_GETFD == 1) SAME(F_SETFD == 2) SAME(F_GETFL == 3) SAME(F_SETFL == 4) SAME(F_DUPFD_CLOEXEC == 67) SAME(FD_CLOEXEC == 1)
SAME(LOCK_SH == 1) SAME(LOCK_EX == 2) SAME(LOCK_NB == 4) SAME(LOCK_UN == 8)
SAME(MSG_PEEK == 0x2) SAME(MSG_DONTWAIT == 0x80) SAME(MSG_NOSIGNAL == 0x80000)
SAME(AF_UNIX == 1) SAME(SOCK_STREAM == 1) SAME(SOCK_DGRAM == 2) SAME(SOCK_SEQPACKET == 5)
SAME(RENAME_EXCL == 4) SAME(CLOCK_REALTIME == 0) SAME(CLOCK_MONOTONIC == 6)
SAME(PATH_MAX == 1024) SAME(MAXSYMLINKS == 32)
SAME(sizeof(pthread_attr_t) == 64) SAME(PTHREAD_STACK_MIN % 0x1000 == 0)
SAME(sizeof(pthread_mutex_t) == 64) SAME(sizeof(pthread_cond_t) == 48) SAME(sizeof(pthread_condattr_t) == 16)
SAME(_PTHREAD_MUTEX_SIG_init == 0x32AAABA7)
SAME(sizeof(sigset_t) == 4) SAME(SIG_SETMASK == 3) SAME(sizeof(struct pollfd) == 8) SAME(POLLIN == 1) SAME(POLLOUT == 4)
SAME(POLLERR == 8) SAME(POLLHUP == 0x10) SAME(POLLNVAL == 0x20)
