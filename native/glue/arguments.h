// Arguments in. The TypeScript facade has validated them; what still does not fit is a TypeError.
#pragma once

#include <node_api.h>

#include "../posix/paths.h"
#include "../posix/vec.h"

namespace boxsockets {

// A path in a buffer of its own. One that is longer than any path may be is cut behind PATH_MAX
// bytes, so that the kernel answers ENAMETOOLONG as it would have for the whole. Cutting is done
// between characters, so up to three bytes of the room stay empty.
struct PathArgument {
  char data[PATH_MAX + 1 + 3];
};

class Arguments {
 public:
  Arguments(napi_env env, napi_callback_info info) : env_(env) {
    ok_ = napi_get_cb_info(env, info, &count_, values_, nullptr, &data_) == napi_ok;
  }

  napi_env env() const { return env_; }
  bool ok() const { return ok_; }
  // What the function was defined with.
  void* data() const { return data_; }

  void Next(PathArgument* out) {
    size_t size;
    Check(napi_get_value_string_utf8(env_, Take(), out->data, sizeof out->data, &size));
  }
  void Next(bool* out) { Check(napi_get_value_bool(env_, Take(), out)); }
  void Next(uint32_t* out) { Check(napi_get_value_uint32(env_, Take(), out)); }
  void Next(int64_t* out) { Check(napi_get_value_int64(env_, Take(), out)); }

  // A BigInt.
  void Next(uint64_t* out) {
    bool lossless;
    Check(napi_get_value_bigint_uint64(env_, Take(), out, &lossless));
  }

  // The bytes of a Uint8Array.
  void Next(Vec<char>* out) {
    napi_typedarray_type type;
    size_t length;
    void* data;
    Check(napi_get_typedarray_info(env_, Take(), &type, &length, &data, nullptr, nullptr));
    ok_ = ok_ && type == napi_uint8_array && out->Append(static_cast<char*>(data), length);
  }

  // An array of strings.
  void Next(Strings* strings, Vec<size_t>* offsets) {
    napi_value array = Take();
    uint32_t length = 0;
    Check(napi_get_array_length(env_, array, &length));
    for (uint32_t i = 0; i < length && ok_; i++) {
      napi_value item;
      PathArgument text;
      size_t size, offset;
      Check(napi_get_element(env_, array, i, &item));
      if (!ok_) return;
      Check(napi_get_value_string_utf8(env_, item, text.data, sizeof text.data, &size));
      if (ok_ && !(strings->Add(text.data, &offset) && offsets->Append(offset))) ok_ = false;
    }
  }

  napi_value Reject() {
    napi_throw_type_error(env_, "ERR_INVALID_ARG_TYPE", "boxsockets: invalid native argument");
    return nullptr;
  }
  static napi_value RejectForMemory(napi_env env) {
    napi_throw_error(env, "ENOMEM", "ENOMEM: not enough memory, boxsockets");
    return nullptr;
  }

 private:
  static constexpr size_t kMost = 9;

  napi_value Take() { return next_ < kMost ? values_[next_++] : values_[kMost - 1]; }
  void Check(napi_status status) { ok_ = ok_ && status == napi_ok; }

  napi_env env_;
  napi_value values_[kMost];
  void* data_ = nullptr;
  size_t count_ = kMost;
  size_t next_ = 0;
  bool ok_;
};

}  // namespace boxsockets
