// What a mutant calls in place of what does something again.
#pragma once

template <typename Work>
auto Once(Work work) {
  return work();
}
