/** The kinds of objects that hold mirror rules, and where they hold them. */
import type { Pulls } from './mirror-set.ts';

export interface ObjectKind {
  readonly name: string;
  readonly apiVersion: string;
  /** The key of `spec` that has the list of rules. */
  readonly list: string;
  readonly pulls: Pulls;
  /** The keys of a rule. */
  readonly keys: readonly string[];
}

export const DIGEST_MIRROR_SET: ObjectKind = {
  name: 'ImageDigestMirrorSet',
  apiVersion: 'config.openshift.io/v1',
  list: 'imageDigestMirrors',
  pulls: 'digests',
  keys: ['source', 'mirrors', 'mirrorSourcePolicy'],
};

export const TAG_MIRROR_SET: ObjectKind = {
  name: 'ImageTagMirrorSet',
  apiVersion: 'config.openshift.io/v1',
  list: 'imageTagMirrors',
  pulls: 'tags',
  keys: ['source', 'mirrors', 'mirrorSourcePolicy'],
};

/** The kind that OpenShift had before 4.13. Its mirrors are for digests, and it has no policy. */
export const CONTENT_SOURCE_POLICY: ObjectKind = {
  name: 'ImageContentSourcePolicy',
  apiVersion: 'operator.openshift.io/v1alpha1',
  list: 'repositoryDigestMirrors',
  pulls: 'digests',
  keys: ['source', 'mirrors'],
};

export const OBJECT_KINDS: readonly ObjectKind[] = [DIGEST_MIRROR_SET, TAG_MIRROR_SET, CONTENT_SOURCE_POLICY];
