// The guest's heap: an arena of its own, behind whose every block lies a red zone.
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace darwin {

constexpr size_t kHeapSize = 256u << 20;

void MakeHeap();
uint8_t* HeapBase();
// What is allocated is full of 0xcd, what was freed of 0xdd; the latter is not given out again soon.
uint64_t Allocate(size_t size);
// Ends the process where the block was not allocated, or was written beyond.
void Free(uint64_t block);
size_t SizeOf(uint64_t block);
size_t LiveBlocks();

}  // namespace darwin
