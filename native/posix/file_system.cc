#include "file_system.h"

#include <errno.h>
#include <stdint.h>
#if defined(__linux__)
#include <sys/vfs.h>
#else
#include <sys/mount.h>
#include <sys/param.h>
#endif

#include "syscalls.h"

namespace boxsockets {

bool IsServedHere(const char* path) {
  struct statfs fs;
  if (RetryInterrupted([&] { return statfs(path, &fs); }) != 0) return false;
  errno = 0;
#if defined(__linux__)
  // linux/magic.h, and statfs(2) for those that it lacks.
  switch (static_cast<uint32_t>(fs.f_type)) {
    case 0x6969:      // NFS
    case 0x517b:      // SMB
    case 0xff534d42:  // CIFS
    case 0xfe534d42:  // SMB2
    case 0x01021997:  // 9p
    case 0x65735546:  // FUSE, and virtiofs, which is FUSE to its guest
    case 0x00c36400:  // Ceph
    case 0x5346414f:  // AFS
    case 0x6b414653:  // kAFS
    case 0x73757245:  // Coda
    case 0x01161970:  // GFS2
    case 0x7461636f:  // OCFS2
    case 0x0bd00bd0:  // Lustre
    case 0x47504653:  // GPFS
    case 0x786f4256:  // vboxsf
    case 0xbacbacbc:  // vmhgfs
    case 0x19830326:  // BeeGFS
      return false;
    default:
      return true;
  }
#else
  return (fs.f_flags & MNT_LOCAL) != 0;
#endif
}

}  // namespace boxsockets
