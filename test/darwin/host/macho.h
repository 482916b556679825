// Maps a thin Mach-O library into this process and binds it, as dyld does (mach-o/loader.h, dyld's mach_o/). An address
// of the guest is an address of the host.
#pragma once

#include <stdint.h>

#include <functional>
#include <map>
#include <string>
#include <vector>

namespace darwin {

struct Segment {
  std::string name;
  uint64_t address, size;  // within the image
  uint64_t offset, file_size;
  bool readable, writable, executable;
};

struct Image {
  uint8_t* base = nullptr;
  size_t size = 0;
  bool arm64 = false;
  std::vector<Segment> segments;
  std::map<std::string, uint64_t> exports;  // addresses
  int rebases = 0, binds = 0, lazy_binds = 0;

  bool Holds(uint64_t address) const {
    return address - reinterpret_cast<uint64_t>(base) < size;
  }
};

// The address of a symbol that is looked for in the library of that ordinal.
using Resolve = std::function<uint64_t(const std::string& symbol, int ordinal)>;

constexpr int kFlatLookup = -2;

// Whether the file is for arm64; ends the process where it is no Mach-O at all.
bool IsForArm64(const std::vector<uint8_t>& file);

// Ends the process where the file is not one that this loader understands in full.
Image LoadImage(const std::vector<uint8_t>& file, const Resolve& resolve);

}  // namespace darwin
