// An addon for Linux that loads an addon for macOS: DARWIN_IMAGE names it. Its exports are `guest`, and what the guest
// has done: `stats()`, `rules()`, `linuxErrno(number)`.
#include <node_api.h>
#include <stdlib.h>

#include <fstream>
#include <iterator>
#include <mutex>

#include "abi.h"
#include "end.h"
#include "heap.h"
#include "machine.h"
#include "rules.h"

namespace darwin {
namespace {

std::vector<uint8_t> ReadFile(const char* name) {
  std::ifstream in(name, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

// The address of an import: of its trap, which is made at its first mention.
uint64_t Import(const Symbols& known, const std::string& symbol, int ordinal) {
  bool is_nodes = symbol.rfind("_napi_", 0) == 0;
  if (ordinal != (is_nodes ? kFlatLookup : 1)) End(symbol + " is looked for in library " + std::to_string(ordinal));
  std::vector<darwin::Import>& imports = Imports();
  for (size_t i = 0; i < imports.size(); i++) {
    if (imports[i].name == symbol) return TrapOf(i);
  }
  auto found = known.find(symbol);
  if (found == known.end()) End("there is no " + symbol + " in this Darwin: test/darwin/host models it, or it is not used");
  imports.push_back({symbol, found->second, false});
  return TrapOf(imports.size() - 1);
}

void Load() {
  const char* name = getenv("DARWIN_IMAGE");
  if (name == nullptr) End("DARWIN_IMAGE is not set");
  std::vector<uint8_t> file = ReadFile(name);
  if (file.size() < 32) End(std::string("cannot read ") + name);
  const bool arm64 = IsForArm64(file);
  TheImage().arm64 = arm64;
  MakeHeap();
  MakeTraps(arm64);
  Symbols known;
  AddFiles(known);
  AddNames(known);
  AddDirectories(known);
  AddSockets(known);
  AddPeers(known);
  AddProcesses(known);
  AddThreads(known);
  AddMemory(known);
  AddNodeApi(known);
  TheImage() = LoadImage(file, [&](const std::string& symbol, int ordinal) { return Import(known, symbol, ordinal); });
}

// ---- for the tests

void Set(napi_env env, napi_value object, const char* key, double number) {
  napi_value value;
  napi_create_double(env, number, &value);
  napi_set_named_property(env, object, key, value);
}
void Set(napi_env env, napi_value object, const char* key, const char* text) {
  napi_value value;
  napi_create_string_utf8(env, text, NAPI_AUTO_LENGTH, &value);
  napi_set_named_property(env, object, key, value);
}

napi_value Stats(napi_env env, napi_callback_info) {
  napi_value stats, names;
  napi_create_object(env, &stats);
  napi_create_array(env, &names);
  uint32_t called = 0;
  for (const darwin::Import& import : Imports()) {
    if (!import.called) continue;
    napi_value name;
    napi_create_string_utf8(env, import.name.c_str(), NAPI_AUTO_LENGTH, &name);
    napi_set_element(env, names, called++, name);
  }
  napi_set_named_property(env, stats, "called", names);
  Set(env, stats, "arch", TheImage().arm64 ? "arm64" : "x64");
  Set(env, stats, "imports", static_cast<double>(Imports().size()));
  Set(env, stats, "rebases", TheImage().rebases);
  Set(env, stats, "binds", TheImage().binds);
  Set(env, stats, "lazyBinds", TheImage().lazy_binds);
  Set(env, stats, "liveBlocks", static_cast<double>(LiveBlocks()));
  return stats;
}

napi_value RulesOf(napi_env env, napi_callback_info) {
  napi_value rules;
  napi_create_array(env, &rules);
  for (uint32_t i = 0; i < static_cast<uint32_t>(Rule::kCount); i++) {
    const RuleState& state = Rules()[i];
    napi_value rule;
    napi_create_object(env, &rule);
    Set(env, rule, "name", state.name);
    Set(env, rule, "what", state.what);
    Set(env, rule, "source", state.source);
    Set(env, rule, "taken", state.taken);
    napi_set_element(env, rules, i, rule);
  }
  return rules;
}

napi_value LinuxErrno(napi_env env, napi_callback_info info) {
  size_t count = 1;
  int32_t number = 0;
  napi_value argument, result;
  napi_get_cb_info(env, info, &count, &argument, nullptr, nullptr);
  napi_get_value_int32(env, argument, &number);
  napi_create_int32(env, LinuxErrnoOf(number), &result);
  return result;
}

uint64_t Export(const char* symbol) {
  auto found = TheImage().exports.find(symbol);
  if (found == TheImage().exports.end()) End(std::string("the image does not export ") + symbol);
  return found->second;
}

void Define(napi_env env, napi_value exports, const char* name, napi_callback callback) {
  napi_value function;
  napi_create_function(env, name, NAPI_AUTO_LENGTH, callback, nullptr, &function);
  napi_set_named_property(env, exports, name, function);
}

napi_value Init(napi_env env, napi_value exports) {
  static std::once_flag once;
  std::call_once(once, Load);
  napi_value guest;
  napi_create_object(env, &guest);
  Set(env, exports, "nodeApiVersion", static_cast<double>(Run(Export("_node_api_module_get_api_version_v1"), {})));
  uint64_t made = Run(Export("_napi_register_module_v1"), {reinterpret_cast<uint64_t>(env), reinterpret_cast<uint64_t>(guest)});
  napi_set_named_property(env, exports, "guest", reinterpret_cast<napi_value>(made));
  Define(env, exports, "stats", Stats);
  Define(env, exports, "rules", RulesOf);
  Define(env, exports, "linuxErrno", LinuxErrno);
  return exports;
}

}  // namespace
}  // namespace darwin

NAPI_MODULE_INIT() { return darwin::Init(env, exports); }
