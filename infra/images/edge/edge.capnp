# The edge in workerd: the same Worker as at Cloudflare, with its variables from the environment. docs/edge.md explains them.
using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [
    (name = "edge", worker = (
      modules = [(name = "index.js", esModule = embed "dist/edge/index.js")],
      compatibilityDate = "2026-10-01",
      bindings = [
        (name = "S3_ENDPOINT", fromEnvironment = "S3_ENDPOINT"),
        (name = "S3_BUCKET", fromEnvironment = "S3_BUCKET"),
        (name = "S3_REGION", fromEnvironment = "S3_REGION"),
        (name = "S3_ACCESS_KEY_ID", fromEnvironment = "S3_ACCESS_KEY_ID"),
        (name = "S3_SECRET_ACCESS_KEY", fromEnvironment = "S3_SECRET_ACCESS_KEY"),
      ])),
    (name = "internet", network = (allow = ["public", "private", "local"], tlsOptions = (trustBrowserCas = true))),
  ],
  sockets = [(name = "http", address = "*:8080", http = (), service = "edge")],
);
