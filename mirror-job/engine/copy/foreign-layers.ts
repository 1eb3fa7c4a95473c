/** The warning about layers that are kept elsewhere by licence. */
import type { Digest } from '../../../core/digest.ts';
import type { Log } from '../environment.ts';
import type { ForeignLayer } from '../tally.ts';

const SHOWN = 3;

/**
 * One sentence per manifest, because a manifest may list any number of such layers and addresses.
 * @param name the source's name for messages
 */
export function warnOfForeignLayers(
  log: Log,
  name: string,
  manifest: Digest,
  layers: readonly ForeignLayer[],
): void {
  const [first] = layers;
  if (first === undefined) return;
  const more = first.urls.length > SHOWN ? [`and ${first.urls.length - SHOWN} more`] : [];
  const urls = [...first.urls.slice(0, SHOWN), ...more].join(', ');
  log.warn(
    layers.length === 1
      ? `${name}: layer ${first.digest} is not at the registry; clients fetch it from ${urls}.`
      : `${name}: ${layers.length} layers of the manifest ${manifest} are not at the registry; clients fetch them from elsewhere, ${first.digest} from ${urls}. The report has them all under "foreignLayers".`,
  );
}
