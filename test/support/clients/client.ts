/** The interface of all real clients, which pull through the edge, store the content, and run it. */
import type { Digest } from '../content.ts';
import type { JsonObject } from '../manifest-json.ts';
import type { BlockName } from './documented.ts';
import type { Stored } from './stored.ts';

/**
 * The ways in which a client finds the edge.
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
  /** A reference with its upstream, as `docker.io/library/app:1.0` or with `@sha256:…`. */
  readonly reference: string;
  readonly mode: Mode;
  /** The documented configuration of mirrors to use; by default the one for the mode that also asks for tags. */
  readonly block?: BlockName;
  /** The edge's name in the mode `host`, which resolves for the client alone; `docker.localhost` by default. */
  readonly host?: string;
  /**
   * The login or token for the edge only. containerd always sends it, as a header from hosts.toml. skopeo and podman
   * know logins only, and send them when a challenge asks for them.
   */
  readonly auth?: Login | { readonly bearer: string };
  /**
   * The `host:port` of a plain HTTP registry that the client asks if the edge fails. By default it is the reference's
   * own registry, which is down in the sandbox, so a pull that succeeds got everything from the edge.
   */
  readonly upstream?: string;
  /** The platforms to pull: `own` is this machine's, and the default; `all` is for skopeo and ctr. */
  readonly platforms?: 'own' | 'all';
  /** The time until the client is killed, in milliseconds; 60 s by default. */
  readonly timeout?: number;
}

export interface Pulled {
  /** The client's own name of the image, under which it runs the image. */
  readonly reference: string;
  /** The digest to which the reference resolves: the index's, if there is an index. */
  readonly digest: Digest;
  /** The digest of this machine's image; undefined if the index has none. */
  readonly image: Digest | undefined;
  /** The configuration of that image, parsed from its bytes. */
  readonly config: JsonObject | undefined;
  /** The digests of that image's layers. */
  readonly layers: readonly Digest[];
  /** All unchanged content that the client stores, by the digests of its real bytes. */
  readonly stored: Stored;
  /** The client's output. */
  readonly output: string;
}

export interface Client {
  readonly name: 'skopeo' | 'podman' | 'containerd' | 'cri';
  /** The modes for which the client can be configured. */
  readonly modes: readonly Mode[];
  /**
   * Pulls an image. Its content stays until `stop`.
   * @throws {PullFailedError} if the client reports an error; the message has all of its output
   * @throws if the client does not support the mode or the login, or does not end in time
   */
  pull(request: PullRequest): Promise<Pulled>;
  /**
   * Runs the image's entrypoint, in a container if the client has containers, and returns its output.
   * @throws if the entrypoint does not end with 0
   */
  run(pulled: Pulled): Promise<string>;
  /** Stops all processes of the client and removes its files. It may be called again. */
  stop(): Promise<void>;
}

/** The client ended a pull with an error. The message has the client's own words. */
export class PullFailedError extends Error {
  override readonly name = 'PullFailedError';
  readonly output: string;

  constructor(client: string, reference: string, output: string) {
    super(`${client} could not pull ${reference}:\n${output}`);
    this.output = output;
  }
}
