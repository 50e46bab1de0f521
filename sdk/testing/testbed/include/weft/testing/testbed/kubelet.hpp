#pragma once

#include <weft/base/ip.hpp>
#include <weft/base/result.hpp>
#include <weft/testing/testbed/images.hpp>
#include <weft/testing/testbed/testbed.hpp>

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace weft::testing {

struct KubeletOptions {
    std::string node;
    std::string netns;
    std::vector<Ip> addresses;          ///< the node's InternalIPs, one of a family
    std::filesystem::path dir;          ///< everything of it: short, since sockets are there
    std::filesystem::path programs;     ///< kubelet and agnhost of tests/kubernetes/build
    std::filesystem::path kubeconfig;   ///< who the kubelet is
    std::filesystem::path cni_bin_dir;  ///< what a node package lays out, both may be empty at first
    std::filesystem::path cni_conf_dir;
    std::vector<ImageSpec> images;  ///< besides agnhost's; what tells the testbed's processes apart is added
};

/// The node's real kubelet with a containerd of its own, in the node's network namespace and in the machine's other
/// ones. Files, mounts, container state and pod logs are below `dir`. The destructor ends both and kills the pods;
/// Testbed::sweep does the same after a crash.
class Kubelet {
  public:
    /// The image that every node has: Kubernetes' agnhost (also the pause container), its entrypoint likewise.
    static constexpr const char* image = "weft.test/agnhost:1";
    /// Why there can be none here, in words for a skipped test. Throws where WEFT_NEED_KUBERNETES is set, as
    /// ControlPlane::missing does.
    static std::optional<std::string> missing(std::filesystem::path programs = {});
    /// Returns when containerd has its images and the kubelet is started; the Node object comes soon.
    static Result<std::unique_ptr<Kubelet>> start(Testbed& testbed, KubeletOptions options);
    ~Kubelet();
    Kubelet(const Kubelet&) = delete;
    Kubelet& operator=(const Kubelet&) = delete;

    Process& kubelet() { return kubelet_; }
    Process& containerd() { return containerd_; }
    /// Pods go on running and are found again.
    Result<void> restart_containerd();
    /// `ctr` of its containerd, in the kubelet's containerd namespace.
    Result<std::string> ctr(const Argv& arguments) const;
    /// The network namespace of a pod that runs, under a name of its own that goes with the object
    /// (and stays where the testbed is kept).
    Result<NetworkNamespace> netns_of_pod(const std::string& uid) const;

  private:
    Kubelet(Testbed& testbed, KubeletOptions options);
    Result<void> start_containerd();
    Result<void> import_images();
    Result<void> start_kubelet();
    Result<void> wait_containerd() const;
    Result<void> import_image(ImageSpec spec) const;
    std::filesystem::path socket() const { return options_.dir / "c.sock"; }
    std::string containerd_config() const;
    std::string kubelet_config() const;

    Testbed& testbed_;
    KubeletOptions options_;
    Process containerd_;
    Process kubelet_;
};

}  // namespace weft::testing
