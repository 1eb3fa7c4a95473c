/** Judges who may read and write: tokens, challenges, pushes. */
import { repliesOf } from './connection.ts';
import { fine, problem, skipped, type Finding } from './finding.ts';
import { isLooked, type Examination } from './observation.ts';
import { describeReply, isRefusal, isUsable, listAsked } from './reply.ts';

export function judgeAccess(examination: Examination): Finding[] {
  return [judgeToken(examination), judgeChallenge(examination), judgeWrite(examination)];
}

/** Whether a caller without a token is refused. */
export function isClosed({ ping }: Pick<Examination, 'ping'>): boolean {
  return isRefusal(ping);
}

function judgeToken(examination: Examination): Finding {
  const { ping, pingWithToken, hasToken } = examination;
  if (!isUsable(ping)) return skipped('token', `who may read: /v2/ ${describeReply(ping)}`);
  if (!isClosed(examination)) {
    if (!hasToken) return fine('token', 'everybody who reaches the edge may read (AUDIENCE = public)');
    return problem(
      'token',
      'the edge answers without the token too',
      'its AUDIENCE is public, so everybody who reaches it may read all images',
      'set AUDIENCE = token and TOKENS at the edge, with a bucket for that audience; or leave the token out here',
    );
  }
  if (pingWithToken === undefined) {
    return problem(
      'token',
      `the edge wants a token: /v2/ without one got ${ping.status}`,
      'its AUDIENCE is token, and no token was given, so nothing else could be asked',
      'write a token into a file, and name it by --token-file FILE or edge.tokenFile in lifeboat.yaml',
    );
  }
  if (!isUsable(pingWithToken)) return skipped('token', `the token: /v2/ ${describeReply(pingWithToken)}`);
  if (isRefusal(pingWithToken)) {
    return problem(
      'token',
      'the edge does not know the token',
      `/v2/ with it got ${pingWithToken.status}`,
      'compare the token\'s SHA-256 with the variable TOKENS (printf %s "$token" | sha256sum)',
    );
  }
  const refused = repliesOf(examination)
    .slice(2)
    .filter((reply) => isRefusal(reply));
  const { registry } = examination;
  if (refused.length > 0 && registry !== undefined && isLooked(registry.image)) {
    return problem(
      'token',
      `the token may not read this image: ${listAsked(refused)} got ${refused[0]?.kind === 'answer' ? refused[0].status : ''}`,
      'its globs in TOKENS do not match the repository',
      "name an image that the token may read by --image, or add a glob to the token's line in TOKENS",
    );
  }
  return fine('token', `the token is accepted, and without one the edge says ${ping.status}`);
}

/** A challenge draws credentials that are not for this edge. An operator may want one for podman's sake. */
function judgeChallenge(examination: Examination): Finding {
  const { ping, wantsChallenge } = examination;
  const asking = repliesOf(examination).filter(
    (reply) => reply.kind === 'answer' && reply.headers['www-authenticate'] !== undefined,
  );
  if (wantsChallenge) {
    if (asking.length > 0) {
      return fine(
        'challenge',
        'the edge asks for a login, as it is meant to. Keep containerd without the header, and Docker, away from it',
      );
    }
    if (!isUsable(ping)) return skipped('challenge', `the challenge: /v2/ ${describeReply(ping)}`);
    return problem(
      'challenge',
      'the edge does not ask for a login, and --challenge says that it is meant to',
      'podman, skopeo and CRI-O send a login only if they are asked for it',
      'set AUTH_CHALLENGE = basic at the edge, or leave --challenge out',
    );
  }
  if (asking.length === 0)
    return fine('challenge', 'no answer asks for a login, so no client sends one that is not for this edge');
  return problem(
    'challenge',
    `${listAsked(asking)} got a challenge (WWW-Authenticate)`,
    "containerd's CRI answers it with the pod's pull secret for the upstream, and Docker with its login to Docker Hub: this edge gets both",
    'set AUTH_CHALLENGE = none, and give containerd the token as a header in hosts.toml. If only podman, skopeo and CRI-O pull from here, say --challenge',
  );
}

function judgeWrite({ registry }: Examination): Finding {
  if (registry === undefined) return skipped('write', 'a push');
  const { write } = registry;
  if (!isUsable(write)) return skipped('write', `a push: it ${describeReply(write)}`);
  if (write.status >= 400) return fine('write', `a push is refused with ${write.status}`);
  return problem(
    'write',
    `a push is accepted: ${write.asked} got ${write.status}`,
    'an edge refuses every write with 405, so another registry answers here',
    'let POST, PUT, PATCH and DELETE reach the edge, or refuse them in front of it',
  );
}
