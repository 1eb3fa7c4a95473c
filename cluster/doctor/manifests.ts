/** Judges manifests, by every name that a client may use. */
import { isManifestMediaType } from '../../core/media-type.ts';
import { fine, problem, skipped, type Check, type Finding } from './finding.ts';
import {
  isLooked,
  type Answer,
  type Examination,
  type ImageReplies,
  type ManifestReplies,
  type Reply,
} from './observation.ts';
import { areTagsOff, skipAll } from './registry.ts';
import { describeReply, isRefusal, isSuccess, isUsable, listAsked } from './reply.ts';

const CHECKS_OF_IMAGES: readonly Check[] = [
  'tag',
  'digest',
  'child',
  'length',
  'digest-header',
  'media-type',
  'encoding',
  'manifest-bytes',
  'prefix',
  'ns',
  'prefix-and-ns',
  'default-upstream',
  'namespace',
];

const UNCHANGED = 'let the answers of the edge through unchanged';

export function judgeManifests({ registry }: Examination): Finding[] {
  if (registry === undefined) return skipAll(CHECKS_OF_IMAGES, 'the edge was not asked for images');
  const { image } = registry;
  if (!isLooked(image)) return skipAll(CHECKS_OF_IMAGES, image.notLooked);
  return [
    judgeTag(image),
    judgeDigest(image),
    judgeChild(image),
    judgeLength(image),
    judgeDigestHeader(image),
    judgeMediaType(image),
    judgeEncoding(image),
    judgeBytes(image),
    ...judgeNames(image),
  ];
}

/** All manifests by the prefix name, and by the others. */
function manifestReplies({ tag, manifest, child, names }: ImageReplies): Answer[] {
  const byNames = [names.ns, names.prefixAndNs, names.defaultUpstream].filter(
    (reply): reply is Reply => !('notLooked' in reply),
  );
  return [tag, manifest, child]
    .flatMap((one) => (one === undefined ? [] : [one.head, one.get]))
    .concat(byNames)
    .filter((reply) => isSuccess(reply));
}

function isHead({ asked }: Pick<Answer, 'asked'>): boolean {
  return asked.startsWith('HEAD ');
}

function judgeTag(image: ImageReplies): Finding {
  const { tag, reference, namedBy } = image;
  if (tag === undefined) return skipped('tag', 'an image by its tag: only a digest is known');
  if (areTagsOff(image)) return skipped('tag', 'an image by its tag: this edge answers digests only');
  if (isPrefixLost(image))
    return skipped('tag', 'an image by its tag: its name with the registry in front is not found');
  const wrong = firstWrong(tag);
  if (wrong === 'unusable') return skipped('tag', 'an image by its tag: it got no usable answer');
  if (wrong === undefined) return fine('tag', `${reference} is answered by its tag`);
  return problem(
    'tag',
    `${wrong.asked} ${describeReply(wrong)}`,
    `${namedBy} has ${reference}, and the edge does not answer with it`,
    absence(wrong),
  );
}

/** Whether the image is here, and only its usual name does not lead to it. */
function isPrefixLost({ tag, manifest, names }: ImageReplies): boolean {
  const byPrefix = [tag?.head, tag?.get, manifest?.head, manifest?.get].filter((reply) => isUsable(reply));
  return byPrefix.length > 0 && byPrefix.every(({ status }) => status === 404) && isSuccess(names.ns);
}

function absence({ status }: Answer): string {
  return status === 404
    ? 'run "lifeboat sync", check the spelling of the image, and that edge and job have the same bucket'
    : UNCHANGED;
}

function judgeDigest(image: ImageReplies): Finding {
  const { manifest } = image;
  if (manifest === undefined) return skipped('digest', 'an image by its digest: no digest is known');
  if (isPrefixLost(image))
    return skipped('digest', 'an image by its digest: its name with the registry in front is not found');
  const wrong = firstWrong(manifest);
  if (wrong === 'unusable') return skipped('digest', 'an image by its digest: it got no usable answer');
  if (wrong === undefined) return fine('digest', 'the same image is answered by its digest');
  return problem(
    'digest',
    `${wrong.asked} ${describeReply(wrong)}`,
    'containerd, CRI-O and podman pull by the digest that the tag has',
    absence(wrong),
  );
}

/** @returns the answer that is no success; undefined if both are */
function firstWrong({ head, get }: Pick<ManifestReplies, 'head' | 'get'>): Answer | 'unusable' | undefined {
  const usable = [head, get].filter((reply) => isUsable(reply)).filter((reply) => !isRefusal(reply));
  if (usable.length === 0) return 'unusable';
  return usable.find(({ status }) => status !== 200);
}

function judgeChild({ child }: ImageReplies): Finding {
  if (child === undefined) return skipped('child', 'an image of one platform: the image is no index');
  const wrong = firstWrong(child);
  if (wrong === 'unusable') return skipped('child', 'an image of one platform: it got no usable answer');
  if (wrong === undefined) return fine('child', 'an image that the index lists is answered');
  return problem(
    'child',
    `the index is here, and none of the images that it lists: ${wrong.asked} ${describeReply(wrong)}`,
    'CRI-O, podman and skopeo stay with the mirror that gave them the index, and fail',
    'run "lifeboat sync", and look for a run that failed',
  );
}

/** A HEAD without a length is what containerd cannot use. A compressed answer has no length for another reason. */
function judgeLength(image: ImageReplies): Finding {
  const { manifest, tag, blob } = image;
  const heads = [...manifestReplies(image), ...(isLooked(blob) ? [blob.head] : [])].filter(
    (reply): reply is Answer => isSuccess(reply) && isHead(reply) && !isEncoded(reply),
  );
  if (heads.length === 0) return skipped('length', 'Content-Length: no HEAD was answered');
  const missing = heads.filter(({ headers }) => headers['content-length'] === undefined);
  if (missing.length > 0) {
    return problem(
      'length',
      `${listAsked(missing)} got no Content-Length`,
      'without it containerd asks by GET, does not fall back to another host, and before 2.3 hashes an error page for the image',
      `${UNCHANGED}: look for a proxy that compresses or buffers (Cache-Control says no-transform)`,
    );
  }
  const pairs = [tag, manifest].filter((one) => one !== undefined);
  const wrong = pairs.find(
    ({ head, get }) =>
      isSuccess(head) &&
      isSuccess(get) &&
      !isEncoded(get) &&
      !isEncoded(head) &&
      head.headers['content-length'] !== String(get.body.bytes),
  );
  if (wrong === undefined) return fine('length', 'each HEAD has the length of its body');
  return problem(
    'length',
    `${wrong.head.asked} has another Content-Length than the body of the GET`,
    'containerd compares the two',
    UNCHANGED,
  );
}

function judgeDigestHeader(image: ImageReplies): Finding {
  const answers = manifestReplies(image);
  if (answers.length === 0)
    return skipped('digest-header', 'Docker-Content-Digest: no manifest was answered');
  const missing = answers.filter(({ headers }) => headers['docker-content-digest'] === undefined);
  if (missing.length > 0) {
    return problem(
      'digest-header',
      `${listAsked(missing)} got no Docker-Content-Digest`,
      'without it containerd asks by GET, does not fall back to another host, and before 2.3 hashes an error page for the image',
      `${UNCHANGED}: look for a rule that removes headers`,
    );
  }
  return fine('digest-header', 'each manifest has its digest in a header');
}

function judgeMediaType(image: ImageReplies): Finding {
  const answers = manifestReplies(image);
  if (answers.length === 0) return skipped('media-type', 'Content-Type: no manifest was answered');
  const { manifest, child } = image;
  const expected = new Set([manifest?.mediaType, child?.mediaType].filter((type) => type !== undefined));
  const wrong = answers.find(({ headers }) => {
    const type = headers['content-type'] ?? '';
    return !isManifestMediaType(type) || (expected.size > 0 && !expected.has(type));
  });
  if (wrong === undefined) return fine('media-type', 'each manifest has its own media type as Content-Type');
  return problem(
    'media-type',
    `${wrong.asked} has the Content-Type "${wrong.headers['content-type'] ?? ''}"`,
    'clients read a manifest by this type: with application/octet-stream containerd and skopeo fail',
    UNCHANGED,
  );
}

function isEncoded({ headers }: Answer): boolean {
  const encoding = headers['content-encoding'] ?? 'identity';
  return encoding !== '' && encoding !== 'identity';
}

function judgeEncoding(image: ImageReplies): Finding {
  const { blob } = image;
  const answers = [...manifestReplies(image), ...(isLooked(blob) ? [blob.head, blob.last] : [])].filter(
    (reply): reply is Answer => isSuccess(reply),
  );
  if (answers.length === 0) return skipped('encoding', 'Content-Encoding: nothing was answered');
  const encoded = answers.filter((answer) => isEncoded(answer));
  if (encoded.length === 0) return fine('encoding', 'nothing is compressed on its way');
  return problem(
    'encoding',
    `${listAsked(encoded)} came with Content-Encoding: ${encoded[0]?.headers['content-encoding'] ?? ''}`,
    'the length and the digest of the answer are then not those of the image, and a broken transfer cannot be resumed',
    'turn the compression off for /v2/ in front of the edge (the edge says no-transform)',
  );
}

function judgeBytes({ tag, manifest, child }: ImageReplies): Finding {
  if (manifest === undefined)
    return skipped('manifest-bytes', 'the hash of the manifest: no digest is known');
  // A manifest asked for by digest must have that digest, whatever the answer's headers say.
  const expectations: readonly [Reply | undefined, string | undefined][] = [
    [manifest.get, manifest.digest],
    [child?.get, child?.digest],
    [tag?.get, undefined],
  ];
  const answers = expectations.flatMap(([reply, digest]) =>
    isSuccess(reply) && !isEncoded(reply) ? [{ reply, digest }] : [],
  );
  if (answers.length === 0) return skipped('manifest-bytes', 'the hash of the manifest: it was not answered');
  const wrong = answers.find(({ reply: { body, headers }, digest }) => {
    const named = headers['docker-content-digest'];
    return (
      body.digest !== (digest ?? named ?? manifest.digest) || (named !== undefined && named !== body.digest)
    );
  })?.reply;
  if (wrong === undefined) return fine('manifest-bytes', 'the manifest has the bytes that its digest names');
  return problem(
    'manifest-bytes',
    `the bytes of ${wrong.asked} do not have its digest`,
    'no client takes them, and containerd keeps a wrong body, so that later pulls fail too',
    'look for something between here and the edge that changes bodies. The edge hashes every manifest before it answers',
  );
}

/** Each client writes the name of an image in its own way. */
function judgeNames(image: ImageReplies): Finding[] {
  const { names, tag, manifest } = image;
  const known = [manifest?.get, manifest?.head, tag?.get, names.ns].find((reply) => isSuccess(reply));
  if (known === undefined) {
    return skipAll(
      ['prefix', 'ns', 'prefix-and-ns', 'default-upstream', 'namespace'],
      'names: the image was not answered',
    );
  }
  const digest = manifest?.digest ?? known.headers['docker-content-digest'];
  const judge = (check: Check, reply: Reply, says: string, because: string, next: string): Finding => {
    if (!isUsable(reply)) return skipped(check, `${says}: it got no usable answer`);
    const found = reply.headers['docker-content-digest'] ?? digest;
    if (reply.status === 200 && found === digest) return fine(check, says);
    const what = reply.status === 200 ? `got another image (${found})` : describeReply(reply);
    return problem(check, `${reply.asked} ${what}`, because, next);
  };
  const keepNs = 'let the query (?ns=) through to the edge unchanged, and do not cache without it';
  return [
    judgePrefix(image),
    judge(
      'ns',
      names.ns,
      'a name with ?ns= is found (containerd with _default, Bottlerocket)',
      'containerd says by ?ns= which registry it means',
      keepNs,
    ),
    judge(
      'prefix-and-ns',
      names.prefixAndNs,
      'a name with both is found (containerd with override_path)',
      'containerd with override_path sends the registry in the path and as ?ns=',
      keepNs,
    ),
    isLooked(names.defaultUpstream)
      ? judge(
          'default-upstream',
          names.defaultUpstream,
          "a name without a registry is one of Docker Hub (Docker's registry-mirrors)",
          'Docker sends names of Docker Hub without the registry, and the DEFAULT_UPSTREAM of the edge is another one',
          'set DEFAULT_UPSTREAM = docker.io at the edge, if Docker pulls from here',
        )
      : skipped('default-upstream', names.defaultUpstream.notLooked),
    judgeNamespace(names.ns),
  ];
}

function judgePrefix(image: ImageReplies): Finding {
  if (!isPrefixLost(image)) {
    return fine(
      'prefix',
      'a name with the registry in front is found (containerd with override_path, CRI-O, podman, BuildKit)',
    );
  }
  const asked = [image.tag?.get, image.manifest?.get].filter((reply) => reply !== undefined);
  return problem(
    'prefix',
    `${listAsked(asked)} got 404, and the same image is found by ?ns=`,
    'containerd with override_path, CRI-O, podman and BuildKit put the registry in front of the name',
    'let the path through to the edge unchanged, and look whether HOSTS of the edge gives this host name to another registry',
  );
}

function judgeNamespace(reply: Reply): Finding {
  if (!isSuccess(reply)) return skipped('namespace', 'OCI-Namespace: the name with ?ns= was not answered');
  if (reply.headers['oci-namespace'] !== undefined) {
    return fine('namespace', 'the answer to ?ns= repeats it (OCI-Namespace)');
  }
  return problem(
    'namespace',
    `${reply.asked} got no OCI-Namespace`,
    'a client cannot tell that the edge understood which registry it means',
    `${UNCHANGED}: look for a rule that removes headers`,
  );
}
