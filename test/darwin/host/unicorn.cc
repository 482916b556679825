// arm64 in an emulator, one for each thread over the same memory. Apple's conventions (Writing ARM64 code for Apple
// platforms): AAPCS64, but variable arguments go by the stack, and x18 belongs to the system.
#include <unicorn/unicorn.h>

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>

#include "end.h"
#include "heap.h"
#include "machine.h"

namespace darwin {
namespace {

constexpr size_t kTrapSize = 32, kTraps = 512, kStackSize = 512 << 10, kGuard = 64 << 10;
constexpr uint32_t kReturn = 0xd65f03c0;  // ret
// All beyond is where what a function of the guest returns to is.
constexpr size_t kReturnTrap = kTraps - 1;
// x19 to x29, x18; and the low halves of v8 to v15.
constexpr int kKept = 12, kKeptVectors = 8;
constexpr uint64_t kCanary = 0x5a5a5a5a00;

uint8_t* traps;
uint8_t* executed;  // a byte for each byte of the image

void Check(uc_err error, const char* what) {
  if (error != UC_ERR_OK) End(std::string(what) + ": " + uc_strerror(error));
}

uint64_t Get(uc_engine* engine, int reg) {
  uint64_t value = 0;
  uc_reg_read(engine, reg, &value);
  return value;
}
void Put(uc_engine* engine, int reg, uint64_t value) { uc_reg_write(engine, reg, &value); }

int KeptRegister(int index) { return index < 10 ? UC_ARM64_REG_X19 + index : index == 10 ? UC_ARM64_REG_X29 : UC_ARM64_REG_X18; }

// What a call may destroy is destroyed: x1 to x17, and the vectors but the low halves of v8 to v15.
void Poison(uc_engine* engine) {
  for (int i = 1; i < 18; i++) Put(engine, UC_ARM64_REG_X0 + i, 0xbadbadbadbad0000 + static_cast<uint64_t>(i));
  uint64_t vector[2] = {~0ull, ~0ull};
  for (int i = 0; i < 32; i++) {
    if (i < 8 || i > 15) uc_reg_write(engine, UC_ARM64_REG_Q0 + i, vector);
  }
}

void OnTrap(uc_engine* engine, uint64_t address, uint32_t, void*) {
  size_t slot = (address - reinterpret_cast<uint64_t>(traps)) / kTrapSize;
  if (slot == kReturnTrap) return;
  uint64_t registers[8];
  for (int i = 0; i < 8; i++) registers[i] = Get(engine, UC_ARM64_REG_X0 + i);
  uint64_t result = Dispatch(slot, {registers, reinterpret_cast<uint64_t*>(Get(engine, UC_ARM64_REG_SP))});
  Poison(engine);
  Put(engine, UC_ARM64_REG_X0, result);
}

void OnBlock(uc_engine*, uint64_t address, uint32_t size, void*) {
  memset(executed + (address - reinterpret_cast<uint64_t>(TheImage().base)), 1, size);
}

bool OnStrayAccess(uc_engine* engine, uc_mem_type, uint64_t address, int size, int64_t, void*) {
  uint64_t at = Get(engine, UC_ARM64_REG_PC) - reinterpret_cast<uint64_t>(TheImage().base);
  fprintf(stderr, "darwin-host: a stray access of %d bytes at 0x%lx, by 0x%lx of the image\n", size, address, at);
  return false;
}

// For DARWIN_COVER: the file grows by what every process has run.
void OpenCover() {
  const char* name = getenv("DARWIN_COVER");
  if (name == nullptr || executed != nullptr) return;
  int fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  size_t size = TheImage().size;
  if (fd < 0 || ftruncate(fd, static_cast<off_t>(size)) != 0) End("DARWIN_COVER cannot be written");
  void* memory = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  close(fd);
  if (memory == MAP_FAILED) End("DARWIN_COVER cannot be mapped");
  executed = static_cast<uint8_t*>(memory);
}

struct Processor {
  uc_engine* engine = nullptr;
  uint8_t* stack = nullptr;
  int depth = 0;
  ~Processor() {
    if (engine == nullptr) return;
    uc_close(engine);
    munmap(stack - kGuard, kStackSize + kGuard);
  }
};
thread_local Processor processor;

void Map(uc_engine* engine, uint8_t* memory, size_t size, uint32_t protection) {
  Check(uc_mem_map_ptr(engine, reinterpret_cast<uint64_t>(memory), size, protection, memory), "uc_mem_map_ptr");
}

void AddHook(uc_engine* engine, int type, void* callback, uint64_t begin, uint64_t end) {
  uc_hook hook;
  Check(uc_hook_add(engine, &hook, type, callback, nullptr, begin, end), "uc_hook_add");
}

uc_engine* Engine() {
  Processor& mine = processor;
  if (mine.engine != nullptr) return mine.engine;
  const Image& image = TheImage();
  OpenCover();
  Check(uc_open(UC_ARCH_ARM64, UC_MODE_ARM, &mine.engine), "uc_open");
  for (const Segment& segment : image.segments) {
    Map(mine.engine, image.base + segment.address, segment.size,
        (segment.readable ? UC_PROT_READ : 0) | (segment.writable ? UC_PROT_WRITE : 0) |
            (segment.executable ? UC_PROT_EXEC : 0));
  }
  Map(mine.engine, traps, kTrapSize * kTraps, UC_PROT_READ | UC_PROT_EXEC);
  Map(mine.engine, HeapBase(), kHeapSize, UC_PROT_READ | UC_PROT_WRITE);
  void* memory = mmap(nullptr, kStackSize + kGuard, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) End("no memory for a stack");
  mine.stack = static_cast<uint8_t*>(memory) + kGuard;
  memset(mine.stack, 0xa5, kStackSize);
  Map(mine.engine, mine.stack, kStackSize, UC_PROT_READ | UC_PROT_WRITE);
  uint64_t first_trap = reinterpret_cast<uint64_t>(traps), base = reinterpret_cast<uint64_t>(image.base);
  AddHook(mine.engine, UC_HOOK_CODE, reinterpret_cast<void*>(OnTrap), first_trap, first_trap + kTrapSize * kTraps - 1);
  AddHook(mine.engine, UC_HOOK_MEM_INVALID, reinterpret_cast<void*>(OnStrayAccess), 1, 0);
  if (executed != nullptr) {
    AddHook(mine.engine, UC_HOOK_BLOCK, reinterpret_cast<void*>(OnBlock), base, base + image.size - 1);
  }
  Put(mine.engine, UC_ARM64_REG_CPACR_EL1, 3 << 20);  // lets vectors be used
  Put(mine.engine, UC_ARM64_REG_SP, reinterpret_cast<uint64_t>(mine.stack) + kStackSize - 64);
  return mine.engine;
}

void PutCanaries(uc_engine* engine) {
  for (int i = 0; i < kKept; i++) Put(engine, KeptRegister(i), kCanary + static_cast<uint64_t>(i));
  for (int i = 0; i < kKeptVectors; i++) Put(engine, UC_ARM64_REG_D8 + i, kCanary + static_cast<uint64_t>(i));
}

void CheckCanaries(uc_engine* engine) {
  bool kept = true;
  for (int i = 0; i < kKept; i++) kept &= Get(engine, KeptRegister(i)) == kCanary + static_cast<uint64_t>(i);
  for (int i = 0; i < kKeptVectors; i++) {
    kept &= Get(engine, UC_ARM64_REG_D8 + i) == kCanary + static_cast<uint64_t>(i);
  }
  if (!kept) End("a register that a callee must keep was not kept (x18 is one of them)");
}

}  // namespace

uint64_t Call::arg(int index) const {
  // Apple packs what does not fit the registers; no function that is imported has so many arguments.
  if (index >= 8) End("a ninth argument");
  return registers[index];
}
uint64_t Call::variable(int, int n) const { return stack[n]; }

bool IsStack(uint64_t address, size_t size) {
  uint64_t stack = reinterpret_cast<uint64_t>(processor.stack);
  return address >= stack && address + size <= stack + kStackSize;
}

void MakeTraps(bool arm64) {
  if (!arm64) End("this host runs arm64 images alone");
  void* memory = mmap(reinterpret_cast<void*>(0x300000000), kTrapSize * kTraps, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) End("no memory for the imports");
  traps = static_cast<uint8_t*>(memory);
  for (size_t i = 0; i < kTraps; i++) memcpy(traps + i * kTrapSize, &kReturn, sizeof kReturn);
}

uint64_t TrapOf(size_t import) {
  if (import >= kReturnTrap) End("too many imports");
  return reinterpret_cast<uint64_t>(traps + import * kTrapSize);
}

uint64_t Run(uint64_t function, std::initializer_list<uint64_t> arguments) {
  uc_engine* engine = Engine();
  // A call within a call: the outer one goes on where it was.
  uc_context* outer = nullptr;
  if (processor.depth++ > 0) {
    Check(uc_context_alloc(engine, &outer), "uc_context_alloc");
    Check(uc_context_save(engine, outer), "uc_context_save");
  }
  const uint64_t before = Get(engine, UC_ARM64_REG_SP), top = (before - 256) & ~uint64_t(15);
  int next = UC_ARM64_REG_X0;
  for (uint64_t argument : arguments) Put(engine, next++, argument);
  PutCanaries(engine);
  const uint64_t end = TrapOf(0) + kReturnTrap * kTrapSize;
  Put(engine, UC_ARM64_REG_X30, end);
  Put(engine, UC_ARM64_REG_SP, top);
  Check(uc_emu_start(engine, function, end, 0, 0), "the guest");
  CheckCanaries(engine);
  if (Get(engine, UC_ARM64_REG_SP) != top) End("the stack pointer is not where it was");
  uint64_t result = Get(engine, UC_ARM64_REG_X0);
  Put(engine, UC_ARM64_REG_SP, before);
  if (outer != nullptr) {
    Check(uc_context_restore(engine, outer), "uc_context_restore");
    uc_context_free(outer);
  }
  processor.depth--;
  return result;
}

}  // namespace darwin
