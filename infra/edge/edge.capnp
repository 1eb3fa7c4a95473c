# The edge in workerd, on a machine of one's own: the Worker that Cloudflare runs, with the same variables, from the environment.
#
#   workerd serve edge.capnp
#
# `npm run build` puts this file into dist/edge, beside the Worker's bundle. docs/self-hosting.md says how to run it.
@0x9fd2c5a86e31b704;

using Workerd = import "/workerd/workerd.capnp";
using Environment = import "variables.capnp";

const config :Workerd.Config = (
  services = .services,
  # `--socket-addr http=127.0.0.1:8080` has the edge listen elsewhere.
  sockets = [(name = "http", address = "*:8080", http = (), service = "edge")],
  v8Flags = .v8Flags,
);

const services :List(Workerd.Service) = [
  (name = "edge", worker = (
    modules = [(name = "index.js", esModule = embed "index.js")],
    # As in wrangler.deploy.example.toml.
    compatibilityDate = "2026-10-01",
    bindings = Environment.variables,
    # There is no `cacheApiOutbound`: one process is one isolate, so the Worker's own memory is all that could be shared.
  )),
  # The store may be a server of one's own, so private addresses are allowed. The Worker requests nothing but the stores that the
  # variables name. The roots are the system's, or those of SSL_CERT_FILE and SSL_CERT_DIR.
  (name = "internet", network = (allow = ["public", "private"], tlsOptions = (trustBrowserCas = true))),
];

# As much as an isolate has at Cloudflare. Without a limit, V8 would take a part of the machine's memory before it collects.
const v8Flags :List(Text) = ["--max-old-space-size=128"];
