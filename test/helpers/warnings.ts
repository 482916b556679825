import { onTestFinished } from 'vitest';

/** The warnings of this process, from now until the end of the test. */
export function hearWarnings(): (Error & { code?: string })[] {
  const heard: Error[] = [];
  const onWarning = (warning: Error): void => void heard.push(warning);
  process.on('warning', onWarning);
  onTestFinished(() => void process.off('warning', onWarning));
  return heard;
}
