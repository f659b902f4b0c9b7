import { clusterRead, failed, log } from 'orkestra-hook';

/**
 * What a team's ConfigMaps say that it uses.
 *
 * @type {import('orkestra-hook').BeforeRender}
 */
export function beforeRender({ primary }) {
  const maps = clusterRead.list({ kind: 'ConfigMap' }, { team: primary.spec.team }, ['metadata.name', 'data.GiB']);
  let GiB = 0;
  for (const { metadata, data } of maps) {
    const text = data?.GiB ?? '';
    if (!/^-?[0-9]+$/.test(text)) {
      throw failed(`ConfigMap ${metadata.name}: data.GiB is no integer: ${JSON.stringify(text)}`);
    }
    GiB += Number(text);
  }
  if (!Number.isSafeInteger(GiB)) throw failed(`${primary.spec.team}: the sum of data.GiB is beyond what a number holds`);
  log.info(`${primary.spec.team} uses ${GiB} GiB in ${maps.length} ConfigMaps`);
  return { usage: { names: maps.map(({ metadata }) => metadata.name).sort(), GiB } };
}
