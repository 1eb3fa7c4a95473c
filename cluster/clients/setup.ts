/** The setup of clients, and the configuration that a runtime gets from it. */
import type { Upstream } from '../../core/reference.ts';

export interface ClientSetup {
  /** The edge's origin, without a path: `https://lifeboat.example.com`. */
  readonly edge: string;
  /** The registries that are mirrored, or `all` for every registry that a client asks for. */
  readonly upstreams: readonly MirroredUpstream[] | 'all';
  /** Whether a client asks the edge before the upstream, or only when the upstream fails. */
  readonly order: 'mirror-first' | 'upstream-first';
  /** Whether the edge is asked what a tag is. If not, only the upstream is. */
  readonly tags: boolean;
  /** The token of an edge that needs one. */
  readonly token: string | undefined;
  /** Origins of mirrors on the node or beside it that are asked before all others, such as Spegel: `http://127.0.0.1:30020`. */
  readonly peers: readonly string[];
}

export interface MirroredUpstream {
  readonly name: Upstream;
  /** Whether clients reach it by plain HTTP. */
  readonly isInsecure: boolean;
}

/** A file for a node, or for a tool that makes nodes. */
export interface ClientFile {
  /** Below the root of the node: `etc/containerd/certs.d/docker.io/hosts.toml`. */
  readonly path: string;
  readonly content: string;
  /**
   * `whole`: the file is ours alone. `shared`: the content has to be in a file that may have other content already, which a person
   * has to merge.
   */
  readonly kind: 'whole' | 'shared';
  /** Whether it has the token, so that only the runtime may read it. */
  readonly isSecret: boolean;
}

export interface RuntimeConfiguration {
  readonly files: readonly ClientFile[];
  /** The parts of the setup that the runtime cannot express: sentences. */
  readonly limits: readonly string[];
  /** The steps that put the files to use: sentences, and commands that can be pasted. */
  readonly steps: readonly string[];
  /** The path of the file that the steps are about; left out if they are about all files. */
  readonly stepsFor?: string;
}
