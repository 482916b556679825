/** Runs a task on each item, so many at once; the results are in the order of the items. */
export async function inParallel<T, R>(
  workers: number,
  items: readonly T[],
  task: (item: T, index: number) => Promise<R>,
): Promise<R[]> {
  const results: R[] = new Array(items.length);
  const queue = items.entries();
  const worker = async () => {
    for (const [index, item] of queue) results[index] = await task(item, index);
  };
  await Promise.all(Array.from({ length: workers }, worker));
  return results;
}
