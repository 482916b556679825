// No floor: it sets the scene for contenders. What it touches is in the caches of its own
// processor, as far from the one contender as from the other.
//
// links fill PARENT COUNT EVEN ODD: makes what is missing of COUNT links, which lead to EVEN and to
// ODD by turns. links clear PARENT: removes all links.
#include "locked.h"

int main(int argc, char** argv) {
  Must(argc >= 3, "usage");
  int parent = open(argv[2], O_PATH | O_DIRECTORY | O_CLOEXEC);
  Must(parent >= 0, "open");
  if (argc == 6) {
    char name[32];
    for (int i = 0; i < atoi(argv[3]); i++) {
      snprintf(name, sizeof name, "box-%d", i);
      Must(symlinkat(argv[4 + i % 2], parent, name) == 0 || errno == EEXIST, "symlinkat");
    }
  } else {
    ReadDirectory(parent, ".", [](int directory, const char* name) {
      if (name[0] != '.') Must(unlinkat(directory, name, 0) == 0, "unlinkat");
    });
  }
  close(parent);
  return 0;
}
