// What a component exports, of the functions that a hook exports: JSON instead of bytes, and failures as exceptions.

import { Failure, Outcome, failed } from './orkestra-hook.mjs';

const decode = (bytes) => JSON.parse(new TextDecoder().decode(bytes));
const encode = (text) => new TextEncoder().encode(text);

const isObject = (value) => typeof value === 'object' && value !== null && !Array.isArray(value);

/** The JSON of an object; `what` names it in the failure where it is none. */
function written(what, value) {
  if (!isObject(value)) throw failed(`${what} must be an object`);
  return JSON.stringify(value);
}

/** An object that goes back byte for byte where it was not changed: numbers of JSON can be more than those of JavaScript are. */
class Given {
  constructor(bytes) {
    this.bytes = bytes;
    this.value = decode(bytes);
    this.text = JSON.stringify(this.value);
  }

  /** The bytes of what became of it. */
  became(what, value) {
    const text = written(what, value);
    return text === this.text ? this.bytes : encode(text);
  }
}

const child = ({ id, key, object }) => ({ id, key, object: decode(object) });

const request = ({ entry, primary, inputs, children, deleting }) => ({
  entry,
  primary: decode(primary),
  inputs: decode(inputs),
  children: children.map(child),
  deleting,
});

/** Makes a failure of whatever is thrown. Without one the call is a trap, and its text is lost. */
async function answer(make) {
  try {
    return await make();
  } catch (error) {
    throw error instanceof Failure ? error : failed(`${error}`);
  }
}

const called = ({ id, key }) => (key === undefined ? `child ${id}` : `child ${id} of ${key}`);

const text = (what, value) => {
  if (typeof value !== 'string') throw failed(`${what} must be a text`);
  return value;
};

/** For each point, the functions that the world wants in its export, of the function of the hook. */
const exports = {
  beforeRender: (hook) => ({
    beforeRender: (raw) => answer(async () => encode(written('what beforeRender gives', await hook(request(raw))))),
  }),

  afterRender: (hook) => ({
    afterRender: (raw, rendered) =>
      answer(async () => {
        const given = rendered.map(({ id, key, object }) => ({ id, key, object: new Given(object) }));
        const children = given.map(({ id, key, object }) => ({ id, key, object: object.value }));
        const made = await hook(request(raw), children);
        if (!Array.isArray(made)) throw failed('what afterRender gives must be the list of children');
        return made.map((one) => {
          if (!isObject(one)) throw failed('what afterRender gives must be children: {id, key, object}');
          const id = text('the id of a child', one.id);
          const key = one.key === undefined ? undefined : text(`the key of child ${id}`, one.key);
          const before = given.find((known) => known.id === id && known.key === key);
          const what = `the object of ${called({ id, key })}`;
          const object = before ? before.object.became(what, one.object) : encode(written(what, one.object));
          return { id, key, object };
        });
      }),
  }),

  validate: (hook) => ({
    validate: (raw) =>
      answer(async () => {
        const violations = await hook(request(raw));
        if (!Array.isArray(violations)) throw failed('what validate gives must be a list, which is empty where nothing is wrong');
        return violations.map((violation) => ({
          field: text('the field of a violation', violation?.field),
          message: text('the message of a violation', violation?.message),
        }));
      }),
  }),

  finalize: (hook) => ({
    finalize: (raw) =>
      answer(async () => {
        const outcome = await hook(request(raw));
        if (!(outcome instanceof Outcome)) throw failed('what finalize gives must be done or wait(…)');
        return outcome.value;
      }),
  }),

  convert: (hook) => ({
    convert: (entry, version, objects) =>
      answer(async () => {
        const targets = [];
        for (const object of objects) {
          const source = decode(object.source);
          const { namespace, name } = source.metadata ?? {};
          try {
            const given = new Given(object.target);
            const target = await hook({ entry, version, source, target: given.value });
            targets.push(given.became('what convert gives', target));
          } catch (error) {
            // One object of a list fails all of them, and has to be found.
            const found = [namespace, name ?? 'an object without a name'].filter((part) => part !== undefined).join('/');
            throw error instanceof Failure ? error.of(found) : failed(`${found}: ${error}`);
          }
        }
        return targets;
      }),
  }),
};

/**
 * The export of a point.
 *
 * @param {keyof typeof exports} name
 * @param {unknown} hook what the hook exports by this name
 */
export function point(name, hook) {
  // It is thrown at build, where the engine starts.
  if (typeof hook !== 'function') throw new TypeError(`the export ${name} of a hook must be a function`);
  return exports[name](hook);
}
