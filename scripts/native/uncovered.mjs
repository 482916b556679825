// Lines of the native layer that no test reaches on Linux, and why: checked by `node scripts/tools/coverage.mjs`.

const MEMORY =
  'only where malloc or Node-API has no memory, or in a thread that is being ended, which a test meets by chance';

/** By file, then by the text of the line. @type {Readonly<Record<string, Readonly<Record<string, string>>>>} */
export const UNCOVERED = Object.freeze({
  'native/glue/ensurer.cc': { 'free(check);': MEMORY, 'return Arguments::RejectForMemory(env);': MEMORY },
  'native/glue/call.cc': {
    'napi_delete_async_work(env, work_);': MEMORY,
    'return Arguments::RejectForMemory(env);': MEMORY,
  },
  'native/glue/arguments.h': {
    'static napi_value RejectForMemory(napi_env env) {': MEMORY,
    'napi_throw_error(env, "ENOMEM", "ENOMEM: not enough memory, boxsockets");': MEMORY,
    'return nullptr;': MEMORY,
  },
});
