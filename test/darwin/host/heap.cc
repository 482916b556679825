#include "heap.h"

#include <string.h>
#include <sys/mman.h>

#include <deque>
#include <mutex>
#include <unordered_map>

#include "end.h"

namespace darwin {
namespace {

constexpr size_t kRedZone = 16, kQuarantine = 64;
constexpr uint8_t kFresh = 0xcd, kFreed = 0xdd;

uint8_t* base;
size_t used;
std::mutex mutex;
std::unordered_map<uint64_t, size_t> live;
std::unordered_map<size_t, std::deque<uint64_t>> freed;

size_t RoomFor(size_t size) { return ((size + 15) & ~size_t(15)) + kRedZone; }

uint8_t* At(uint64_t block) { return reinterpret_cast<uint8_t*>(block); }

}  // namespace

void MakeHeap() {
  void* memory = mmap(reinterpret_cast<void*>(0x400000000), kHeapSize, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) End("no memory for the heap");
  base = static_cast<uint8_t*>(memory);
}

uint8_t* HeapBase() { return base; }

uint64_t Allocate(size_t size) {
  std::lock_guard<std::mutex> lock(mutex);
  if (size > kHeapSize / 4) return 0;
  size_t room = RoomFor(size);
  std::deque<uint64_t>& reusable = freed[room];
  uint64_t block;
  if (reusable.size() > kQuarantine) {
    block = reusable.front();
    reusable.pop_front();
    for (size_t i = 0; i < room; i++) {
      if (At(block)[i] != kFreed) End("the guest wrote to what it had freed");
    }
  } else {
    if (used + room > kHeapSize) End("the guest's heap is full");
    block = reinterpret_cast<uint64_t>(base + used);
    used += room;
  }
  memset(At(block), kFresh, room);
  live[block] = size;
  return block;
}

void Free(uint64_t block) {
  if (block == 0) return;
  std::lock_guard<std::mutex> lock(mutex);
  auto found = live.find(block);
  if (found == live.end()) End("the guest freed what it had not allocated");
  size_t size = found->second, room = RoomFor(size);
  for (size_t i = size; i < room; i++) {
    if (At(block)[i] != kFresh) End("the guest wrote beyond a block of its heap");
  }
  live.erase(found);
  memset(At(block), kFreed, room);
  freed[room].push_back(block);
}

size_t SizeOf(uint64_t block) {
  std::lock_guard<std::mutex> lock(mutex);
  auto found = live.find(block);
  if (found == live.end()) End("the guest resized what it had not allocated");
  return found->second;
}

size_t LiveBlocks() {
  std::lock_guard<std::mutex> lock(mutex);
  return live.size();
}

}  // namespace darwin
