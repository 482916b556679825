// Rows in memory: what SQLite takes is not asked.

module.exports = function noStore() {
  /** @type {Map<string, import('../../dist/runtime/index.js').BoxRow>} */
  const rows = new Map();
  return {
    get: async (/** @type {string} */ id) => rows.get(id),
    async *pages() {
      yield [...rows.values()];
    },
    insert: async (/** @type {import('../../dist/runtime/index.js').BoxRow} */ row) => void rows.set(row.id, row),
    update: async () => true,
    delete: async (/** @type {string} */ id) => rows.delete(id),
    close: async () => {},
  };
};
