// The behaviours in which XNU differs from Linux and that this host acts out, each with the line of XNU that it
// rests on, in the words in which it stands in apple-oss-distributions/xnu. It was read there at these commits:
//   5c2921b07a2480ab43ec66f5b9e41cb872bc554f  bsd/kern/uipc_usrreq.c, kern_lockf.c; bsd/sys/stat.h
//   1031c584a5e37aff177559b9f69dbd3c8c3fd30a  bsd/vfs/vfs_lookup.c, vfs_syscalls.c, vfs_init.c, kpi_vfs.c;
//                                             bsd/kern/kern_descrip.c, kern_sysctl.c; bsd/sys/fcntl.h, mount.h, attr.h
//   0f4c859e951fba394238ab619495c4e1d54d0f34  bsd/kern/uipc_syscalls.c, proc_info.c; bsd/vfs/vfs_subr.c; bsd/sys/proc.h
// Lines are quoted and not numbered: no checkout was at hand to number them by. IgnoredOwners, LinkMode and Immutable were
// found by their words in versions of these files that are not told. ../xnu-rules.heavy.ts shows for each that our code
// does right under it.
#pragma once

#include <stdint.h>

#define DARWIN_RULES(RULE)                                                                                            \
  RULE(AddressLength, "an address takes a path of 253 bytes, and no more (Linux: 108)",                               \
       "bsd/kern/uipc_syscalls.c, getsockaddr(): if (len > SOCK_MAXADDRLEN) return ENAMETOOLONG; 255, less two")      \
  RULE(BindFollows, "bind follows a link at the name, and makes the socket where it leads (Linux: EADDRINUSE)",       \
       "bsd/kern/uipc_usrreq.c, unp_bind(): NDINIT(&nd, CREATE, OP_MKFIFO, FOLLOW | LOCKPARENT, ...)")                \
  RULE(BindMode, "a bound file has the mode 0777 less the umask, whatever the socket's (Linux: the socket's own)",    \
       "bsd/kern/uipc_usrreq.c, unp_bind(): VATTR_SET(&va, va_mode, (ACCESSPERMS & ~p->p_fd.fd_cmask))")              \
  RULE(SocketMode, "fchmod of a socket is EINVAL (Linux: sets the mode that bind gives)",                             \
       "bsd/kern/kern_descrip.c, file_vnode_withvid(): fp_get_ftype(current_proc(), fd, DTYPE_VNODE, EINVAL, &fp)")   \
  RULE(NotASocket, "connect to what is not a socket is ENOTSOCK (Linux: ECONNREFUSED)",                               \
       "bsd/kern/uipc_usrreq.c, unp_connect(): vp->v_type != VSOCK")                                                  \
  RULE(FullQueue, "connect to a full queue is ECONNREFUSED (Linux: waits, or EAGAIN)",                                \
       "bsd/kern/uipc_usrreq.c, unp_connect(): (so3 = sonewconn(so2, 0, nam)) == 0")                                  \
  RULE(TypeFirst, "EPROTOTYPE is told before whether anybody listens (as on Linux)",                                  \
       "bsd/kern/uipc_usrreq.c, unp_connect(): so->so_type != so2->so_type, before SO_ACCEPTCONN")                    \
  RULE(AcceptInherits, "an accepted socket is non-blocking where its listener is (Linux: never)",                     \
       "bsd/kern/uipc_syscalls.c, accept_nocancel(): fp->f_flag = fflag")                                             \
  RULE(PathMax, "a path has 1,023 bytes at most (Linux: 4,095)",                                                      \
       "bsd/vfs/vfs_lookup.c, namei(): cnp->cn_pnlen = MAXPATHLEN")                                                   \
  RULE(MostLinks, "a lookup follows 32 links at most (Linux: 40)",                                                    \
       "bsd/vfs/vfs_lookup.c, lookup_handle_symlink(): ni_loopcnt++ >= MAXSYMLINKS")                                  \
  RULE(OpenSearch, "O_SEARCH opens an unreadable directory from macOS 13 on; before, it is O_RDONLY (Linux: O_PATH)", \
       "bsd/vfs/vfs_subr.c, vn_authorize_open_existing(): if (fmode & (FSEARCH | FEXEC)); bsd/sys/fcntl.h, FFLAGS")   \
  RULE(OpenSocket, "open of a socket is EOPNOTSUPP (Linux: ENXIO)",                                                   \
       "bsd/vfs/vfs_subr.c, vn_authorize_open_existing(): if (vp->v_type == VSOCK && vp->v_tag != VT_FDESC)")         \
  RULE(UnlinkDirectory, "unlink of a directory is EPERM (Linux: EISDIR)",                                             \
       "bsd/vfs/vfs_subr.c, vn_authorize_unlink(): (vp->v_type == VDIR) ... return EPERM")                            \
  RULE(RenameExclusive, "a volume without VOL_CAP_INT_RENAME_EXCL says ENOTSUP of a free name (Linux: EINVAL)",       \
       "bsd/vfs/kpi_vfs.c, vn_rename(): VNOP_RENAMEX(); bsd/vfs/vfs_init.c, vn_default_error(): return ENOTSUP")      \
  RULE(CaseInsensitive, "a volume may take names that differ by case for one, as APFS does by default",               \
       "bsd/sys/attr.h, VOL_CAP_FMT_CASE_SENSITIVE")                                                                  \
  RULE(ForgetfulReading, "a removal during the reading of a directory may hide another entry, as HFS+ and APFS do",   \
       "IEEE Std 1003.1, readdir(): unspecified; Apple's file systems are not public")                                \
  RULE(BirthTime, "APFS and HFS+ tell when a file was made; no descriptor pins an inode without opening it",          \
       "bsd/sys/stat.h, st_birthtimespec; bsd/sys/fcntl.h has no O_PATH")                                             \
  RULE(MountedLocal, "statfs tells by MNT_LOCAL whether a volume is served here (Linux: by its magic number)",        \
       "bsd/vfs/vfs_syscalls.c, vfs_get_statfs64(): sfs->f_flags = mp->mnt_flag & MNT_VISFLAGMASK; MNT_LOCAL")        \
  RULE(IgnoredOwners, "a volume may ignore owners: what lies on it shows as of whoever asks (Linux: has no such mount)",     \
       "bsd/vfs/kpi_vfs.c, vnode_getattr(): mnt_flag & MNT_IGNORE_OWNERSHIP ... if ((nuid == 99) && ...) kauth_cred_getuid()") \
  RULE(LinkMode, "a link has the mode 0777 less the umask, and reading it takes permission; following does not",      \
       "bsd/vfs/vfs_syscalls.c, symlink(): ACCESSPERMS & ~p->p_fd->fd_cmask; readlink: KAUTH_VNODE_READ_DATA")         \
  RULE(Immutable, "an owner may make his file immutable, and then it is EPERM to remove or rename it (Linux: root)",  \
       "bsd/vfs/vfs_subr.c, vnode_immutable(): if ((vap->va_flags & mask) != 0) return EPERM; UF_IMMUTABLE")           \
  RULE(DirectoryTimes, "the times of a directory need not tell of a change in it: HFS+ counts seconds",               \
       "Technical Note TN1150, HFS Plus Dates; how APFS stamps is not public")                                         \
  RULE(PeerId, "getpeereid tells who listens: the credentials at listen()",                                           \
       "bsd/kern/uipc_usrreq.c, unp_listen(): cru2x(safecred, &unp->unp_peercred); unp_connect(): memcpy()")          \
  RULE(PeerName, "getpeername tells the path that was bound, and EINVAL once the peer has closed (Linux: tells on)",  \
       "bsd/kern/uipc_usrreq.c, uipc_peeraddr(): unp->unp_conn->unp_addr; uipc_syscalls.c, getpeername(): EINVAL")    \
  RULE(LastUser, "LOCAL_PEERPID tells who used a socket last (Linux: who called listen())",                          \
       "bsd/kern/uipc_usrreq.c, uipc_ctloutput(): peerpid = peerso->last_pid")                                        \
  RULE(WorkingDirectory, "proc_pidinfo tells where a process of the same user works (Linux: /proc/PID/cwd)",          \
       "bsd/kern/proc_info.c, proc_pidvnodepathinfo(): vncdirvp = p->p_fd.fd_cdir")                                   \
  RULE(LockConflict, "a lock that is held is EWOULDBLOCK, 35 (Linux: 11)",                                            \
       "bsd/kern/kern_lockf.c, lf_setlock(): return EAGAIN; bsd/sys/errno.h: EWOULDBLOCK is EAGAIN")                  \
  RULE(NoProcess, "a process that is gone is an answer of no bytes, and a zombie one of state SZOMB (Linux: /proc)",  \
       "bsd/kern/kern_sysctl.c, sysctl_prochandle(): req->oldlen = dp - where; bsd/sys/proc.h, SZOMB")

namespace darwin {

enum class Rule : uint8_t {
#define DARWIN_RULE(name, what, source) k##name,
  DARWIN_RULES(DARWIN_RULE)
#undef DARWIN_RULE
      kCount,
};

// The rule decided what the guest was told.
void Took(Rule rule);
// An option, of the environment: DARWIN_<name>=1.
bool IsOn(const char* option);

struct RuleState {
  const char *name, *what, *source;
  uint32_t taken;
};
const RuleState* Rules();

}  // namespace darwin
