// libFuzzer as an addon of Node, for what parses bytes in TypeScript: see
// scripts/native/fuzz/javascript.mjs. The counters that libFuzzer looks at lie in an array that
// the instrumented JavaScript counts in.
#include <napi.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <string>
#include <vector>

// NOLINTBEGIN(bugprone-reserved-identifier): what libFuzzer calls itself
extern "C" int LLVMFuzzerRunDriver(int* argc, char*** argv, int (*target)(const uint8_t*, size_t));
extern "C" void __sanitizer_cov_8bit_counters_init(uint8_t* start, uint8_t* stop);
extern "C" void __sanitizer_cov_pcs_init(const uintptr_t* start, const uintptr_t* stop);
// NOLINTEND(bugprone-reserved-identifier)

namespace boxsockets::fuzz {
namespace {

// libFuzzer's target has no argument for them.
const Napi::Function* target;
uint8_t* input;
size_t input_size;

int RunTarget(const uint8_t* data, size_t size) {
  if (size > input_size) return -1;
  Napi::Env env = target->Env();
  Napi::HandleScope scope(env);
  if (size > 0) memcpy(input, data, size);
  target->Call({Napi::Number::New(env, static_cast<double>(size))});
  if (!env.IsExceptionPending()) return 0;
  Napi::Value stack = env.GetAndClearPendingException().Value().Get("stack");
  fprintf(stderr, "%s\n", stack.ToString().Utf8Value().c_str());
  abort();  // libFuzzer keeps the input and ends the process.
}

// What each counter belongs to is of no interest, but what has no address counts for nothing.
void CountIn(uint8_t* counters, size_t count) {
  static std::vector<uintptr_t> addresses;
  for (size_t i = 0; i < count; i++) {
    addresses.push_back(i + 1);
    addresses.push_back(0);
  }
  __sanitizer_cov_8bit_counters_init(counters, counters + count);
  __sanitizer_cov_pcs_init(addresses.data(), addresses.data() + addresses.size());
}

// (arguments: string[], counters: Uint8Array, input: Uint8Array, target: (size: number) => void)
Napi::Value Run(const Napi::CallbackInfo& info) {
  Napi::Array strings = info[0].As<Napi::Array>();
  std::vector<std::string> arguments;
  for (uint32_t i = 0; i < strings.Length(); i++) {
    arguments.push_back(strings.Get(i).ToString().Utf8Value());
  }
  std::vector<char*> pointers;
  pointers.reserve(arguments.size() + 1);
  for (std::string& argument : arguments) pointers.push_back(argument.data());
  pointers.push_back(nullptr);
  auto counters = info[1].As<Napi::Uint8Array>();
  auto buffer = info[2].As<Napi::Uint8Array>();
  auto function = info[3].As<Napi::Function>();
  CountIn(counters.Data(), counters.ByteLength());
  input = buffer.Data();
  input_size = buffer.ByteLength();
  target = &function;
  // libFuzzer ends by exit(), from within JavaScript, which Node does not expect.
  on_exit([](int status, void*) { _exit(status); }, nullptr);
  int argc = static_cast<int>(arguments.size());
  char** argv = pointers.data();
  return Napi::Number::New(info.Env(), LLVMFuzzerRunDriver(&argc, &argv, RunTarget));
}

Napi::Object Init(Napi::Env env, Napi::Object exports) {
  exports.Set("run", Napi::Function::New(env, Run));
  return exports;
}

NODE_API_MODULE(js_driver, Init)

}  // namespace
}  // namespace boxsockets::fuzz
