#pragma once

#include <weft/base/ip.hpp>
#include <weft/engine/operator.hpp>
#include <weft/engine/table.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

/// Kubernetes objects, narrow: just the fields that rules read, so that status and heartbeat noise dies at the door.
/// Annotations are kept under the prefixes that somebody asked for (k8s.ovn.org/, k8s.v1.cni.cncf.io/,
/// v1.multus-cni.io/, kubernetes.io/, lab excluded), as text: parsing them is the business of the rule that can report
/// what is wrong.
namespace weft::tables {

/// Sorted by name.
using Annotations = std::vector<std::pair<std::string, std::string>>;

/// The annotation's text, or null.
WEFT_API const std::string* find_annotation(const Annotations& annotations, std::string_view name);

/// A Node.
struct Node {
    static constexpr std::string_view table_name = "Node";
    Key<Node> key;  ///< name
    std::string uid;
    std::int64_t created = 0;  ///< creationTimestamp, seconds since the epoch
    Labels labels;
    Annotations annotations;           ///< those that are kept
    std::vector<Ip> internal_ips;      ///< status.addresses of type InternalIP, in order
    std::vector<Ip> external_ips;      ///< likewise of type ExternalIP
    std::string provider_id;           ///< spec.providerID
    bool network_unavailable = false;  ///< condition NetworkUnavailable is True
    std::string container_runtime;     ///< status.nodeInfo.containerRuntimeVersion: "containerd://1.6.20"

    static ObjectRef object(const Node& n) { return {"Node", "", n.key.text, n.uid}; }
    static std::int64_t precedence(const Node& n) { return n.created; }
    static constexpr auto fields() {
        return std::tuple{field("key", &Node::key),
                          field("uid", &Node::uid),
                          field("created", &Node::created),
                          field("labels", &Node::labels),
                          field("annotations", &Node::annotations),
                          field("internal_ips", &Node::internal_ips),
                          field("external_ips", &Node::external_ips),
                          field("provider_id", &Node::provider_id),
                          field("network_unavailable", &Node::network_unavailable),
                          field("container_runtime", &Node::container_runtime)};
    }
};

/// A Namespace.
struct Namespace {
    static constexpr std::string_view table_name = "Namespace";
    Key<Namespace> key;  ///< name
    std::string uid;
    Labels labels;
    Annotations annotations;  ///< those that are kept

    static ObjectRef object(const Namespace& n) { return {"Namespace", "", n.key.text, n.uid}; }
    static constexpr auto fields() {
        return std::tuple{field("key", &Namespace::key), field("uid", &Namespace::uid),
                          field("labels", &Namespace::labels), field("annotations", &Namespace::annotations)};
    }
};

/// status.phase of a pod.
enum class PodPhase : std::uint8_t { pending, running, succeeded, failed, unknown };

/// A Pod.
struct Pod {
    static constexpr std::string_view table_name = "Pod";
    Key<Pod> key;  ///< namespace/name
    std::string ns;
    std::string name;
    std::string uid;
    std::int64_t created = 0;            ///< creationTimestamp, seconds since the epoch
    std::string node;                    ///< spec.nodeName; empty while unscheduled
    std::int64_t scheduled = 0;          ///< when its condition PodScheduled came true; 0 when nobody says
    bool host_network = false;           ///< has the node's own network
    PodPhase phase = PodPhase::pending;  ///< status.phase
    bool ready = false;                  ///< condition Ready is True
    bool terminating = false;            ///< has a deletionTimestamp
    Labels labels;
    Annotations annotations;  ///< those that are kept
    std::vector<Ip> ips;      ///< status.podIPs

    /// It runs no more, and will not again.
    bool completed() const { return phase == PodPhase::succeeded || phase == PodPhase::failed; }

    static ObjectRef object(const Pod& p) { return {"Pod", p.ns, p.name, p.uid}; }
    static std::int64_t precedence(const Pod& p) { return p.created; }
    static constexpr auto fields() {
        return std::tuple{field("key", &Pod::key),
                          field("ns", &Pod::ns),
                          field("name", &Pod::name),
                          field("uid", &Pod::uid),
                          field("created", &Pod::created),
                          field("node", &Pod::node),
                          field("scheduled", &Pod::scheduled),
                          field("host_network", &Pod::host_network),
                          field("phase", &Pod::phase),
                          field("ready", &Pod::ready),
                          field("terminating", &Pod::terminating),
                          field("labels", &Pod::labels),
                          field("annotations", &Pod::annotations),
                          field("ips", &Pod::ips)};
    }
};

/// An annotation, or one sub-key of an annotation that holds a JSON object, that should be on an object. Foreign keys
/// and sub-keys survive; what is withdrawn is removed. Written through the /status subresource, coalesced per object;
/// an annotation that is as it should be costs no request.
struct Annotation {
    static constexpr std::string_view table_name = "Annotation";
    Key<Annotation> key;  ///< kind/namespace/name/annotation[/sub_key]; settled by put()
    std::string kind;     ///< "Node" or "Pod"
    std::string ns;       ///< empty for nodes
    std::string name;
    std::string uid;         ///< when set, an object of the same name with another uid is left alone
    std::string annotation;  ///< its name
    std::string sub_key;     ///< when set, `value` is JSON and becomes this member of the annotation's JSON object
    std::string value;

    void settle_key() { key = Key<Annotation>{kind, ns, name, annotation, sub_key}; }
    static constexpr auto fields() {
        return std::tuple{field("key", &Annotation::key),         field("kind", &Annotation::kind),
                          field("ns", &Annotation::ns),           field("name", &Annotation::name),
                          field("uid", &Annotation::uid),         field("annotation", &Annotation::annotation),
                          field("sub_key", &Annotation::sub_key), field("value", &Annotation::value)};
    }
};

/// A condition of a Node's status that should hold, such as NetworkUnavailable=False.
struct NodeCondition {
    static constexpr std::string_view table_name = "NodeCondition";
    Key<NodeCondition> key;  ///< node/type
    std::string node;
    std::string type;     ///< such as NetworkUnavailable
    std::string status;   ///< "True", "False", "Unknown"
    std::string reason;   ///< one word in CamelCase
    std::string message;  ///< for people

    void settle_key() { key = Key<NodeCondition>{node, type}; }
    static constexpr auto fields() {
        return std::tuple{field("key", &NodeCondition::key),       field("node", &NodeCondition::node),
                          field("type", &NodeCondition::type),     field("status", &NodeCondition::status),
                          field("reason", &NodeCondition::reason), field("message", &NodeCondition::message)};
    }
};

}  // namespace weft::tables

namespace weft {

template <class Tag>
OperatorSpec selection_spec() {
    using Selector = SelectorOf<Tag>;
    using Target = typename Tag::Target;
    return {{table_spec<Selector>(), table_spec<Target>(), table_spec<tables::Namespace>()},
            {table_spec<MemberOf<Tag>>()},
            [] {
                return make_selection(SelectionAccess{
                    [](const void* t) -> std::string_view { return static_cast<const Target*>(t)->ns; },
                    [](const void* t) -> const Labels& { return static_cast<const Target*>(t)->labels; },
                    [](const void* n) -> const void* { return &static_cast<const tables::Namespace*>(n)->labels; },
                    [](const void* s) -> const std::string& { return static_cast<const Selector*>(s)->in_namespace; },
                    [](const void* s) -> const LabelSelector& { return static_cast<const Selector*>(s)->namespaces; },
                    [](const void* s) -> const LabelSelector& { return static_cast<const Selector*>(s)->targets; },
                    [](std::string_view selector, std::string_view target) {
                        MemberOf<Tag> member{{}, std::string(selector), std::string(target)};
                        member.key.text = member.selector + "#" + member.target;
                        return RowPtr::make(std::move(member));
                    }});
            }};
}

}  // namespace weft
