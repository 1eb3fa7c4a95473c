/** The interface of all real clients: pull through the edge, keep the content, and run it. */
import type { Digest } from '../content.ts';
import type { JsonObject } from '../manifest-json.ts';
import type { BlockName } from './documented.ts';
import type { Stored } from './stored.ts';

/**
 * How a client finds the edge.
 * - `prefix`: the edge is the upstream's mirror, and the upstream's name comes first in its path
 * - `ns`: the edge is the mirror of everything, and only `?ns=` names the upstream (containerd alone)
 * - `default`: the edge is Docker Hub's mirror, and nothing in the path names the upstream
 * - `host`: the edge is the mirror under a host name that stands for the upstream
 * - `direct`: the edge is pulled from by its own name, and the upstream's name comes first in the path
 */
export type Mode = 'prefix' | 'ns' | 'default' | 'host' | 'direct';

export interface Login {
  readonly username: string;
  readonly password: string;
}

export interface PullRequest {
  /** The edge's own URL: plain HTTP on the loopback address. */
  readonly edge: string;
  /** A reference with its upstream: `docker.io/library/app:1.0`, or with `@sha256:…`. */
  readonly reference: string;
  readonly mode: Mode;
  /** The documentation's configuration of mirrors to use. Default: the one for the mode that asks for tags too. */
  readonly block?: BlockName;
  /** The edge's name in the mode `host`, which resolves for the client alone. Default `docker.localhost`. */
  readonly host?: string;
  /**
   * For the edge only. containerd sends it unasked, as a header from hosts.toml; skopeo and podman know
   * logins only, and send them when a challenge asks for them.
   */
  readonly auth?: Login | { readonly bearer: string };
  /**
   * `host:port` of a plain HTTP registry that is asked when the edge fails. Default: the reference's own, which is
   * down in the sandbox, so that a pull which succeeds got everything from the edge.
   */
  readonly upstream?: string;
  /** `all` is for skopeo and ctr. The default is `own`, this machine's platform. */
  readonly platforms?: 'own' | 'all';
  /** Milliseconds until the client is killed. The default is 60 s. */
  readonly timeout?: number;
}

export interface Pulled {
  /** The client's own name of the image, by which it runs the image. */
  readonly reference: string;
  /** The digest that the reference resolves to: the index's, if there is an index. */
  readonly digest: Digest;
  /** The digest of this machine's image; undefined if the index has none. */
  readonly image: Digest | undefined;
  /** That image's configuration, parsed from its bytes. */
  readonly config: JsonObject | undefined;
  /** Its layers' digests. */
  readonly layers: readonly Digest[];
  /** All unchanged content that the client stores, by the digests of its real bytes. */
  readonly stored: Stored;
  /** The client's output. */
  readonly output: string;
}

export interface Client {
  readonly name: 'skopeo' | 'podman' | 'containerd' | 'cri';
  /** The modes that it can be configured for. */
  readonly modes: readonly Mode[];
  /**
   * Keeps what was pulled until `stop`.
   * @throws {PullFailedError} if the client reports an error, with all of its output
   * @throws if the client does not support the mode or the login, or does not end in time
   */
  pull(request: PullRequest): Promise<Pulled>;
  /**
   * Runs the image's entrypoint, in a container where the client has them, and returns what it printed.
   * @throws if it does not end with 0
   */
  run(pulled: Pulled): Promise<string>;
  /** Stops all its processes and removes its files. It may be called again. */
  stop(): Promise<void>;
}

/** The client ended a pull with an error; its own words are in the message. */
export class PullFailedError extends Error {
  override readonly name = 'PullFailedError';
  readonly output: string;

  constructor(client: string, reference: string, output: string) {
    super(`${client} could not pull ${reference}:\n${output}`);
    this.output = output;
  }
}
