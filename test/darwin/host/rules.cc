#include "rules.h"

#include <stdlib.h>

#include <string>

namespace darwin {
namespace {

RuleState states[] = {
#define DARWIN_RULE(name, what, source) {#name, what, source, 0},
    DARWIN_RULES(DARWIN_RULE)
#undef DARWIN_RULE
};

}  // namespace

void Took(Rule rule) { __atomic_add_fetch(&states[static_cast<size_t>(rule)].taken, 1, __ATOMIC_RELAXED); }

bool IsOn(const char* option) { return getenv((std::string("DARWIN_") + option).c_str()) != nullptr; }

const RuleState* Rules() { return states; }

}  // namespace darwin
