/**
 * Names the person who moves a tag by hand: the person that CI works for, or this machine's user. The name is for
 * people and proves nothing.
 */
import { hostname, userInfo } from 'node:os';
import { cleanActor } from '../../../core/history.ts';

/**
 * The variables in which a CI names the person who started a job, and the name of the CI itself: the host in the
 * variable `server` if it is set, or else `name`.
 */
const CI = [
  // If a person runs an earlier job again, the first variable names that person.
  {
    people: ['GITHUB_TRIGGERING_ACTOR', 'GITHUB_ACTOR'],
    server: 'GITHUB_SERVER_URL',
    name: 'GitHub Actions',
  },
  { people: ['GITLAB_USER_LOGIN'], server: 'CI_SERVER_HOST', name: 'GitLab' },
  { people: ['BUILDKITE_BUILD_CREATOR'], server: undefined, name: 'Buildkite' },
  { people: ['CIRCLE_USERNAME'], server: undefined, name: 'CircleCI' },
  { people: ['BUILD_REQUESTEDFOR'], server: undefined, name: 'Azure Pipelines' },
  { people: ['BUILD_USER_ID'], server: 'JENKINS_URL', name: 'Jenkins' },
] as const;

export function currentActor(environment: NodeJS.ProcessEnv): string | undefined {
  return findActor(environment, { userName: () => userInfo().username, hostName: hostname });
}

/**
 * `octocat (github.com)` in CI, else `alice@laptop`.
 * @param machine a part that throws counts as unknown, because the user of a container often has no name
 * @returns undefined if nobody is known
 */
export function findActor(
  environment: NodeJS.ProcessEnv,
  machine: { readonly userName: () => string; readonly hostName: () => string },
): string | undefined {
  for (const { people, server, name } of CI) {
    const person = firstOf(people.map((variable) => environment[variable]));
    if (person === undefined) continue;
    const address = server === undefined ? '' : (environment[server] ?? '');
    const where = /^(?:https?:\/\/)?([^/\s]+)/.exec(address)?.[1] ?? name;
    return cleanActor(`${person} (${where})`);
  }
  const { SUDO_USER, USER, LOGNAME } = environment;
  const user = firstOf([SUDO_USER, attempt(machine.userName), USER, LOGNAME]);
  if (user === undefined) return undefined;
  const host = firstOf([attempt(machine.hostName)]);
  return cleanActor(host === undefined ? user : `${user}@${host}`);
}

function attempt(read: () => string): string | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

function firstOf(names: readonly (string | undefined)[]): string | undefined {
  for (const name of names) {
    const clean = name === undefined ? undefined : cleanActor(name);
    if (clean !== undefined) return clean;
  }
  return undefined;
}
