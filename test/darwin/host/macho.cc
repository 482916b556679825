#include "macho.h"

#include <string.h>
#include <sys/mman.h>

#include "end.h"
#include "stream.h"

namespace darwin {
namespace {

constexpr uint32_t kMagic = 0xfeedfacf, kArm64 = 0x0100000c, kX64 = 0x01000007;
constexpr uint32_t kSegment = 0x19, kDyldInfo = 0x80000022, kChainedFixups = 0x80000034;
constexpr uint32_t kReadOnlyAfterFixups = 0x10;  // SG_READ_ONLY
constexpr uint8_t kPointer = 1;                  // the only type of a rebase or a bind on 64 bits

// Where the next pointer is that is rebased or bound.
class Place {
 public:
  explicit Place(Image& image) : image_(image) {}
  void Set(size_t segment, uint64_t offset) {
    segment_ = segment;
    offset_ = offset;
  }
  void Skip(uint64_t bytes) { offset_ += bytes; }
  uint64_t* Pointer() const {
    if (segment_ >= image_.segments.size()) End("a pointer in a segment that there is not");
    const Segment& segment = image_.segments[segment_];
    if (offset_ + 8 > segment.size) End("a pointer outside of its segment");
    // dyld makes no page writable for a fixup that is not in __DATA or __DATA_CONST.
    if (segment.executable) End("a pointer in code");
    return reinterpret_cast<uint64_t*>(image_.base + segment.address + offset_);
  }

 private:
  Image& image_;
  size_t segment_ = 0;
  uint64_t offset_ = 0;
};

// REBASE_OPCODE_…
void Rebase(Image& image, Stream stream) {
  Place place(image);
  auto rebase = [&](uint64_t count, uint64_t skip) {
    for (; count > 0; count--) {
      uint64_t* pointer = place.Pointer();
      if (*pointer >= image.size) End("a rebase of what is no address");
      *pointer += reinterpret_cast<uint64_t>(image.base);
      image.rebases++;
      place.Skip(8 + skip);
    }
  };
  while (!stream.done()) {
    uint8_t byte = stream.Byte(), immediate = byte & 0xf;
    switch (byte & 0xf0) {
      case 0x00: return;
      case 0x10: if (immediate != kPointer) End("a rebase of an unknown type"); break;
      case 0x20: place.Set(immediate, stream.Unsigned()); break;
      case 0x30: place.Skip(stream.Unsigned()); break;
      case 0x40: place.Skip(uint64_t(immediate) * 8); break;
      case 0x50: rebase(immediate, 0); break;
      case 0x60: rebase(stream.Unsigned(), 0); break;
      case 0x70: rebase(1, stream.Unsigned()); break;
      case 0x80: {
        uint64_t count = stream.Unsigned();
        rebase(count, stream.Unsigned());
        break;
      }
      default: End("an unknown rebase opcode");
    }
  }
}

// BIND_OPCODE_…; every lazy one is bound at once, as by DYLD_BIND_AT_LAUNCH.
void Bind(Image& image, Stream stream, int* counter, bool lazy, const Resolve& resolve) {
  Place place(image);
  std::string symbol;
  int ordinal = 0;
  int64_t addend = 0;
  auto bind = [&](uint64_t count, uint64_t skip) {
    for (; count > 0; count--) {
      *place.Pointer() = resolve(symbol, ordinal) + static_cast<uint64_t>(addend);
      ++*counter;
      place.Skip(8 + skip);
    }
  };
  while (!stream.done()) {
    uint8_t byte = stream.Byte(), immediate = byte & 0xf;
    switch (byte & 0xf0) {
      case 0x00: if (!lazy) return; break;  // of a lazy one: its end
      case 0x10: ordinal = immediate; break;
      case 0x20: ordinal = static_cast<int>(stream.Unsigned()); break;
      case 0x30: ordinal = immediate == 0 ? 0 : static_cast<int8_t>(0xf0 | immediate); break;
      case 0x40: symbol = stream.Text(); break;
      case 0x50: if (immediate != kPointer) End("a bind of an unknown type"); break;
      case 0x60: addend = stream.Signed(); break;
      case 0x70: place.Set(immediate, stream.Unsigned()); break;
      case 0x80: place.Skip(stream.Unsigned()); break;
      case 0x90: bind(1, 0); break;
      case 0xa0: bind(1, stream.Unsigned()); break;
      case 0xb0: bind(1, uint64_t(immediate) * 8); break;
      case 0xc0: {
        uint64_t count = stream.Unsigned();
        bind(count, stream.Unsigned());
        break;
      }
      default: End("an unknown bind opcode");
    }
  }
}

void ReadExports(Image& image, Stream stream, uint64_t node, const std::string& prefix) {
  if (prefix.size() > 200) End("an export with an endless name");
  stream.Seek(node);
  uint64_t size = stream.Unsigned(), children = stream.Tell() + size;
  if (size > 0 && stream.Unsigned() == 0) {
    image.exports[prefix] = reinterpret_cast<uint64_t>(image.base) + stream.Unsigned();
  }
  stream.Seek(children);
  for (uint8_t count = stream.Byte(); count > 0; count--) {
    std::string edge = stream.Text();
    uint64_t child = stream.Unsigned();
    ReadExports(image, stream, child, prefix + edge);
  }
}

void Protect(const Image& image) {
  for (const Segment& segment : image.segments) {
    int protection = (segment.readable ? PROT_READ : 0) | (segment.writable ? PROT_WRITE : 0) |
                     (segment.executable && !image.arm64 ? PROT_EXEC : 0);
    if (mprotect(image.base + segment.address, segment.size, protection) != 0) {
      End("mprotect of a segment");
    }
  }
}

}  // namespace

bool IsForArm64(const std::vector<uint8_t>& file) {
  Reader reader(file);
  if (reader.U32(0) != kMagic) End("no Mach-O of 64 bits");
  uint32_t cpu = reader.U32(4);
  if (cpu != kArm64 && cpu != kX64) End("a Mach-O for another processor");
  return cpu == kArm64;
}

Image LoadImage(const std::vector<uint8_t>& file, const Resolve& resolve) {
  Image image;
  Reader reader(file);
  image.arm64 = IsForArm64(file);
  const uint64_t kPage = image.arm64 ? 0x4000 : 0x1000;
  uint64_t at = 32, info = 0, top = 0;
  for (uint32_t i = 0; i < reader.U32(16); i++, at += reader.U32(at + 4)) {
    uint32_t command = reader.U32(at);
    if (command == kDyldInfo) info = at;
    if (command == kChainedFixups) End("chained fixups, which macOS 11 takes and this loader does not");
    if (command != kSegment) continue;
    std::string name(reinterpret_cast<const char*>(reader.Range(at + 8, 16)), 16);
    uint32_t protection = reader.U32(at + 60), flags = reader.U32(at + 68);
    image.segments.push_back({name.substr(0, name.find('\0')), reader.U64(at + 24),
                              (reader.U64(at + 32) + kPage - 1) & ~(kPage - 1), reader.U64(at + 40),
                              reader.U64(at + 48), (protection & 1) != 0,
                              (protection & 2) != 0 && (flags & kReadOnlyAfterFixups) == 0,
                              (protection & 4) != 0});
    const Segment& segment = image.segments.back();
    if (segment.address % kPage != 0 || segment.file_size > segment.size) End("a segment out of place");
    if (segment.address + segment.size > top) top = segment.address + segment.size;
  }
  if (info == 0) End("no LC_DYLD_INFO");
  image.size = top;
  void* memory = mmap(reinterpret_cast<void*>(0x200000000), image.size + kPage,
                      PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) End("no memory for the image");
  image.base = reinterpret_cast<uint8_t*>((reinterpret_cast<uint64_t>(memory) + kPage - 1) & ~(kPage - 1));
  for (const Segment& segment : image.segments) {
    memcpy(image.base + segment.address, reader.Range(segment.offset, segment.file_size), segment.file_size);
  }
  auto stream = [&](uint64_t field) {
    uint32_t offset = reader.U32(info + field), size = reader.U32(info + field + 4);
    return Stream(reader.Range(offset, size), size);
  };
  if (reader.U32(info + 28) != 0) End("weak binds");
  Rebase(image, stream(8));
  Bind(image, stream(16), &image.binds, false, resolve);
  Bind(image, stream(32), &image.lazy_binds, true, resolve);
  ReadExports(image, stream(40), 0, "");
  Protect(image);
  return image;
}

}  // namespace darwin
