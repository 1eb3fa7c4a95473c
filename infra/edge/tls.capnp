# As edge.capnp, with TLS by workerd itself. FOLDER holds tls.crt, the chain with the edge's own certificate first, and tls.key.
# Both are read at the start alone, so a renewed certificate needs a restart.
#
#   workerd serve --import-path=FOLDER tls.capnp
@0xe4b7083d5c9a162f;

using Workerd = import "/workerd/workerd.capnp";
using Edge = import "edge.capnp";

const config :Workerd.Config = (
  services = Edge.services,
  sockets = [(
    name = "https",
    address = "*:8443",
    https = (tlsOptions = (keypair = (privateKey = embed "/tls.key", certificateChain = embed "/tls.crt"))),
    service = "edge",
  )],
  v8Flags = Edge.v8Flags,
);
