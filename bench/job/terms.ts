/** Describes the terms under which the tools ran, without which the figures cannot be compared. */
import type { JobEffort } from './job-bench.ts';
import type { Entrant } from './tagged-images.ts';

const MB = 1_000_000;

export function describeJob(effort: JobEffort): string {
  return `Each tool is a process of its own, start-up included; times are medians and their spread, over all rounds that it took part in
(0 ms: ${roundsOf(effort.entrants[0])}; 25 ms: ${roundsOf(effort.entrants[25])}; ${effort.largeBytes / MB} MB: ${roundsOf(effort.large)}; else once). Tools take turns within a round.
Memory is the most of all rounds, CPU a median; requests are the first round's.
All mirror from one docker-registry, through one proxy that counts. It adds 0 or 25 ms to each request, and so does the one before
each destination. What the destinations cost differs: the peers write into an empty docker-registry, three or more requests a blob; ours
into an empty bucket of versitygw, an S3 server that checks each object's hash, and it writes besides the copy an entry for each
repository's blob, the tags with their history, the lists and a report. All servers and proxies share this machine with the tools.
Ours looks for referrers where the line says so and not elsewhere, for the peers do not either. ${effort.verifyCold ? 'What was written is read back whole' : 'What is there at the end is read back whole'},
each byte hashed and compared with the source.
The job as a Worker (50 tags at 25 ms: ${effort.worker.rounds}; else once) runs in workerd, through wrangler, over an S3 server of the same kind, by fetch.
workerd is started before the time is taken, and its CPU and memory are those of all its processes, with the engine of Workflows,
less what they take while they are idle. So the CPU time should be more than Cloudflare counts. An instance that waits for another
one looks after 2, 2.5, 3.1, … 60 seconds, which its time includes.`;
}

function roundsOf(entrants: readonly Entrant[]): string {
  const most = Math.max(...entrants.map(({ rounds }) => rounds));
  const fewer = entrants
    .filter(({ rounds }) => rounds < most)
    .map(({ tool, rounds }) => `${tool.name} ${rounds}`);
  return [`${most}`, ...fewer].join(', but ');
}
