// Makes a hook's component of JavaScript: `node build.mjs hook.js hooks.wasm`.

import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
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

const work = await mkdtemp(join(tmpdir(), 'orkestra-hook-'));
try {
  // The engine knows relative files and the host's interfaces only, so that a hook and all that it imports become one file.
  const bundle = await rolldown({
    input: source,
    external: /^orkestra:/,
    resolve: { alias: { 'orkestra-hook': here('orkestra-hook.mjs') } },
    treeshake: { moduleSideEffects: 'no-external' },
  });
  const hook = join(work, 'hook.js');
  const { output } = await bundle.write({ file: hook, format: 'esm' });
  await bundle.close();

  // The component imports all that its world imports, used or not, and each import wants its grant: so the world is the part of
  // `orkestra:hook/hook` that is used.
  const used = parseAst(output[0].code).body.filter(({ type }) => type === 'ImportDeclaration');
  const imports = used.map(({ source }) => `  import ${source.value};\n`).sort();
  const world = `package orkestra:javascript;\n\nworld hook {\n${imports.join('')}  export orkestra:hook/before-render@0.1.0;\n}\n`;
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
} finally {
  await rm(work, { recursive: true });
}
