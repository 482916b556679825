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

// A JavaScript value that an argument is, or that lies in one. Where it is not of the type that is
// asked for, `ok` becomes false, and stays it.
class Input {
 public:
  Input(napi_env env, napi_value value, bool* ok) : env_(env), value_(value), ok_(ok) {}

  // The member `name` of an object.
  Input Get(const char* name) const {
    napi_value value = nullptr;
    napi_valuetype type = napi_undefined;
    if (*ok_) Check(napi_typeof(env_, value_, &type));
    *ok_ = *ok_ && type == napi_object;
    if (*ok_) Check(napi_get_named_property(env_, value_, name, &value));
    return {env_, value, ok_};
  }
  template <typename T>
  void Get(const char* name, T* out) const {
    Get(name).Read(out);
  }
  // Several of them, by turns a name and where its value goes.
  template <typename T, typename... Rest>
  [[gnu::always_inline]] void Get(const char* name, T* out, Rest... rest) const {
    Get(name, out);
    Get(rest...);
  }

  uint32_t length() const {
    uint32_t length = 0;
    if (*ok_) Check(napi_get_array_length(env_, value_, &length));
    return *ok_ ? length : 0;
  }
  Input at(uint32_t index) const {
    napi_value value = nullptr;
    if (*ok_) Check(napi_get_element(env_, value_, index, &value));
    return {env_, value, ok_};
  }

  void Read(PathArgument* out) const {
    size_t size;
    if (*ok_) Check(napi_get_value_string_utf8(env_, value_, out->data, sizeof out->data, &size));
  }
  void Read(bool* out) const {
    if (*ok_) Check(napi_get_value_bool(env_, value_, out));
  }
  void Read(uint32_t* out) const {
    if (*ok_) Check(napi_get_value_uint32(env_, value_, out));
  }
  void Read(int32_t* out) const {
    if (*ok_) Check(napi_get_value_int32(env_, value_, out));
  }
  void Read(int64_t* out) const {
    if (*ok_) Check(napi_get_value_int64(env_, value_, out));
  }
  // A BigInt.
  void Read(uint64_t* out) const {
    bool lossless;
    if (*ok_) Check(napi_get_value_bigint_uint64(env_, value_, out, &lossless));
  }
  // The bytes of a Uint8Array.
  void Read(Vec<char>* out) const {
    napi_typedarray_type type = napi_int8_array;
    size_t length = 0;
    void* data = nullptr;
    if (*ok_) {
      Check(napi_get_typedarray_info(env_, value_, &type, &length, &data, nullptr, nullptr));
    }
    *ok_ = *ok_ && type == napi_uint8_array && out->Append(static_cast<char*>(data), length);
  }

 private:
  void Check(napi_status status) const { *ok_ = *ok_ && status == napi_ok; }

  napi_env env_;
  napi_value value_;
  bool* ok_;
};

class Arguments {
 public:
  Arguments(napi_env env, napi_callback_info info) : env_(env) {
    ok_ = napi_get_cb_info(env, info, &count_, values_, nullptr, &data_) == napi_ok;
  }
  Arguments(const Arguments&) = delete;
  Arguments& operator=(const Arguments&) = delete;

  napi_env env() const { return env_; }
  bool ok() const { return ok_; }
  // What the function was defined with.
  void* data() const { return data_; }

  Input Next() { return {env_, values_[next_ < kMost ? next_++ : kMost - 1], &ok_}; }
  template <typename T>
  void Next(T* out) {
    Next().Read(out);
  }
  template <typename First, typename... Rest>
  [[gnu::always_inline]] void Next(First* first, Rest*... rest) {
    Next(first);
    Next(rest...);
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
  static constexpr size_t kMost = 8;

  napi_env env_;
  napi_value values_[kMost];
  void* data_ = nullptr;
  size_t count_ = kMost;
  size_t next_ = 0;
  bool ok_;
};

}  // namespace boxsockets
