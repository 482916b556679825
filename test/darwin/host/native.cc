// x64 on x64: Darwin's calling convention is the one of System V, so that an image runs as it is.
#include <string.h>
#include <sys/mman.h>

#include "end.h"
#include "machine.h"

namespace darwin {
namespace {

constexpr size_t kTrapSize = 32, kTraps = 256;
uint8_t* traps;

}  // namespace

uint64_t Call::arg(int index) const { return index < 6 ? registers[index] : stack[index - 6]; }
uint64_t Call::variable(int fixed, int n) const { return arg(fixed + n); }

// The guest runs on the thread's own stack, which is whatever is not a mapping of ours.
bool IsStack(uint64_t address, size_t) { return address > 0x700000000000; }

}  // namespace darwin

extern "C" {

// rdi: index, rsi: the six registers, rdx: the stack
__attribute__((used)) uint64_t DarwinDispatch(uint32_t import, const uint64_t* registers, const uint64_t* stack) {
  return darwin::Dispatch(import, {registers, stack});
}
void DarwinTrap();
uint64_t DarwinEnter(uint64_t function, const uint64_t* arguments, uint64_t* broken);

}  // extern "C"

asm(R"(
.text
// An import's stub jumps here, its index in r11. What a call may destroy is destroyed when it returns.
.globl DarwinTrap
DarwinTrap:
  push %rbp
  mov %rsp, %rbp
  sub $48, %rsp
  mov %rdi, (%rsp)
  mov %rsi, 8(%rsp)
  mov %rdx, 16(%rsp)
  mov %rcx, 24(%rsp)
  mov %r8, 32(%rsp)
  mov %r9, 40(%rsp)
  mov %r11d, %edi
  mov %rsp, %rsi
  lea 16(%rbp), %rdx
  call DarwinDispatch
  leave
  movabs $0xbadbadbadbad0000, %rcx
  lea 1(%rcx), %rdx
  lea 2(%rcx), %rsi
  lea 3(%rcx), %rdi
  lea 4(%rcx), %r8
  lea 5(%rcx), %r9
  lea 6(%rcx), %r10
  lea 7(%rcx), %r11
  pcmpeqd %xmm0, %xmm0
  pcmpeqd %xmm1, %xmm1
  pcmpeqd %xmm2, %xmm2
  pcmpeqd %xmm3, %xmm3
  pcmpeqd %xmm4, %xmm4
  pcmpeqd %xmm5, %xmm5
  pcmpeqd %xmm6, %xmm6
  pcmpeqd %xmm7, %xmm7
  pcmpeqd %xmm8, %xmm8
  pcmpeqd %xmm9, %xmm9
  pcmpeqd %xmm10, %xmm10
  pcmpeqd %xmm11, %xmm11
  pcmpeqd %xmm12, %xmm12
  pcmpeqd %xmm13, %xmm13
  pcmpeqd %xmm14, %xmm14
  pcmpeqd %xmm15, %xmm15
  ret

// Calls a function of the guest with four arguments; *broken is 0 where it kept every register that a callee must.
.globl DarwinEnter
DarwinEnter:
  push %rbp
  push %rbx
  push %r12
  push %r13
  push %r14
  push %r15
  push %rdx
  mov %rdi, %rax
  mov %rsi, %r11
  mov (%r11), %rdi
  mov 8(%r11), %rsi
  mov 16(%r11), %rdx
  mov 24(%r11), %rcx
  movabs $0x5a5a5a5a00000001, %rbx
  movabs $0x5a5a5a5a00000002, %rbp
  movabs $0x5a5a5a5a00000003, %r12
  movabs $0x5a5a5a5a00000004, %r13
  movabs $0x5a5a5a5a00000005, %r14
  movabs $0x5a5a5a5a00000006, %r15
  call *%rax
  movabs $0x5a5a5a5a00000000, %r11
  sub %r11, %rbx
  sub %r11, %rbp
  sub %r11, %r12
  sub %r11, %r13
  sub %r11, %r14
  sub %r11, %r15
  xor $1, %rbx
  xor $2, %rbp
  xor $3, %r12
  xor $4, %r13
  xor $5, %r14
  xor $6, %r15
  or %rbp, %rbx
  or %r12, %rbx
  or %r13, %rbx
  or %r14, %rbx
  or %r15, %rbx
  pop %rdx
  mov %rbx, (%rdx)
  pop %r15
  pop %r14
  pop %r13
  pop %r12
  pop %rbx
  pop %rbp
  ret
)");

namespace darwin {

void MakeTraps(bool arm64) {
  if (arm64) End("this host runs x64 images alone");
  void* memory = mmap(reinterpret_cast<void*>(0x300000000), kTrapSize * kTraps, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) End("no memory for the imports");
  traps = static_cast<uint8_t*>(memory);
  for (uint32_t i = 0; i < kTraps; i++) {
    const uint64_t target = reinterpret_cast<uint64_t>(&DarwinTrap);
    uint8_t code[] = {0x41, 0xbb, 0, 0, 0, 0,                       // mov r11d, index
                      0x49, 0xba, 0, 0, 0, 0, 0, 0, 0, 0,           // mov r10, target
                      0x41, 0xff, 0xe2};                            // jmp r10
    memcpy(code + 2, &i, sizeof i);
    memcpy(code + 8, &target, sizeof target);
    memcpy(traps + i * kTrapSize, code, sizeof code);
  }
  mprotect(traps, kTrapSize * kTraps, PROT_READ | PROT_EXEC);
}

uint64_t TrapOf(size_t import) {
  if (import >= kTraps) End("too many imports");
  return reinterpret_cast<uint64_t>(traps + import * kTrapSize);
}

uint64_t Run(uint64_t function, std::initializer_list<uint64_t> arguments) {
  uint64_t four[4] = {}, broken = 0;
  size_t count = 0;
  for (uint64_t argument : arguments) four[count++] = argument;
  uint64_t result = DarwinEnter(function, four, &broken);
  if (broken != 0) End("a register that a callee must keep was not kept");
  return result;
}

}  // namespace darwin
