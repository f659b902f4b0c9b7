// What a hook needs beside its own code: JSON instead of bytes, and failures as exceptions.

import { get, list } from 'orkestra:host/cluster-read@0.1.0';
import { log as line } from 'orkestra:host/log@0.1.0';

/**
 * What the hook is told.
 *
 * @typedef {object} Request
 * @property {string} entry the entry of the Katalog
 * @property {any} primary the resource, as the API server has it
 * @property {any} inputs the inputs of the Komposer
 * @property {{id: string, key?: string, object: any}[]} children the children, as last seen
 * @property {boolean} deleting the resource has a deletion timestamp
 */

/**
 * Where to look, and for what. The namespace can be left out: it is that of the resource.
 *
 * @typedef {{group?: string, kind: string, namespace?: string}} Scope
 */

const decode = (bytes) => JSON.parse(new TextDecoder().decode(bytes));
const encode = (value) => new TextEncoder().encode(JSON.stringify(value));

// The bindings make the error of a `result` of what is thrown with a `payload`. Any other exception is a trap, and its text is lost.
class Failure extends Error {
  constructor(message, payload) {
    super(message);
    this.payload = payload;
  }
}

/**
 * It cannot be done: `throw failed('…')`. The message is shown on the resource.
 *
 * @param {string} message
 * @returns {Error}
 */
export const failed = (message) => new Failure(message, { tag: 'failed', val: message });

/**
 * It cannot be done now: `throw unavailable('…', 5000)`.
 *
 * @param {string} message
 * @param {number} [afterMilliseconds] when it is worth trying again
 * @returns {Error}
 */
export function unavailable(message, afterMilliseconds) {
  const after = afterMilliseconds === undefined ? undefined : BigInt(Math.ceil(afterMilliseconds));
  return new Failure(message, { tag: 'unavailable', val: [message, after] });
}

// Clocks and random numbers stopped when the component was built, and what waits or asks a host ends the call without a word. So that
// neither is taken for the real thing, the first use of each fails with its name.
const gone = (what) => () => {
  throw failed(`${what} is not there in a hook`);
};
Math.random = gone('Math.random');
for (const name of ['getRandomValues', 'randomUUID']) crypto[name] = gone(`crypto.${name}`);
performance.now = gone('performance.now');
for (const name of ['setTimeout', 'setInterval', 'fetch']) globalThis[name] = gone(name);
globalThis.Date = new Proxy(Date, {
  apply: gone('the time of day'),
  construct: (date, values, made) => (values.length ? Reflect.construct(date, values, made) : gone('the time of day')()),
});
Date.now = gone('the time of day');

/**
 * The hook of a pattern: `export const beforeRender = hook((request) => ({…}))`.
 *
 * @param {(request: Request) => object | Promise<object>} values gives what the Katalog declares below `hooks.beforeRender`
 * @returns {object} what the world `orkestra:hook/hook` wants as its export `beforeRender`
 */
export const hook = (values) => ({
  async beforeRender(request) {
    try {
      return encode(
        await values({
          entry: request.entry,
          primary: decode(request.primary),
          inputs: decode(request.inputs),
          children: request.children.map(({ id, key, object }) => ({ id, key, object: decode(object) })),
          deleting: request.deleting,
        }),
      );
    } catch (error) {
      throw error instanceof Failure ? error : failed(`${error}`);
    }
  },
});

const complete = ({ group = '', kind, namespace }) => ({ group, kind, namespace });

/** Asks the host, and makes a failure of its error. */
function ask(question, scope) {
  try {
    return question();
  } catch ({ payload: error }) {
    if (error.tag === 'not-found') return undefined;
    const message = `${scope.kind}: ${error.tag}: ${error.val}`;
    throw error.tag === 'unavailable' ? unavailable(message) : failed(message);
  }
}

/** Objects of the cluster. The pattern's capability `cluster-read:…` names their kind. */
export const clusterRead = {
  /**
   * One object.
   *
   * @param {Scope} scope
   * @param {string} name
   * @param {string[]} [fields] dotted paths, such as `data.password`; none: the whole object
   * @returns {any} undefined where there is none
   */
  get(scope, name, fields = []) {
    const found = ask(() => get(complete(scope), name, fields), scope);
    return found && decode(found);
  },

  /**
   * The objects that have all of these labels, by namespace and name.
   *
   * @param {Scope} scope
   * @param {Record<string, string>} [labels]
   * @param {string[]} [fields]
   * @returns {any[]}
   */
  list(scope, labels = {}, fields = []) {
    return ask(() => list(complete(scope), Object.entries(labels), fields), scope).map(decode);
  },
};

/** Lines in the runtime's log: `log.info('…')`. Each is one of the 100 host calls of a call. */
export const log = {
  debug: (message) => line('debug', message),
  info: (message) => line('info', message),
  warn: (message) => line('warn', message),
  error: (message) => line('error', message),
};
