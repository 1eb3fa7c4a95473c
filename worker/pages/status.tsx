/** `/status`: how the last runs went, and what the edge can reach. */
import { isDigest } from '../../core/digest.ts';
import type { FailedItem, QuotaLeft } from '../../core/last-run.ts';
import { formatReference } from '../../core/reference.ts';
import { mirrorStatus, type UpstreamStatus } from '../monitoring/mirror-status.ts';
import type { VisibleState } from '../monitoring/visible-state.ts';
import type { StoreState } from '../store/store-health.ts';
import type { PageContent, View } from './document.tsx';
import { Age, Badge, Moment, More, repositoryPath } from './elements.tsx';
import { counted, formatCount, formatDuration, shown } from './formats.ts';
import { freshnessOf } from './freshness.ts';
import { LastDrill } from './last-drill.tsx';
import { RunPlot } from './run-plot.tsx';
import { RunTable } from './run-table.tsx';

interface StatusState {
  readonly configurations: readonly VisibleState[];
  readonly stores: readonly StoreState[];
}

/** @param most how many lines of each list are shown */
export function statusPage(view: View, state: StatusState, most = 60): PageContent {
  const { configurations, stores } = state;
  const clusters = configurations.flatMap(({ overview }) => overview?.clusters ?? []);
  const content = (
    <>
      <div class="title">
        <h1>Status</h1>
        <p>What the job that fills this mirror did last, and what the edge can reach.</p>
      </div>
      {configurations.map((configuration) => (
        <Configuration
          view={view}
          configuration={configuration}
          isOnly={configurations.length === 1}
          most={most}
        />
      ))}
      <div class="halves">
        <section class="card" aria-labelledby="stores">
          <h2 id="stores">Stores that the edge reads</h2>
          <ul class="lines">
            {stores.map(({ store, last, secondsAgo }) => (
              <li>
                Store {store}{' '}
                <Badge mood={last === 'answered' ? 'ok' : last === 'failed' ? 'bad' : 'plain'}>{last}</Badge>{' '}
                {secondsAgo === undefined ? (
                  ''
                ) : (
                  <small>{secondsAgo < 5 ? 'just now' : `${formatDuration(secondsAgo * 1000)} ago`}</small>
                )}
              </li>
            ))}
          </ul>
          <p class="muted">As this instance of the edge saw them. Others may differ.</p>
        </section>
        {clusters.length === 0 || view.isPartial ? null : (
          <section class="card" aria-labelledby="clusters">
            <h2 id="clusters">In-use lists</h2>
            <ul class="lines">
              {clusters.slice(0, most).map(({ name, observed, images }) => (
                <li>
                  {shown(name)}: {counted(images, 'image')}, seen <Age time={observed} now={view.now} />
                </li>
              ))}
            </ul>
            <More left={clusters.length - most} one="list" />
          </section>
        )}
      </div>
    </>
  );
  const smaller = most > 3 ? () => statusPage(view, state, most >> 1) : undefined;
  return { title: `Status · ${view.host}`, section: 'status', content, smaller };
}

interface ConfigurationProps {
  readonly view: View;
  readonly configuration: VisibleState;
  readonly isOnly: boolean;
  readonly most: number;
}

function Configuration({ view, configuration, isOnly, most }: ConfigurationProps) {
  const { mirror: name, runs = [], lastRun: last, lastDrill, unseen } = configuration;
  const { mood, word, says, since } = freshnessOf(runs, view);
  const id = `runs-${name}`;
  return (
    <>
      <section class="card" aria-labelledby={id}>
        <h2 id={id}>
          Runs{isOnly ? '' : ` of ${name}`} <Badge mood={mood}>{word}</Badge>
        </h2>
        <p>
          {says}{' '}
          {since === undefined ? null : (
            <>
              It ended <Moment time={since} now={view.now} />.
            </>
          )}
        </p>
        {runs.length === 0 || view.isPartial ? null : (
          <>
            <RunPlot runs={runs} />
            <RunTable runs={runs} now={view.now} />
          </>
        )}
      </section>
      {last === undefined ? null : (
        <>
          <Upstreams
            id={`upstreams-${name}`}
            upstreams={mirrorStatus(configuration, view.now).upstreams ?? []}
            most={most}
          />
          {last.failures.length + last.findings.length + unseen === 0 ? null : (
            <Problems view={view} last={last} unseen={unseen} most={most} />
          )}
          {last.stores.length === 0 || view.isPartial ? null : <Replicas view={view} stores={last.stores} />}
        </>
      )}
      {lastDrill === undefined ? null : <LastDrill view={view} drill={lastDrill} id={`drill-${name}`} />}
    </>
  );
}

type Last = NonNullable<VisibleState['lastRun']>;

interface UpstreamsProps {
  readonly id: string;
  readonly upstreams: readonly UpstreamStatus[];
  readonly most: number;
}

/** As `/status.json` has them, because the lists of failures are cut. */
function Upstreams({ id, upstreams, most }: UpstreamsProps) {
  if (upstreams.length === 0) return null;
  return (
    <section class="card" aria-labelledby={id}>
      <h2 id={id}>Upstreams in the last run</h2>
      <div class="scroll" role="group" aria-labelledby={id} tabindex={0}>
        <table class="cards">
          <caption class="hidden">Requests, quota and failures of each upstream</caption>
          <thead>
            <tr>
              <th scope="col">Upstream</th>
              <th scope="col" class="number">
                Requests
              </th>
              <th scope="col">Quota left</th>
              <th scope="col" class="number">
                Failures
              </th>
            </tr>
          </thead>
          <tbody>
            {upstreams.slice(0, most).map(({ name, requests, failures, quotas, exhausted }) => (
              <tr>
                <th scope="row" class="mono">
                  {shown(name)}
                </th>
                <td class="number" data-title="Requests">
                  {formatCount(requests)}
                </td>
                <td data-title="Quota left">
                  {quotas.length === 0 ? (
                    <span class="muted">none stated</span>
                  ) : (
                    quotas.map(quotaText).join(', ')
                  )}
                  {exhausted === undefined ? null : <p class="muted">{shown(exhausted)}</p>}
                </td>
                <td class="number" data-title="Failures">
                  {formatCount(failures)}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <More left={upstreams.length - most} one="upstream" />
    </section>
  );
}

function quotaText({ remaining, limit }: QuotaLeft): string {
  return limit === undefined ? formatCount(remaining) : `${formatCount(remaining)} of ${formatCount(limit)}`;
}

interface ProblemsProps {
  readonly view: View;
  readonly last: Last;
  readonly unseen: number;
  readonly most: number;
}

function Problems({ view, last, unseen, most }: ProblemsProps) {
  const failures = last.failures.slice(0, most);
  const findings = last.findings.slice(0, most);
  const left = unseen + last.failures.length - failures.length + last.findings.length - findings.length;
  return (
    <section class="card" aria-labelledby="problems">
      <h2 id="problems">Failures and findings of the last run</h2>
      <ul class="held">
        {failures.map((item) => (
          <li>
            <Badge mood="bad">failed</Badge>{' '}
            <a class="mono" href={repositoryPath(item.repository)}>
              {referenceOf(item, view)}
            </a>
            <p>{shown(item.error)}</p>
          </li>
        ))}
        {findings.map(({ kind, repository, message }) => (
          <li>
            <Badge mood="warn">{shown(kind)}</Badge>{' '}
            {repository === undefined ? null : (
              <a class="mono" href={repositoryPath(repository)}>
                {repository}
              </a>
            )}
            <p>{shown(message)}</p>
          </li>
        ))}
      </ul>
      {left === 0 ? null : (
        <p class="muted">
          {counted(left, 'more line')} in the run’s own report: about repositories that are not listed here,
          or beyond the number that a page shows.
        </p>
      )}
    </section>
  );
}

function referenceOf({ repository, reference }: FailedItem, { tags }: View): string {
  if (reference === undefined) return repository;
  if (isDigest(reference)) return formatReference({ repository, tag: undefined, digest: reference });
  return tags ? formatReference({ repository, tag: reference, digest: undefined }) : repository;
}

function Replicas({ view, stores }: { readonly view: View; readonly stores: Last['stores'] }) {
  return (
    <section class="card" aria-labelledby="replicas">
      <h2 id="replicas">Stores that the job fills</h2>
      <ul class="lines">
        {stores.map(({ name, state, since, reason }) => (
          <li>
            {shown(name)} <Badge mood={state === 'in step' ? 'ok' : 'warn'}>{shown(state)}</Badge>{' '}
            {since === undefined ? null : (
              <small>
                since <Moment time={since} now={view.now} />
              </small>
            )}
            {reason === undefined ? null : <p>{shown(reason)}</p>}
          </li>
        ))}
      </ul>
    </section>
  );
}
