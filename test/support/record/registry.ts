/** Runs the upstream registry of a recording, and records its requests. */
import type { Corpus } from '../content.ts';
import { startRogueRegistry, type RogueOptions, type RogueRegistry } from '../rogue-registry.ts';
import type { RegistryRequest } from '../registry-request.ts';
import type { Recorder } from './recording.ts';
import { countedLines } from './requests.ts';

export interface RecordedRegistry extends RogueRegistry {
  readonly corpus: Corpus;
  /** Adds the requests since the last call to the step. */
  record(step: string): void;
}

/** @param name the name of the registry's address in the recording */
export async function startRegistry(
  recorder: Recorder,
  name: string,
  options: RogueOptions,
): Promise<RecordedRegistry> {
  const registry = await startRogueRegistry(options);
  recorder.placeholders.addHost(registry.host, name);
  recorder.placeholders.addHost(registry.elsewhere, `${name}-elsewhere`);
  return {
    ...registry,
    corpus: options.corpus,
    record: (step) => {
      const requests = registry.requests.splice(0);
      recorder.add(
        step,
        `requests to ${name}`,
        countedLines(requests.map((request) => lineOf(request, options.corpus))),
      );
      const headers = requests.map(
        ({ method, kind, headers: sent }) => `${method} ${kind} ${sentHeaders(sent)}`,
      );
      recorder.add(step, `headers to ${name}`, [...new Set(headers)].toSorted().join('\n'));
    },
  };
}

/**
 * Describes a request. A HEAD of a tag has no tag in its line, because any tag may be the one whose HEAD shows that an
 * image is public.
 */
function lineOf(request: RegistryRequest, corpus: Corpus): string {
  const { method, host, query, headers, repository, reference } = request;
  const isTag = corpus.repositories.get(repository)?.tags.has(reference) === true;
  const path = method === 'HEAD' && isTag ? `/v2/${repository}/manifests/<tag>` : pathOf(request);
  const search = query.size === 0 ? '' : `?${query.toString()}`;
  const range = headers.range === undefined ? '' : ` ${headers.range}`;
  const authorization = headers.authorization?.split(' ')[0];
  return `${method} ${host}${path}${search}${range}${authorization === undefined ? '' : ` (${authorization})`}`;
}

/**
 * Returns the path. A blob of several repositories has no repository in it, because it is fetched for whichever needs
 * it first.
 */
function pathOf({ kind, path, reference }: RegistryRequest): string {
  return kind === 'blob' ? `/v2/…/blobs/${reference}` : path;
}

/** Returns the headers that do not differ between connections. */
function sentHeaders(headers: RegistryRequest['headers']): string {
  const { accept, 'accept-encoding': encoding, 'user-agent': agent } = headers;
  return `accept: ${accept} accept-encoding: ${encoding} user-agent: ${agent}`;
}
