/** The warning about foreign layers: their licence keeps them elsewhere, and their registry does not have them. */
import type { Digest } from '../../../core/digest.ts';
import type { Log } from '../runtime.ts';
import type { ForeignLayer } from '../tally.ts';

const MAX_SHOWN = 3;

/**
 * Warns once per manifest, because a manifest may list any number of such layers and addresses.
 * @param name the source's name in messages
 */
export function warnOfForeignLayers(
  log: Log,
  name: string,
  manifest: Digest,
  layers: readonly ForeignLayer[],
): void {
  const [first] = layers;
  if (first === undefined) return;
  const more = first.urls.length > MAX_SHOWN ? [`and ${first.urls.length - MAX_SHOWN} more`] : [];
  const urls = [...first.urls.slice(0, MAX_SHOWN), ...more].join(', ');
  log.warn(
    layers.length === 1
      ? `${name}: layer ${first.digest} is not at the registry; clients fetch it from ${urls}.`
      : `${name}: ${layers.length} layers of the manifest ${manifest} are not at the registry; clients fetch them from elsewhere, ${first.digest} from ${urls}. The report has them all under "foreignLayers".`,
  );
}
