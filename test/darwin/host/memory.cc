// libSystem's memory and strings.
#include <string.h>

#include "end.h"
#include "heap.h"
#include "machine.h"

namespace darwin {
namespace {

uint64_t AddressOf(const void* pointer) { return reinterpret_cast<uint64_t>(pointer); }

uint64_t Realloc(const Call& call) {
  uint64_t old = call.arg(0), size = call.arg(1), block = Allocate(size);
  if (old == 0 || block == 0) return block;
  size_t kept = SizeOf(old) < size ? SizeOf(old) : size;
  memcpy(reinterpret_cast<void*>(block), reinterpret_cast<void*>(old), kept);
  Free(old);
  return block;
}

uint64_t Calloc(const Call& call) {
  uint64_t size;
  if (__builtin_mul_overflow(call.arg(0), call.arg(1), &size)) return 0;
  uint64_t block = Allocate(size);
  if (block != 0) memset(reinterpret_cast<void*>(block), 0, size);
  return block;
}

uint64_t Strnlen(const Call& call) {
  const char* text = reinterpret_cast<const char*>(call.arg(0));
  size_t size = strnlen(text, call.arg(1));
  call.memory(0, size < call.arg(1) ? size + 1 : size);
  return size;
}

// A comparison's sign, in the 32 bits of an int.
uint64_t Sign(int result) { return static_cast<uint32_t>(result); }

}  // namespace

void AddMemory(Symbols& symbols) {
  symbols["___error"] = [](const Call&) { return ErrnoAddress(); };
  symbols["_malloc"] = [](const Call& c) { return Allocate(c.arg(0)); };
  symbols["_calloc"] = Calloc;
  symbols["_realloc"] = Realloc;
  symbols["_free"] = [](const Call& c) -> uint64_t {
    Free(c.arg(0));
    return 0;
  };
  symbols["_bzero"] = symbols["___bzero"] = [](const Call& c) { return AddressOf(memset(c.memory(0, c.arg(1)), 0, c.arg(1))); };
  symbols["_memset"] = [](const Call& c) { return AddressOf(memset(c.memory(0, c.arg(2)), c.number(1), c.arg(2))); };
  symbols["_memcpy"] = [](const Call& c) {
    uint64_t to = c.arg(0), from = c.arg(1), size = c.arg(2);
    if (to < from + size && from < to + size && to != from && size > 0) End("memcpy of what overlaps");
    return AddressOf(memcpy(c.memory(0, size), c.memory(1, size), size));
  };
  symbols["_memmove"] = [](const Call& c) { return AddressOf(memmove(c.memory(0, c.arg(2)), c.memory(1, c.arg(2)), c.arg(2))); };
  symbols["_memcmp"] = [](const Call& c) { return Sign(memcmp(c.memory(0, c.arg(2)), c.memory(1, c.arg(2)), c.arg(2))); };
  symbols["_memchr"] = [](const Call& c) {
    const void* memory = c.memory(0, c.arg(2));
    return AddressOf(memchr(memory, c.number(1), c.arg(2)));
  };
  symbols["_strlen"] = [](const Call& c) -> uint64_t { return strlen(c.text(0)); };
  symbols["_strnlen"] = Strnlen;
  symbols["_stpcpy"] = [](const Call& c) {
    const char* from = c.text(1);
    return AddressOf(stpcpy(static_cast<char*>(c.memory(0, strlen(from) + 1)), from));
  };
  symbols["_strcmp"] = [](const Call& c) { return Sign(strcmp(c.text(0), c.text(1))); };
  symbols["_strspn"] = [](const Call& c) -> uint64_t { return strspn(c.text(0), c.text(1)); };
  symbols["_strcspn"] = [](const Call& c) -> uint64_t { return strcspn(c.text(0), c.text(1)); };
  symbols["_strncmp"] = [](const Call& c) { return Sign(strncmp(c.text(0), c.text(1), c.arg(2))); };
  symbols["_strcasecmp"] = [](const Call& c) { return Sign(strcasecmp(c.text(0), c.text(1))); };
  symbols["_strchr"] = [](const Call& c) { return AddressOf(strchr(c.text(0), c.number(1))); };
  symbols["_strrchr"] = [](const Call& c) { return AddressOf(strrchr(c.text(0), c.number(1))); };
  symbols["_abort"] = [](const Call&) -> uint64_t { End("the guest aborted"); };
  // Every lazy pointer was bound at once.
  symbols["dyld_stub_binder"] = [](const Call&) -> uint64_t { End("a lazy pointer that was not bound"); };
}

}  // namespace darwin
