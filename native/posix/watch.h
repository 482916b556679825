// Looking at what may never answer, as files of a server that hangs: on threads that are given up.
#pragma once

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <new>

namespace boxsockets {

inline constexpr int64_t kAnswerTimeoutMs = 2000;

// The items are looked at one after another on a thread of its own; where one does not answer for a
// moment, another thread goes on with the rest. What takes longer than the timeout is given up: its
// thread stays behind until the call that it waits for returns, and blocks nothing.
class Watch {
 public:
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

  // The first `count` of them.
  void Run(size_t count, int64_t timeout_ms);
  void LookNow(size_t count);
  // Whether the item was looked at in time. Another one is not to be touched any more.
  bool Answered(size_t index) const;
  // To be called by a look before it changes anything, and after, where it goes on looking: an item
  // is not given up between the two. False where it has been, and is not the look's any more.
  bool Claim(size_t index);
  void Unclaim(size_t index);
  // To be called once by whoever made it. The last thread that looks frees it all.
  void Release();

 protected:
  struct Type {
    void (*look)(Watch* watch, size_t index);
    void (*destroy)(Watch* watch);
  };
  Watch(const Type* type, int64_t* states);
  ~Watch();

 private:
  static void* Work(void* data);
  bool StartThread(pthread_t* thread);
  void LookAtTheRest();
  bool Poll(int64_t timeout_ms, int64_t last_start, bool* start_another);
  void Wait();

  const Type* const type_;
  size_t count_ = 0;
  // What follows is guarded by the mutex. Of each item: not begun, since when it is looked at,
  // claimed, done, or given up.
  int64_t* const states_;
  size_t next_ = 0;
  int users_ = 1;
  bool gave_up_ = false;
  mutable pthread_mutex_t mutex_ = PTHREAD_MUTEX_INITIALIZER;
  pthread_cond_t changed_;
};

// A watch over items of one type, which live as long as it does, and what is given for all of them.
template <typename Item, typename Shared>
class WatchOver : public Watch {
 public:
  using Look = void (*)(WatchOver* watch, size_t index);

  // Null where memory is short.
  static WatchOver* New(size_t capacity, Look look) {
    size_t size = sizeof(WatchOver) + capacity * (sizeof(Item) + sizeof(int64_t));
    void* memory = malloc(size);
    return memory == nullptr ? nullptr : new (memory) WatchOver(capacity, look);
  }

  Shared shared;
  Item& operator[](size_t index) { return items_[index]; }

 private:
  // Of functions that capture nothing: a constant.
  // NOLINTNEXTLINE(bugprone-dynamic-static-initializers)
  static constexpr Type kType = {
      [](Watch* watch, size_t index) {
        WatchOver* self = static_cast<WatchOver*>(watch);
        self->look_(self, index);
      },
      [](Watch* watch) {
        WatchOver* self = static_cast<WatchOver*>(watch);
        for (size_t i = 0; i < self->capacity_; i++) self->items_[i].~Item();
        self->~WatchOver();
        free(self);
      },
  };

  WatchOver(size_t capacity, Look look)
      : Watch(&kType, reinterpret_cast<int64_t*>(this + 1)),
        look_(look),
        capacity_(capacity),
        items_(reinterpret_cast<Item*>(reinterpret_cast<int64_t*>(this + 1) + capacity)) {
    static_assert(alignof(Item) <= alignof(int64_t), "lies behind the states");
    for (size_t i = 0; i < capacity; i++) {
      reinterpret_cast<int64_t*>(this + 1)[i] = 0;
      new (&items_[i]) Item;
    }
  }
  ~WatchOver() = default;

  const Look look_;
  const size_t capacity_;
  Item* const items_;
};

}  // namespace boxsockets
