// Reading a Mach-O file, and the streams in its __LINKEDIT, within their bounds.
#pragma once

#include <stdint.h>
#include <string.h>

#include <string>
#include <vector>

#include "end.h"

namespace darwin {

// Reads a file within its bounds.
class Reader {
 public:
  explicit Reader(const std::vector<uint8_t>& file) : file_(file) {}
  template <typename T>
  T At(uint64_t offset) const {
    T value;
    memcpy(&value, Range(offset, sizeof value), sizeof value);
    return value;
  }
  uint32_t U32(uint64_t offset) const { return At<uint32_t>(offset); }
  uint64_t U64(uint64_t offset) const { return At<uint64_t>(offset); }
  const uint8_t* Range(uint64_t offset, uint64_t size) const {
    if (offset + size > file_.size() || offset + size < offset) End("the file ends in the middle");
    return file_.data() + offset;
  }

 private:
  const std::vector<uint8_t>& file_;
};

// A stream of opcodes, or the trie of exports.
class Stream {
 public:
  Stream(const uint8_t* begin, uint64_t size) : begin_(begin), at_(begin), end_(begin + size) {}
  bool done() const { return at_ >= end_; }
  void Seek(uint64_t offset) { at_ = begin_ + offset; }
  uint64_t Tell() const { return static_cast<uint64_t>(at_ - begin_); }

  uint8_t Byte() {
    if (done()) End("a stream of the linker's ends in the middle");
    return *at_++;
  }
  uint64_t Unsigned() {
    uint64_t value = 0;
    for (int shift = 0;; shift += 7) {
      uint8_t byte = Byte();
      value |= uint64_t(byte & 0x7f) << shift;
      if ((byte & 0x80) == 0) return value;
    }
  }
  int64_t Signed() {
    int64_t value = 0;
    int shift = 0;
    uint8_t byte;
    do {
      byte = Byte();
      value |= int64_t(byte & 0x7f) << shift;
      shift += 7;
    } while ((byte & 0x80) != 0);
    return (byte & 0x40) != 0 ? value | -(int64_t(1) << shift) : value;
  }
  std::string Text() {
    std::string text;
    for (char c = static_cast<char>(Byte()); c != '\0'; c = static_cast<char>(Byte())) text += c;
    return text;
  }

 private:
  const uint8_t* const begin_;
  const uint8_t* at_;
  const uint8_t* const end_;
};

}  // namespace darwin
