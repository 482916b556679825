// Reads what ctest --output-junit wrote.

/**
 * @typedef {object} Test
 * @property {string} name
 * @property {'passed' | 'failed' | 'skipped'} outcome
 * @property {string} output
 */

const ENTITIES = new Map([
  ['lt', '<'],
  ['gt', '>'],
  ['quot', '"'],
  ['apos', "'"],
  ['amp', '&'],
]);

/**
 * @param {string} xml
 * @returns {Test[]}
 */
export function parseJunit(xml) {
  return [...xml.matchAll(/<testcase ([^>]*?)(?:\/>|>(.*?)<\/testcase>)/gs)].map(([, attributes = '', body = '']) => {
    const output = decode(body.match(/<system-out>(.*?)<\/system-out>/s)?.[1] ?? '');
    const status = attributes.match(/\bstatus="([^"]*)"/)?.[1];
    return {
      name: decode(attributes.match(/\bname="([^"]*)"/)?.[1] ?? ''),
      outcome: outcomeOf(status, output),
      output,
    };
  });
}

/**
 * @param {string | undefined} status ctest's word; `notrun` is that of a missing program too
 * @param {string} output
 * @returns {Test['outcome']}
 */
function outcomeOf(status, output) {
  if (status === 'run') return 'passed';
  return status === 'notrun' && output.includes('SKIPPED: ') ? 'skipped' : 'failed';
}

/** @param {string} text */
function decode(text) {
  return text.replace(/&(\w+);/g, (whole, name) => ENTITIES.get(name) ?? whole);
}
