// Files that the host reads and writes in a directory which somebody else, a box, may write as
// well. Whatever is put there, no link is followed, nothing is waited for, and what is no plain
// file of ours is refused with kFileUntrusted.
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "fd.h"
#include "status.h"
#include "vec.h"

namespace boxsockets {

// `path` is relative to `directory`, and leads nowhere else. The directory itself is trusted.
struct FileAt {
  const char* directory;
  const char* path;
};

// Up to `most` bytes from the beginning of a file, or from its end; `size` is that of the whole.
Status ReadFile(const FileAt& file, size_t most, bool from_end, Vec<char>* bytes, int64_t* size);

// Makes a file of these bytes and exactly this mode, which takes the place of whatever bears the
// name but a directory: at once, and never half written.
Status ReplaceFile(const FileAt& file, const char* bytes, size_t size, mode_t mode);

enum class Opening : uint8_t { kRead, kAppend, kEmpty };

// Opens a file; for writing, at its end, it is made where it is missing, and emptied with kEmpty.
Status OpenFile(const FileAt& file, Opening opening, mode_t mode, Fd* out);

// What is there, the link itself where it is one.
Status LookAt(const FileAt& file, struct stat* st, bool* found);

struct FoundEntry {
  size_t name;  // in the strings beside it
  mode_t type;  // S_IFREG, …
};
// The entries of a directory. E2BIG where there are more than `most`.
Status ListDirectory(const FileAt& directory, size_t most, Strings* names, Vec<FoundEntry>* out);

// Makes one directory; `made` is false where a directory was there.
Status MakeDirectory(const FileAt& directory, mode_t mode, bool* made);

// Unlinks anything but a directory.
Status RemoveFile(const FileAt& file, bool* removed);

}  // namespace boxsockets
