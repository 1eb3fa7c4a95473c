/** The facts that `lifeboat init` has to know: the questions, the options that answer them, and which answers can be used. */
import { isClusterName } from '../../core/layout.ts';
import { NameInvalidError, parseReference, parseUpstream } from '../../core/reference.ts';
import { EdgeAddressError, parseEdgeUrl } from '../configuration/edge.ts';
import { bucketProblem, endpointProblem } from '../configuration/store-address.ts';
import { parsePlatform } from '../engine/selection/platform.ts';

/** An answer cannot be used. The message is a sentence. */
export class AnswerError extends Error {
  override readonly name = 'AnswerError';
}

export type FieldName =
  | 'endpoint'
  | 'bucket'
  | 'region'
  | 'images'
  | 'clusters'
  | 'upstreams'
  | 'audience'
  | 'platforms'
  | 'edge';

/** Texts as people write them; several words stand in one text, with spaces between them. */
export type Answers = Readonly<Record<FieldName, string>>;

export interface Field {
  readonly name: FieldName;
  /** The option that answers it; IMAGE for the arguments that are no options. */
  readonly option: string;
  /** How the command line answers it, for the message that it lacks. */
  readonly flag: string;
  /** The number of its question among the five, and the question; left out for what belongs to the one before. */
  readonly question?: string;
  readonly prompt: string;
  /** Whether it matters, given the answers that are known; left out if it always does. */
  readonly matters?: (known: Partial<Answers>) => boolean;
  /** The answer if people give none; undefined if one is needed. */
  readonly byDefault: (before: Partial<Answers>) => string | undefined;
  /** @throws {AnswerError} */
  readonly check: (answer: string) => void;
}

const VARIABLE = /^\$\{[A-Za-z_]\w*\}$/;

export const FIELDS: readonly Field[] = [
  {
    name: 'endpoint',
    option: '--endpoint',
    flag: '--endpoint URL',
    question: '1 of 5: where is the bucket? It has to exist, and to be empty or Lifeboat’s already.',
    prompt: 'S3 address, such as https://<account>.r2.cloudflarestorage.com (nothing for AWS)',
    byDefault: () => '',
    check: (answer) => {
      if (VARIABLE.test(answer)) return;
      const url = URL.parse(answer);
      if (url?.protocol !== 'https:' && url?.protocol !== 'http:') {
        throw new AnswerError(`"${answer}" is not an address such as https://s3.example.com.`);
      }
      refuseFor(endpointProblem(answer));
    },
  },
  {
    name: 'bucket',
    option: '--bucket',
    flag: '--bucket NAME',
    prompt: 'name of the bucket',
    byDefault: () => undefined,
    check: (answer) => {
      if (!VARIABLE.test(answer)) refuseFor(bucketProblem(answer));
    },
  },
  {
    name: 'region',
    option: '--region',
    flag: '--endpoint URL, or --region REGION for AWS',
    prompt: 'region',
    byDefault: ({ endpoint }) => (endpoint === '' || endpoint === undefined ? undefined : 'auto'),
    check: (answer) => {
      if (!VARIABLE.test(answer) && !/^[\w-]{1,64}$/.test(answer)) {
        throw new AnswerError(`"${answer}" is not a region, such as eu-central-1 or auto.`);
      }
    },
  },
  {
    name: 'images',
    option: 'IMAGE',
    flag: 'IMAGE...',
    question: '2 of 5: what is mirrored?',
    prompt: 'images with their tags, such as docker.io/library/nginx:1.27 (nothing: what a cluster runs)',
    matters: ({ clusters }) => clusters === undefined,
    byDefault: () => '',
    check: eachWord((word) => {
      const { tag, digest } = byName(() => parseReference(word));
      if (tag !== undefined || digest !== undefined) return;
      throw new AnswerError(
        `"${word}" has no tag: write one, as in ${word}:1.0. lifeboat.yaml can select several later.`,
      );
    }),
  },
  {
    name: 'clusters',
    option: '--cluster',
    flag: 'IMAGE..., or --cluster NAME with --upstream HOST',
    prompt: 'name of the cluster, your own for it',
    matters: ({ images }) => images === '',
    byDefault: () => undefined,
    check: eachWord((word) => {
      if (isClusterName(word)) return;
      throw new AnswerError(
        `"${word}" is not a name of a cluster: lower-case letters, digits, dots and hyphens, 63 at most.`,
      );
    }),
  },
  {
    name: 'upstreams',
    option: '--upstream',
    flag: '--upstream HOST',
    prompt: 'registries whose images it may mirror, such as docker.io quay.io',
    matters: ({ clusters }) => clusters !== undefined && clusters !== '',
    byDefault: () => undefined,
    check: eachWord((word) => byName(() => parseUpstream(word))),
  },
  {
    name: 'audience',
    option: '--audience',
    flag: '--audience public|token',
    question: '3 of 5: who may read all of the bucket through the edge? The first run fixes it.',
    prompt: 'public (everybody who reaches the edge) or token (holders of a token)',
    byDefault: () => undefined,
    check: (answer) => {
      if (answer !== 'public' && answer !== 'token') {
        throw new AnswerError(`"${answer}": it is public or token.`);
      }
    },
  },
  {
    name: 'platforms',
    option: '--platform',
    flag: '--platform PLATFORM',
    question: '4 of 5: for which platforms?',
    prompt: 'platforms, such as linux/amd64 linux/arm64 (nothing: all)',
    byDefault: () => '',
    check: eachWord((word) => {
      if (parsePlatform(word) !== undefined) return;
      throw new AnswerError(`"${word}" is not a platform, such as linux/amd64 or linux/arm/v7.`);
    }),
  },
  {
    name: 'edge',
    option: '--edge',
    flag: '--edge URL',
    question: '5 of 5: where do clients reach the edge?',
    prompt: 'address, such as https://mirror.example.com (nothing: not known yet)',
    byDefault: () => '',
    check: (answer) => {
      try {
        parseEdgeUrl(answer);
      } catch (error) {
        if (!(error instanceof EdgeAddressError)) throw error;
        throw new AnswerError(`"${answer}": ${error.message}`, { cause: error });
      }
    },
  },
];

/**
 * @param meaningOf the same text for words that mean the same
 * @returns the words of an answer, which commas or spaces separate; of several that mean the same, the first
 */
export function wordsOf(answer: string, meaningOf: (word: string) => string = String): readonly string[] {
  const words = new Map<string, string>();
  for (const word of answer.split(/[\s,]+/)) {
    if (word === '') continue;
    const meaning = meaningOf(word);
    if (!words.has(meaning)) words.set(meaning, word);
  }
  return [...words.values()];
}

function eachWord(check: (word: string) => void): (answer: string) => void {
  return (answer) => {
    for (const word of wordsOf(answer)) check(word);
  };
}

/** @throws {AnswerError} if there is a problem */
function refuseFor(problem: string | undefined): void {
  if (problem !== undefined) throw new AnswerError(problem);
}

function byName<Value>(parse: () => Value): Value {
  try {
    return parse();
  } catch (error) {
    if (!(error instanceof NameInvalidError)) throw error;
    throw new AnswerError(error.message, { cause: error });
  }
}
