// Makes a hook's component of JavaScript: `node build.mjs hook.js hooks.wasm`.

import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

import { componentize } from '@bytecodealliance/componentize-js';
import { rolldown } from 'rolldown';
import { parseAst } from 'rolldown/parseAst';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

const [source, target] = process.argv.slice(2).map((path) => resolve(path));
if (target === undefined) {
  console.error('usage: node build.mjs hook.js hooks.wasm');
  process.exit(2);
}

// What a hook can export, and the interface that it becomes an export of.
const interfaces = {
  beforeRender: 'before-render',
  afterRender: 'after-render',
  validate: 'validate',
  finalize: 'finalize',
  convert: 'convert',
};

/** The engine knows relative files and the host's interfaces only, so that a hook and all that it imports become one file. */
async function bundled(input, file) {
  const bundle = await rolldown({
    input,
    external: /^orkestra:/,
    resolve: { alias: { 'orkestra-hook': here('orkestra-hook.mjs') } },
    treeshake: { moduleSideEffects: 'no-external' },
  });
  try {
    const { output } = await bundle.write({ file, format: 'esm' });
    return output[0];
  } finally {
    await bundle.close();
  }
}

/** The points of a hook, by what it exports. */
function pointsOf(exported) {
  const known = Object.keys(interfaces).join(', ');
  const unknown = exported.filter((name) => !Object.hasOwn(interfaces, name));
  if (unknown.length > 0) {
    throw new Mistake(`${basename(source)} exports ${unknown.join(', ')}, which is no point; the points are ${known}`);
  }
  if (exported.length === 0) throw new Mistake(`${basename(source)} exports no point; the points are ${known}`);
  return exported;
}

/** What the author of the hook has to mend. */
class Mistake extends Error {}

const work = await mkdtemp(join(tmpdir(), 'orkestra-hook-'));
try {
  const hook = join(work, 'hook.js');
  const { exports: exported } = await bundled(source, hook);
  const points = pointsOf(exported);

  // The author's functions work on values, and the component's on bytes. Both are bundled together, so that they have one SDK.
  const main = join(work, 'main.js');
  const each = points.map((name) => `export const ${name} = point('${name}', hook.${name});\n`);
  const paths = [here('points.mjs'), source].map((path) => JSON.stringify(path));
  await writeFile(main, `import { point } from ${paths[0]};\nimport * as hook from ${paths[1]};\n${each.join('')}`);
  const { code } = await bundled(main, hook);

  // The component imports all that its world imports, used or not, and each import wants its grant: so the world is the part of
  // `orkestra:hook/hook` that is used.
  const used = parseAst(code).body.filter(({ type }) => type === 'ImportDeclaration');
  const imports = used.map(({ source }) => `  import ${source.value};\n`).sort();
  const exports = points.map((name) => `  export orkestra:hook/${interfaces[name]}@0.1.0;\n`).sort();
  const world = `package orkestra:javascript;\n\nworld hook {\n${imports.join('')}${exports.join('')}}\n`;
  const wit = join(work, 'wit');
  await mkdir(wit);
  await writeFile(join(wit, 'world.wit'), world);
  await cp(here('../../wit/host'), join(wit, 'deps', 'host'), { recursive: true });
  await cp(here('../../wit/hook'), join(wit, 'deps', 'hook'), { recursive: true });

  // componentize-js takes paths from the current directory where that is above them, and fails where it is the root.
  process.chdir(work);
  const { component } = await componentize({
    sourcePath: hook,
    witPath: wit,
    worldName: 'hook',
    // Each of these would bring imports of WASI.
    disableFeatures: ['stdio', 'random', 'clocks', 'http', 'fetch-event'],
  });
  await writeFile(target, component);
  console.log(`${target}: ${component.length} bytes`);
} catch (error) {
  if (!(error instanceof Mistake)) throw error;
  console.error(`error: ${error.message}`);
  process.exitCode = 1;
} finally {
  await rm(work, { recursive: true });
}
