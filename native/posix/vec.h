// A growable array of plain values over malloc: std::vector would need the C++ runtime.
#pragma once

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <type_traits>

namespace boxsockets {

template <typename T>
class Vec {
  static_assert(std::is_trivially_copyable<T>::value, "moved with realloc");

 public:
  Vec() = default;
  ~Vec() { free(data_); }
  Vec(const Vec&) = delete;
  Vec& operator=(const Vec&) = delete;

  // False where memory is short; the array is then as it was.
  [[nodiscard]] bool Append(const T* items, size_t count) {
    if (size_ + count > capacity_ && !Grow(size_ + count)) return false;
    if (count > 0) memcpy(data_ + size_, items, count * sizeof(T));
    size_ += count;
    return true;
  }
  [[nodiscard]] bool Append(const T& item) { return Append(&item, 1); }

  const T* data() const { return data_; }
  T* data() { return data_; }
  size_t size() const { return size_; }
  const T& operator[](size_t index) const { return data_[index]; }
  T& operator[](size_t index) { return data_[index]; }
  const T* begin() const { return data_; }
  const T* end() const { return data_ + size_; }
  T* begin() { return data_; }
  T* end() { return data_ + size_; }

 private:
  bool Grow(size_t wanted) {
    size_t capacity = capacity_ == 0 ? 16 : capacity_ * 2;
    if (capacity < wanted) capacity = wanted;
    void* data = realloc(data_, capacity * sizeof(T));
    if (data == nullptr) return false;
    data_ = static_cast<T*>(data);
    capacity_ = capacity;
    return true;
  }

  T* data_ = nullptr;
  size_t size_ = 0;
  size_t capacity_ = 0;
};

// Strings one after another, each with its NUL, named by their offset.
class Strings {
 public:
  [[nodiscard]] bool Add(const char* text, size_t* offset) {
    *offset = bytes_.size();
    return bytes_.Append(text, strlen(text) + 1);
  }
  const char* at(size_t offset) const { return bytes_.data() + offset; }

 private:
  Vec<char> bytes_;
};

}  // namespace boxsockets
