/**
 * The config of an image: what a container of it runs, and how it was built. Anybody can build an image, so that each field
 * may have any type.
 * https://github.com/opencontainers/image-spec/blob/v1.1.1/config.md
 */
import { isTime } from '../../core/bucket-object.ts';
import { isObject, isStringMap, type JsonObject } from '../../core/json.ts';
import type { View } from './document.tsx';
import { Moment, More } from './elements.tsx';
import { cut } from './formats.ts';
import { Texts } from './texts.tsx';

interface Props {
  readonly view: View;
  readonly config: JsonObject;
  readonly most: number;
  /** The path of its bytes. */
  readonly raw: string;
}

export function ImageConfig({ view, config, most, raw }: Props) {
  const run = isObject(config['config']) ? config['config'] : {};
  const facts = [
    ['Platform', platformOf(config)],
    ['Entrypoint', words(run['Entrypoint'])],
    ['Command', words(run['Cmd'])],
    ['User', text(run['User'])],
    ['Directory', text(run['WorkingDir'])],
    ['Ports', keys(run['ExposedPorts'])],
    ['Volumes', keys(run['Volumes'])],
    ['Stop signal', text(run['StopSignal'])],
    ['Author', text(config['author'])],
  ].filter((fact): fact is [string, string] => fact[1] !== undefined);
  const created = timeOf(config['created']);
  const environment = list(run['Env']).map((line) => splitAt(line, '='));
  const labels = isStringMap(run['Labels']) ? Object.entries(run['Labels']) : [];
  const steps = (Array.isArray(config['history']) ? config['history'] : []).filter(isObject);
  if (facts.length + environment.length + labels.length + steps.length === 0) return null;
  return (
    <section class="card" aria-labelledby="config">
      <h2 id="config">Config</h2>
      <dl class="facts-list">
        {created === undefined ? null : (
          <>
            <dt>Created</dt>
            <dd>
              <Moment time={created} now={view.now} />
            </dd>
          </>
        )}
        {facts.map(([name, value]) => (
          <>
            <dt>{name}</dt>
            <dd class="mono break">{cut(value, most)}</dd>
          </>
        ))}
      </dl>
      {environment.length === 0 ? null : (
        <Texts title="Environment" level={3} isOpen texts={environment} most={most} raw={raw} />
      )}
      {labels.length === 0 ? null : (
        <Texts title="Labels" level={3} isOpen={labels.length < 12} texts={labels} most={most} raw={raw} />
      )}
      {steps.length === 0 ? null : <Steps steps={steps} most={most} raw={raw} />}
      <p>
        <a href={raw}>The config’s own bytes</a>
      </p>
    </section>
  );
}

function Steps({
  steps,
  most,
  raw,
}: Omit<Props, 'view' | 'config'> & { readonly steps: readonly JsonObject[] }) {
  return (
    <details>
      <summary>
        <h3>
          History of the build <small>{steps.length}</small>
        </h3>
      </summary>
      <ol class="steps">
        {steps.slice(0, most).map((step) => (
          <li class={step['empty_layer'] === true ? 'muted' : undefined}>
            <code>{cut(text(step['created_by']) ?? text(step['comment']) ?? '–', most)}</code>
          </li>
        ))}
      </ol>
      <More left={steps.length - most} one="step" raw={raw} />
    </details>
  );
}

function platformOf({ os, architecture, variant }: JsonObject): string | undefined {
  const parts = [text(os), text(architecture), text(variant)].filter((part) => part !== undefined);
  return parts.length === 0 ? undefined : parts.join('/');
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function list(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((item): item is string => typeof item === 'string') : [];
}

/** Arguments as a shell shows them: those with spaces in quotes. */
function words(value: unknown): string | undefined {
  const all = list(value);
  return all.length === 0
    ? undefined
    : all.map((word) => (/^[\w./:=@%+,-]+$/.test(word) ? word : JSON.stringify(word))).join(' ');
}

function keys(value: unknown): string | undefined {
  const names = isObject(value) ? Object.keys(value) : [];
  return names.length === 0 ? undefined : names.join(', ');
}

/** Builders write times with nanoseconds, or with an offset. */
function timeOf(value: unknown): string | undefined {
  if (isTime(value)) return value;
  const ms = typeof value === 'string' ? Date.parse(value) : Number.NaN;
  return Number.isNaN(ms) ? undefined : new Date(ms).toISOString();
}

function splitAt(line: string, separator: string): [string, string] {
  const at = line.indexOf(separator);
  return at === -1 ? [line, ''] : [line.slice(0, at), line.slice(at + 1)];
}
