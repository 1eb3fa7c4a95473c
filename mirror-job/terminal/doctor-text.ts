/** Shows a diagnosis to people: a list of checks by topic, what each client would do, and one line of counts. */
import { CLIENTS, describeVerdict, type ClientVerdict, type Verdict } from '../../cluster/doctor/clients.ts';
import { CHECKS, TOPICS, type Finding } from '../../cluster/doctor/finding.ts';
import type { Diagnosis } from '../../cluster/doctor/judge.ts';
import { countOf } from '../engine/support/count-of.ts';
import { alignColumns, shortenDigests, type Style } from './style.ts';

export function describeDiagnosis({ url, image, findings, clients }: Diagnosis, style: Style): string {
  const shown = withoutRepetition(findings);
  const topics = TOPICS.flatMap((topic) => {
    const found = shown.filter(({ check }) => CHECKS[check] === topic);
    return found.length === 0 ? [] : ['', topic].concat(found.flatMap((finding) => linesOf(finding, style)));
  });
  const whole = [
    `${url}${image === undefined ? '' : `, by ${image}`}`,
    ...topics,
    '',
    'clients',
    ...alignColumns(clients.map((one) => rowOf(one, style))),
    '',
    countsOf(shown, style),
  ];
  return shortenDigests(whole.join('\n'));
}

/** Several checks of one topic may not have been looked at for the same reason. */
function withoutRepetition(findings: readonly Finding[]): Finding[] {
  return findings.filter((one, index) => findings.findIndex((other) => isSame(one, other)) === index);
}

function isSame(one: Finding, other: Finding): boolean {
  return (
    one.says === other.says && one.outcome === other.outcome && CHECKS[one.check] === CHECKS[other.check]
  );
}

const OUTCOME_WIDTH = 'not looked at'.length;

function linesOf(finding: Finding, style: Style): string[] {
  const { outcome } = finding;
  const paint = { ok: style.good, problem: style.bad, 'not looked at': style.faint }[outcome];
  const first = `  ${paint(outcome)}${' '.repeat(OUTCOME_WIDTH - outcome.length)}  ${finding.says}`;
  if (finding.outcome !== 'problem') return [first];
  const indent = ' '.repeat(OUTCOME_WIDTH + 4);
  return [first, `${indent}because ${finding.because}`, `${indent}next: ${finding.next}`];
}

function rowOf(verdict: ClientVerdict, style: Style): string[] {
  const paint: Record<Verdict, (text: string) => string> = {
    pulls: style.good,
    unknown: style.faint,
    'falls back': style.bad,
    fails: style.bad,
  };
  return [`  ${CLIENTS[verdict.client]}`, paint[verdict.verdict](describeVerdict(verdict))];
}

function countsOf(findings: readonly Finding[], style: Style): string {
  const count = (outcome: Finding['outcome']) => findings.filter((one) => one.outcome === outcome).length;
  const problems = count('problem');
  return [
    `${count('ok')} ok`,
    ...(problems === 0 ? [] : [style.bad(countOf(problems, 'problem'))]),
    `${count('not looked at')} not looked at`,
  ].join(', ');
}

/** The diagnosis as plain data for machines. */
export function diagnosisData({ url, image, findings, clients }: Diagnosis) {
  return {
    url,
    ...(image !== undefined && { image }),
    problems: findings.filter(({ outcome }) => outcome === 'problem').length,
    checks: findings.map((finding) => ({ topic: CHECKS[finding.check], ...finding })),
    clients: clients.map((one) => ({ ...one, says: `${CLIENTS[one.client]} ${describeVerdict(one)}` })),
  };
}
