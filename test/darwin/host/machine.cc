#include "machine.h"

#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "abi.h"
#include "end.h"
#include "heap.h"

namespace darwin {

Image& TheImage() {
  static Image image;
  return image;
}

std::vector<Import>& Imports() {
  static std::vector<Import> imports;
  return imports;
}

uint64_t Dispatch(size_t import, const Call& call) {
  static const bool log = getenv("DARWIN_TRACE") != nullptr;
  if (import >= Imports().size()) End("a call of an import that there is not");
  Import& called = Imports()[import];
  called.called = true;
  uint64_t result = called.handler(call);
  if (log) {
    fprintf(stderr, "  [%ld] %s(%lx, %lx, %lx, %lx) = %ld\n", syscall(SYS_gettid), called.name.c_str(),
            call.arg(0), call.arg(1), call.arg(2), call.arg(3), static_cast<long>(result));
  }
  return result;
}

bool IsGuestMemory(uint64_t address, size_t size) {
  const Image& image = TheImage();
  uint64_t heap = reinterpret_cast<uint64_t>(HeapBase());
  bool in_heap = address >= heap && address + size <= heap + kHeapSize;
  return in_heap || (image.Holds(address) && image.Holds(address + size - 1)) || IsStack(address, size);
}

void* Call::memory(int index, size_t size) const {
  uint64_t address = arg(index);
  if (size > 0 && !IsGuestMemory(address, size)) End("a pointer to what is not the guest's");
  return reinterpret_cast<void*>(address);
}

const char* Call::text(int index) const {
  uint64_t address = arg(index);
  if (!IsGuestMemory(address, 1)) End("a text that is not the guest's");
  const char* text = reinterpret_cast<const char*>(address);
  if (!IsGuestMemory(address, strlen(text) + 1)) End("a text that has no end");
  return text;
}

uint64_t ErrnoAddress() {
  static thread_local uint64_t address = 0;
  if (address == 0) {
    address = Allocate(sizeof(int));
    memset(reinterpret_cast<void*>(address), 0, sizeof(int));
  }
  return address;
}

uint64_t FailAsDarwin(int darwin_errno) {
  *reinterpret_cast<int*>(ErrnoAddress()) = darwin_errno;
  return static_cast<uint64_t>(-1);
}

uint64_t Fail(int linux_errno) { return FailAsDarwin(ErrnoOf(linux_errno)); }

uint64_t Result(long result) { return result < 0 ? Fail(errno) : static_cast<uint64_t>(result); }

}  // namespace darwin
