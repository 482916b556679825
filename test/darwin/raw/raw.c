// An addon for macOS that does what ours does not: calls XNU where it is dangerous, and breaks Apple's conventions. By
// it the tests see the rules that our code never meets, and that the host's guards can fail.
#include <errno.h>
#include <fcntl.h>
#include <node_api.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static int BindAt(const char *path) {
  struct sockaddr_un address = {0};
  int fd = socket(AF_UNIX, SOCK_STREAM, 0), result;
  size_t size = strlen(path);
  address.sun_family = AF_UNIX;
  memcpy(address.sun_path, path, size);
  address.sun_len = (unsigned char)(size + 2);
  result = bind(fd, (struct sockaddr *)&address, address.sun_len) == 0 ? 0 : errno;
  close(fd);
  return result;
}

static int ChmodSocket(const char *path) {
  int fd = socket(AF_UNIX, SOCK_STREAM, 0), result = fchmod(fd, 0600) == 0 ? 0 : errno;
  close(fd);
  return result + (path == NULL);
}

static int UnlinkDirectory(const char *path) { return unlink(path) == 0 ? 0 : errno; }

// What a call may change is changed: 1 is put into such a register, and what is there after a call returned.
__attribute__((naked)) static int KeptByACall(const char *path) {
#if defined(__aarch64__)
  __asm__ volatile("stp x29, x30, [sp, #-16]!\n mov w9, #1\n bl _getpid\n mov w0, w9\n ldp x29, x30, [sp], #16\n ret");
#else
  __asm__ volatile("push %rbp\n mov $1, %ecx\n call _getpid\n mov %ecx, %eax\n pop %rbp\n ret");
#endif
}

// ---- what must end the process

static int UnknownFlag(const char *path) { return open(path, 0x10000000); }
static int StrayWrite(const char *path) {
  volatile char *volatile nowhere = (char *)(uintptr_t)(path[0] + 4096);
  *nowhere = 1;
  return 0;
}
static int ConstWrite(const char *path) {
  static const char kText[] = "in __TEXT";
  volatile char *volatile constant = (char *)&kText[path[0] & 1];
  *constant = 1;
  return 0;
}
static int HeapOverflow(const char *path) {
  volatile char *volatile block = malloc(24);
  for (int i = 0; i < 28; i++) block[i] = path[0];
  free((void *)block);
  return 0;
}
static int DoubleFree(const char *path) {
  char *volatile block = malloc(24);
  free(block);
  free(block);
  return path[0];
}
__attribute__((naked)) static napi_value KeepsNoRegister(napi_env env, napi_callback_info info) {
#if defined(__aarch64__)
  __asm__ volatile("mov x19, #1\n ret");
#else
  __asm__ volatile("mov $1, %ebx\n ret");
#endif
}

typedef int (*Body)(const char *);

static napi_value Call(napi_env env, napi_callback_info info) {
  size_t count = 1, size;
  napi_value argument, result;
  void *data;
  char path[512];
  napi_get_cb_info(env, info, &count, &argument, NULL, &data);
  napi_get_value_string_utf8(env, argument, path, sizeof path, &size);
  napi_create_int32(env, ((Body)data)(path), &result);
  return result;
}

static void Define(napi_env env, napi_value exports, const char *name, Body body) {
  napi_value function;
  napi_create_function(env, name, NAPI_AUTO_LENGTH, Call, (void *)body, &function);
  napi_set_named_property(env, exports, name, function);
}

__attribute__((visibility("default"))) int32_t node_api_module_get_api_version_v1(void) { return 8; }
__attribute__((visibility("default"))) napi_value napi_register_module_v1(napi_env env, napi_value exports) {
  napi_value function;
  Define(env, exports, "bindAt", BindAt);
  Define(env, exports, "chmodSocket", ChmodSocket);
  Define(env, exports, "unlinkDirectory", UnlinkDirectory);
  Define(env, exports, "keptByACall", KeptByACall);
  Define(env, exports, "unknownFlag", UnknownFlag);
  Define(env, exports, "strayWrite", StrayWrite);
  Define(env, exports, "constWrite", ConstWrite);
  Define(env, exports, "heapOverflow", HeapOverflow);
  Define(env, exports, "doubleFree", DoubleFree);
  napi_create_function(env, "keepsNoRegister", NAPI_AUTO_LENGTH, KeepsNoRegister, NULL, &function);
  napi_set_named_property(env, exports, "keepsNoRegister", function);
  return exports;
}
