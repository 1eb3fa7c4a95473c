#!/usr/bin/env bash
# Installs the real programs that the clients, s3, conformance and pages suites and the benchmarks need, on Debian and its
# relatives. Programs that are installed already stay as they are. The script needs root for apt, and Go 1.25 or newer
# for the programs that Debian does not package.
set -euo pipefail

project=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
tools=${LIFEBOAT_TOOLS:-$project/.tools}
PATH=$PATH:/usr/sbin:/sbin

declare -A package_of=(
  [chromium]=chromium
  [conmon]=conmon
  [containerd]=containerd
  [crun]=crun
  [ctr]=containerd
  [docker]=docker.io
  [docker-registry]=docker-registry
  [dockerd]=docker.io
  [etcd]=etcd-server
  [fish]=fish
  [podman]=podman
  [prometheus-pushgateway]=prometheus-pushgateway
  [runc]=runc
  [script]=bsdutils
  [skopeo]=skopeo
  [systemd-analyze]=systemd
  [wrk]=wrk
  [zsh]=zsh
)

missing=()
for program in "${!package_of[@]}"; do
  command -v "$program" >/dev/null || missing+=("${package_of[$program]}")
done
# A library of Debian's Python, which is no program on the path.
/usr/bin/python3 -c 'import prometheus_client' 2>/dev/null || missing+=(python3-prometheus-client)
if ((${#missing[@]} > 0)); then
  sudo=()
  ((EUID == 0)) || sudo=(sudo)
  "${sudo[@]}" apt-get update
  "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install --yes --no-install-recommends "${missing[@]}"
fi

# The build has a module of its own, so that it uses exactly the named version, whatever modules are around it.
install_go() {
  local program=$1 package=$2 version=$3
  [[ -x $tools/$program ]] && return
  command -v go >/dev/null || {
    echo "$program is built from source: install Go 1.25 or newer (https://go.dev/doc/install)." >&2
    exit 1
  }
  local scratch
  scratch=$(mktemp -d)
  (
    cd "$scratch"
    go mod init tools
    go get "$package@$version"
    go build -o "$tools/$program" "$package"
  )
  rm -rf "$scratch"
}

# Kubernetes publishes its libraries apart from its programs. Their versions have to be named, because its own go.mod
# takes them from folders that the module does not have.
install_kubernetes() {
  local program=$1 version=$2
  [[ -x $tools/$program ]] && return
  local scratch
  scratch=$(mktemp -d)
  (
    cd "$scratch"
    go mod init tools
    go mod edit -require="k8s.io/kubernetes@v1.$version"
    source=$(go mod download -json "k8s.io/kubernetes@v1.$version" | sed -n 's/.*"Dir": "\(.*\)",/\1/p')
    for library in $(sed -n 's/^[[:space:]]*\(k8s\.io\/[a-z0-9-]*\) => .*/\1/p' "$source/go.mod"); do
      go mod edit -replace="$library=$library@v0.$version"
    done
    printf 'package tools\n\nimport _ "k8s.io/kubernetes/cmd/%s/app"\n' "$program" >tools.go
    go mod tidy -e
    CGO_ENABLED=0 go build -o "$tools/$program" "k8s.io/kubernetes/cmd/$program"
  )
  rm -rf "$scratch"
}

# OpenTofu needs a fork of a library, which only its own go.mod names, so it is built from its own tree.
install_tofu() {
  local version=$1
  [[ -x $tools/tofu ]] && return
  local scratch
  scratch=$(mktemp -d)
  (
    cd "$scratch"
    source=$(go mod download -json "github.com/opentofu/opentofu@$version" | sed -n 's/.*"Dir": "\(.*\)",/\1/p')
    cp -r "$source" tree
    chmod -R u+w tree
    cd tree
    CGO_ENABLED=0 go build -trimpath -o "$tools/tofu" ./cmd/tofu
  )
  rm -rf "$scratch"
}

# The oldest line of Node that the package supports. npm compares the checksum, as with the project's own Node.
install_node() {
  local program=$1 version=$2 processor
  [[ -x $tools/$program ]] && return
  processor=$(uname -m | sed 's/x86_64/x64/; s/aarch64/arm64/')
  local scratch
  scratch=$(mktemp -d)
  npm install --prefix "$scratch" --no-audit --no-fund "node-linux-$processor@$version"
  cp "$scratch/node_modules/node-linux-$processor/bin/node" "$tools/$program"
  rm -rf "$scratch"
}

mkdir -p "$tools"
install_node node22 22.23.5
install_go olareg github.com/olareg/olareg/cmd/olareg v0.1.2
install_go versitygw github.com/versity/versitygw/cmd/versitygw v1.8.0
# containerd 2 is installed beside Debian's 1.6, because the two read their mirrors from different keys.
containerd2=github.com/containerd/containerd/v2/cmd
install_go containerd2 $containerd2/containerd v2.4.2
install_go containerd2-shim $containerd2/containerd-shim-runc-v2 v2.4.2
install_go ctr2 $containerd2/ctr v2.4.2
# crictl pulls as Kubernetes does, on nodes as in the tests.
install_go crictl sigs.k8s.io/cri-tools/cmd/crictl v1.34.0
install_go buildkitd github.com/moby/buildkit/cmd/buildkitd v0.34.2
install_go buildctl github.com/moby/buildkit/cmd/buildctl v0.34.2
install_kubernetes kube-apiserver 33.4
install_tofu v1.12.6
install_go kustomize sigs.k8s.io/kustomize/kustomize/v5 v5.7.1
# These are the peers of `npm run bench -- job`. crane also pushes the base images of the tests.
install_go crane github.com/google/go-containerregistry/cmd/crane v0.22.1
install_go regsync github.com/regclient/regclient/cmd/regsync v0.11.7
# docs/decisions/0004-conformance-suite.md says why it is this commit.
install_go distribution-conformance github.com/opencontainers/distribution-spec/conformance \
  v0.0.0-20260831232431-97274622c111
