/** A list of names with values that an image's author has written. */
import { More } from './elements.tsx';
import { cut } from './formats.ts';

interface Props {
  readonly title: string;
  readonly level: 2 | 3;
  readonly isOpen: boolean;
  readonly texts: readonly (readonly [name: string, value: string])[];
  /** How many of them are shown, and the path of the bytes that have all. */
  readonly most: number;
  readonly raw: string;
}

export function Texts({ title, level, isOpen, texts, most, raw }: Props) {
  const Heading = `h${level}` as const;
  return (
    <details open={isOpen}>
      <summary>
        <Heading>
          {title} <small>{texts.length}</small>
        </Heading>
      </summary>
      <dl class="texts">
        {texts.slice(0, most).map(([name, value]) => (
          <>
            <dt>{cut(name, most)}</dt>
            <dd>{cut(value, most)}</dd>
          </>
        ))}
      </dl>
      <More left={texts.length - most} one="line" raw={raw} />
    </details>
  );
}
