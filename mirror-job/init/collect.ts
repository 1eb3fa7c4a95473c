/** Collects the answers for `lifeboat init`: from the options, and from a person where there is one. */
import { UsageError } from '../configuration/usage-error.ts';
import { AnswerError, FIELDS, type Answers, type Field } from './fields.ts';

interface Person {
  /** @returns what was typed, without spaces at its ends */
  readonly ask: (question: string) => Promise<string>;
  readonly say: (line: string) => void;
}

/**
 * @param given the answers of the command line
 * @param person undefined if nobody can be asked
 * @throws {UsageError} for an option that cannot be used, and with all that is missing; and what `person.ask` throws
 */
export async function collectAnswers(
  given: Partial<Answers>,
  person: Person | undefined,
  help: string,
): Promise<Answers> {
  for (const field of FIELDS) checkOption(field, given[field.name]);
  const answers: Partial<Record<Field['name'], string>> = { ...given };
  const missing: string[] = [];
  for (const field of FIELDS) {
    if (answers[field.name] !== undefined) continue;
    const matters = field.matters?.(answers) ?? true;
    const fallback = matters ? field.byDefault(answers) : '';
    if (matters && person !== undefined) {
      answers[field.name] = await askFor(field, fallback, person);
    } else {
      if (fallback === undefined) missing.push(field.flag);
      answers[field.name] = fallback ?? '';
    }
  }
  if (missing.length > 0) {
    throw new UsageError(
      `there is no terminal to ask on, so these have to be given: ${missing.join('; ')}. ${help}`,
    );
  }
  if (answers.upstreams !== '' && answers.clusters === '') {
    throw new UsageError(
      '--upstream: it says which registries the images of a cluster may come from, so it needs --cluster NAME. Name the cluster too, or leave --upstream out.',
    );
  }
  return answersOf(answers);
}

function answersOf(found: Partial<Answers>): Answers {
  const answer = (name: Field['name']) => found[name] ?? '';
  return {
    endpoint: answer('endpoint'),
    bucket: answer('bucket'),
    region: answer('region'),
    images: answer('images'),
    clusters: answer('clusters'),
    upstreams: answer('upstreams'),
    audience: answer('audience'),
    platforms: answer('platforms'),
    edge: answer('edge'),
  };
}

/** @throws {UsageError} */
function checkOption({ option, check }: Field, answer: string | undefined): void {
  if (answer === undefined) return;
  // An empty text is most often a variable of the shell that is not set.
  if (answer === '') throw new UsageError(`${option}: it is empty. Give it a value, or leave it out.`);
  try {
    check(answer);
  } catch (error) {
    if (!(error instanceof AnswerError)) throw error;
    throw new UsageError(`${option}: ${error.message}`, { cause: error });
  }
}

/** Asks again until the answer can be used. */
async function askFor(
  { question, prompt, check }: Field,
  fallback: string | undefined,
  { ask, say }: Person,
): Promise<string> {
  if (question !== undefined) say(question);
  for (;;) {
    const shown = fallback === undefined || fallback === '' ? '' : ` [${fallback}]`;
    const typed = await ask(`  ${prompt}${shown}: `);
    const answer = typed === '' ? fallback : typed;
    if (answer === undefined) {
      say('  This needs an answer.');
      continue;
    }
    try {
      if (answer !== '') check(answer);
      return answer;
    } catch (error) {
      if (!(error instanceof AnswerError)) throw error;
      say(`  ${error.message}`);
    }
  }
}
