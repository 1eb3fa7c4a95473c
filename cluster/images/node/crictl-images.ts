/** The images that `crictl images -o json` lists on a node. */
import { at, textsIn } from '../../check/parsed-file.ts';
import type { Found } from '../mention.ts';
import { namesOfStoredImage } from '../stored-image.ts';

/** Whether a value has the form of crictl's list. Kubernetes objects have a kind, and this has none. */
export function isCrictlList(value: unknown): boolean {
  return at(value, 'kind') === undefined && Array.isArray(at(value, 'images'));
}

/**
 * Images without a name are left out, because no registry can be asked for them.
 * @param value a JSON value from outside
 * @param file stands for the node, whose name crictl does not print
 */
export function* imagesOfCrictl(value: unknown, file: string): Generator<Found> {
  const images = at(value, 'images');
  if (!Array.isArray(images)) {
    yield {
      kind: 'problem',
      where: file,
      message: 'this is not what "crictl images -o json" prints, and was left out.',
      isUnread: true,
    };
    return;
  }
  for (const image of images) {
    const names = [...textsIn(at(image, 'repoTags')), ...textsIn(at(image, 'repoDigests'))];
    for (const name of namesOfStoredImage(names)) {
      yield { kind: 'mention', ...name, use: { kind: 'Node', name: file, how: 'running' } };
    }
  }
}
