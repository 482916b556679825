// Which of the binaries is this machine's.

/** @returns {string} below the checkout; the names are those of the loader's literal calls */
export function fileOfThisMachine() {
  const folder = `prebuilds/${process.platform}-${process.arch}`;
  if (process.platform !== 'linux') return `${folder}/boxsockets.node`;
  const report = /** @type {{ header: Record<string, unknown> }} */ (process.report.getReport());
  return `${folder}/boxsockets.${'glibcVersionRuntime' in report.header ? 'glibc' : 'musl'}.node`;
}
