// What a hook needs beside its own code: the host, failures, and the types of the points.

import { get, list } from 'orkestra:host/cluster-read@0.1.0';
import { log as line } from 'orkestra:host/log@0.1.0';

/**
 * What the hook is told.
 *
 * @typedef {object} Request
 * @property {string} entry the entry of the Katalog
 * @property {any} primary the resource, as the API server has it
 * @property {any} inputs the inputs of the Komposer
 * @property {Child[]} children the children, as last seen
 * @property {boolean} deleting the resource has a deletion timestamp
 */

/**
 * A child: its id in the Katalog, the element's key where there are many, and the object.
 *
 * @typedef {{id: string, key?: string, object: any}} Child
 */

/**
 * An object to convert.
 *
 * @typedef {object} Conversion
 * @property {string} entry the entry of the Katalog
 * @property {string} version the version that is converted to, such as `v2`
 * @property {any} source the object as it came, whole
 * @property {any} target the object as the rules made it: without `apiVersion` and `kind`, and of `metadata` labels and annotations alone
 */

// The functions that a hook exports, one for each point at which its Katalog calls it. Each may be `async`.

/**
 * `beforeRender` gives a value for each name that the entry declares below `hooks.beforeRender`.
 *
 * @typedef {(request: Request) => object | Promise<object>} BeforeRender
 */

/**
 * `afterRender` is given the children that the entry lists below `hooks.afterRender.children`, as they were rendered, and gives them as
 * they shall be applied. What it leaves out is pruned; an object that it does not change goes back byte for byte.
 *
 * @typedef {(request: Request, children: Child[]) => Child[] | Promise<Child[]>} AfterRender
 */

/**
 * A rule that the resource breaks: the path of the field, what was found and what is expected.
 *
 * @typedef {{field: string, message: string}} Violation
 */

/**
 * `validate` gives all that is wrong with the resource; nothing: it is valid.
 *
 * @typedef {(request: Request) => Violation[] | Promise<Violation[]>} Validate
 */

/**
 * `finalize` says whether the resource may go: `done`, or `wait('…')`.
 *
 * @typedef {(request: Request) => Outcome | Promise<Outcome>} Finalize
 */

/**
 * `convert` gives the target of one object as it shall be. Nothing can be asked but the log.
 *
 * @typedef {(conversion: Conversion) => object | Promise<object>} Convert
 */

/**
 * Where to look, and for what. The namespace can be left out: it is that of the resource.
 *
 * @typedef {{group?: string, kind: string, namespace?: string}} Scope
 */

const decode = (bytes) => JSON.parse(new TextDecoder().decode(bytes));
const milliseconds = (number) => (number === undefined ? undefined : BigInt(Math.ceil(number)));

/**
 * Why a hook has no answer. `failed` and `unavailable` make it.
 *
 * The bindings make the error of a `result` of what is thrown with a `payload` of its own. Any other exception is a trap, and its text is
 * lost.
 */
export class Failure extends Error {
  constructor(message, tag, after) {
    super(message);
    this.payload = { tag, val: tag === 'unavailable' ? [message, after] : message };
  }

  /** The same, of an object that the message names. */
  of(object) {
    const { tag, val } = this.payload;
    return new Failure(`${object}: ${this.message}`, tag, tag === 'unavailable' ? val[1] : undefined);
  }
}

/**
 * It cannot be done: `throw failed('…')`. The message is shown on the resource.
 *
 * @param {string} message
 * @returns {Error}
 */
export const failed = (message) => new Failure(message, 'failed');

/**
 * It cannot be done now: `throw unavailable('…', 5000)`.
 *
 * @param {string} message
 * @param {number} [afterMilliseconds] when it is worth trying again
 * @returns {Error}
 */
export const unavailable = (message, afterMilliseconds) => new Failure(message, 'unavailable', milliseconds(afterMilliseconds));

/** How far a hook's work before the end of a resource is. `done` is one, and `wait` makes the others. */
export class Outcome {
  constructor(value) {
    this.value = value;
  }
}

/** All is done: the resource may go. */
export const done = new Outcome({ tag: 'done' });

/**
 * It goes on: `return wait('…', 5000)`. The message is shown on the resource.
 *
 * @param {string} message
 * @param {number} [afterMilliseconds] when to call again; without it in ten seconds
 * @returns {Outcome}
 */
export const wait = (message, afterMilliseconds) => new Outcome({ tag: 'wait', val: [message, milliseconds(afterMilliseconds)] });

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
