/** A list of names with values that an image's author has written. */
import { More } from './elements.tsx';
import { shown } from './formats.ts';

/** More than any image has that people read. The bytes have all of them. */
const MAX_TEXTS = 60;

interface Props {
  readonly title: string;
  readonly level: 2 | 3;
  readonly isOpen: boolean;
  readonly texts: readonly (readonly [name: string, value: string])[];
}

export function Texts({ title, level, isOpen, texts }: Props) {
  const Heading = `h${level}` as const;
  return (
    <details open={isOpen}>
      <summary>
        <Heading>
          {title} <small>{texts.length}</small>
        </Heading>
      </summary>
      <dl class="texts">
        {texts.slice(0, MAX_TEXTS).map(([name, value]) => (
          <>
            <dt>{shown(name)}</dt>
            <dd>{shown(value)}</dd>
          </>
        ))}
      </dl>
      <More left={texts.length - MAX_TEXTS} one="line" />
    </details>
  );
}
