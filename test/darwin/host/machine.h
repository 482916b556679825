// The processor: native.cc runs an x64 image as it is, unicorn.cc an arm64 image in an emulator. A call of the guest's
// into libSystem or Node-API arrives as a Call; what the host calls in the guest goes through Run.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <initializer_list>
#include <string>
#include <unordered_map>
#include <vector>

#include "macho.h"

namespace darwin {

// The arguments of one call of the guest's, by Apple's conventions.
struct Call {
  const uint64_t* registers;
  const uint64_t* stack;

  uint64_t arg(int index) const;
  // The n-th variable argument behind `fixed` others: on the stack on Apple's arm64, like any other on x64.
  uint64_t variable(int fixed, int n) const;

  int number(int index) const { return static_cast<int>(arg(index)); }
  uint32_t word(int index) const { return static_cast<uint32_t>(arg(index)); }
  // Where the guest may read or write that many bytes; the process ends where it may not.
  void* memory(int index, size_t size) const;
  const char* text(int index) const;
  template <typename T>
  T* out(int index) const {
    return static_cast<T*>(memory(index, sizeof(T)));
  }
};

using Handler = uint64_t (*)(const Call&);
using Symbols = std::unordered_map<std::string, Handler>;

struct Import {
  std::string name;
  Handler handler;
  bool called;
};

// Of this process, for good.
Image& TheImage();
std::vector<Import>& Imports();
// Before the image is loaded: where calls of imports land.
void MakeTraps(bool arm64);
uint64_t TrapOf(size_t import);
// The result of an import, with its arguments, for the log.
uint64_t Dispatch(size_t import, const Call& call);

// Calls a function of the guest on this thread, and ends the process where it did not leave the registers and the
// stack as it must.
uint64_t Run(uint64_t function, std::initializer_list<uint64_t> arguments);

// This thread's errno, in the guest's memory.
uint64_t ErrnoAddress();
uint64_t Fail(int linux_errno);
uint64_t FailAsDarwin(int darwin_errno);
// A result of Linux's: itself, or its errno translated.
uint64_t Result(long result);

// The guest's memory, whichever machine.
bool IsGuestMemory(uint64_t address, size_t size);
// Of the machine: whether it is a stack of the guest's.
bool IsStack(uint64_t address, size_t size);

// An entry was removed from the directory of that descriptor.
void ForgetEntry(int fd);

// Every symbol that this Darwin has.
void AddFiles(Symbols& symbols);
void AddNames(Symbols& symbols);
void AddDirectories(Symbols& symbols);
void AddSockets(Symbols& symbols);
void AddPeers(Symbols& symbols);
void AddProcesses(Symbols& symbols);
void AddThreads(Symbols& symbols);
void AddMemory(Symbols& symbols);
void AddNodeApi(Symbols& symbols);

}  // namespace darwin
