#!/bin/bash
# Installs the Debian 12 packages that building, testing and the demo need; only those that are absent. As root.
# Services of these packages are not started: tests and demo start their own.
set -euo pipefail

build=(build-essential ccache clang-14 clang-format-14 clang-tidy-14 cmake doxygen git libclang-rt-14-dev libboost-dev libboost-filesystem-dev
       libboost-program-options-dev libarchive-dev libcpp-httplib-dev libcurl4-openssl-dev libgmock-dev libgtest-dev libnl-3-dev
       libnl-route-3-dev libsimdjson-dev libspdlog-dev libssl-dev libsystemd-dev libtbb-dev libyaml-cpp-dev mold ninja-build
       nlohmann-json3-dev pkg-config python3)
run=(busybox-static containerd containernetworking-plugins curl ethtool iproute2 iputils-ping libfaketime netcat-openbsd openssl
     openvswitch-common openvswitch-switch ovn-central ovn-common ovn-host procps runc)

absent() {
    local package
    for package in "$@"; do
        dpkg-query -W -f '${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed || echo "$package"
    done
}

mapfile -t missing < <(absent "${build[@]}" "${run[@]}")
command -v kubectl >/dev/null || missing+=(kubernetes-client)
[ ${#missing[@]} -gt 0 ] || exit 0

if [ "$(id -u)" -ne 0 ]; then
    echo "these packages are missing, and only root can install them: ${missing[*]}" >&2
    exit 1
fi

policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then
    printf '#!/bin/sh\nexit 101\n' > $policy
    chmod 755 $policy
    trap 'rm -f $policy' EXIT
fi
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
echo "installing ${#missing[@]} packages: ${missing[*]}"
if ! { apt-get update && apt-get install -y --no-install-recommends "${missing[@]}"; } >"$log" 2>&1 </dev/null; then
    tail -n 30 "$log" >&2
    echo "apt-get could not install all packages; its output is in $log" >&2
    exit 1
fi
rm -f "$log"
