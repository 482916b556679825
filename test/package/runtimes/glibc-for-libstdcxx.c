// What Debian's libstdc++ and libgcc_s ask of glibc and musl does not have. For tests alone: enough to start Bun's
// musl build where Alpine's libstdc++ is not at hand.

#include <locale.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/auxv.h>
#include <sys/random.h>
#include <time.h>

char __libc_single_threaded = 0;
unsigned int __cpu_model[4];

int __cpu_indicator_init(void) { return 0; }

unsigned long __getauxval(unsigned long type) { return getauxval(type); }

uint32_t arc4random(void) {
  uint32_t number = 0;
  getrandom(&number, sizeof number, 0);
  return number;
}

size_t __strftime_l(char* restrict text, size_t size, const char* restrict format, const struct tm* restrict time,
                    locale_t locale) {
  return strftime_l(text, size, format, time, locale);
}

// Destructors of thread-local objects are not run.
int __cxa_thread_atexit_impl(void (*destroy)(void*), void* object, void* library) {
  (void)destroy, (void)object, (void)library;
  return 0;
}

// Not found: the unwinder then asks dl_iterate_phdr().
int _dl_find_object(void* address, void* result) {
  (void)address, (void)result;
  return -1;
}
