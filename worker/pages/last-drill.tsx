/** The card of the last drill on `/status`: what clusters would have lost. */
import type { VisibleDrill } from '../monitoring/visible-state.ts';
import type { View } from './document.tsx';
import { Badge, Moment, repositoryPath } from './elements.tsx';
import { counted, shown } from './formats.ts';

interface Props {
  readonly view: View;
  readonly drill: VisibleDrill;
  readonly id: string;
}

export function LastDrill({ view, drill: { at, sums, lost }, id }: Props) {
  const others = (sums?.lost ?? 0) - lost.reduce((sum, { images }) => sum + images, 0);
  return (
    <section class="card" aria-labelledby={id}>
      <h2 id={id}>
        Last drill{' '}
        {sums === undefined ? null : (
          <Badge mood={sums.lost > 0 ? 'warn' : sums.complete ? 'ok' : 'plain'}>{sums.lost} lost</Badge>
        )}
      </h2>
      <p>
        The drill of <Moment time={at} now={view.now} /> asked what clusters would lose without{' '}
        {sums === undefined ? 'upstreams' : sums.chosen.map(shown).join(', ') || 'their upstreams'}.
        {sums === undefined
          ? null
          : ` Of ${counted(sums.images, 'image')} of ${counted(sums.clusterCount, 'cluster')}, ${sums.pulled} would still be pulled${
              sums.images === 0 ? '' : ` (${Math.floor((100 * sums.pulled) / sums.images)}\u00a0%)`
            }${sums.digestsOnly ? ', by digests alone' : ''}.${sums.complete ? '' : ' Not everything could be looked at.'}`}
      </p>
      <ul class="lines">
        {sums?.reasons.map(({ says, images }) =>
          images === 0 ? null : (
            <li>
              {counted(images, 'image')} lost: {shown(says)}
            </li>
          ),
        )}
        {lost.map(({ repository, images }) => (
          <li>
            <a class="mono break" href={repositoryPath(repository)}>
              {repository}
            </a>{' '}
            {counted(images, 'image')} lost
          </li>
        ))}
      </ul>
      {others > 0 ? (
        <p class="muted">{counted(others, 'lost image')} of repositories that are not listed here.</p>
      ) : null}
    </section>
  );
}
