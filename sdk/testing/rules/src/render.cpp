#include "weft/testing/render.hpp"

#include "weft/testing/graph_test.hpp"
#include "weft/testing/objects.hpp"

#include <weft/ovsdb/ovs.hpp>
#include <weft/tables/kube.hpp>
#include <weft/tables/net.hpp>

#include <cstdlib>
#include <fstream>
#include <functional>
#include <map>
#include <set>
#include <sstream>
#include <stdexcept>

namespace weft::testing {

namespace {

IpPrefix prefix(std::string_view text) {
    auto parsed = IpPrefix::parse(text);
    if (!parsed) throw std::runtime_error(parsed.error().text());
    return *parsed;
}

/// A setting by the name of its field.
bool set_field(tables::NetworkConfig& config, const std::string& name, const std::string& value) {
    bool found = false;
    std::apply(
        [&](const auto&... f) {
            const auto set = [&](auto& member) {
                using T = std::remove_reference_t<decltype(member)>;
                if constexpr (std::is_same_v<T, bool>) {
                    member = value == "true";
                    found = true;
                } else if constexpr (std::is_integral_v<T>) {
                    member = static_cast<T>(std::stoul(value));
                    found = true;
                } else if constexpr (std::is_same_v<T, std::string>) {
                    member = value;
                    found = true;
                }
            };
            ((f.name == name ? set(config.*(f.member)) : void()), ...);
        },
        tables::NetworkConfig::fields());
    return found;
}

std::string read_file(const std::string& path) {
    std::ifstream file(path);
    if (!file) throw std::runtime_error("can't read " + path);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

std::vector<std::string> lines_of(const std::string& text) {
    std::vector<std::string> lines;
    std::istringstream in(text);
    for (std::string line; std::getline(in, line);)
        lines.push_back(line);
    return lines;
}

void put_settings(GraphTest& graph, const RenderCase& input) {
    graph.put(input.config);
    for (const auto& feature : input.ovn_features)
        graph.put(tables::OvnFeature{Key<tables::OvnFeature>{feature}});
    for (const auto& row : input.plugin_setting_rows)
        graph.put(row);
}

}  // namespace

tables::NetworkConfig default_config(bool ipv4, bool ipv6) {
    tables::NetworkConfig config;
    config.ipv4 = ipv4;
    config.ipv6 = ipv6;
    if (ipv4) {
        config.cluster_subnets.push_back({prefix("10.244.0.0/16"), 24});
        config.service_cidrs.push_back(prefix("10.96.0.0/16"));
    }
    if (ipv6) {
        config.cluster_subnets.push_back({prefix("fd00:10:244::/48"), 64});
        config.service_cidrs.push_back(prefix("fd00:10:96::/112"));
    }
    config.join_v4 = prefix("100.64.0.0/16");
    config.join_v6 = prefix("fd98::/64");
    config.transit_v4 = prefix("100.88.0.0/16");
    config.transit_v6 = prefix("fd97::/64");
    config.masquerade_v4 = prefix("169.254.169.0/29");
    config.masquerade_v6 = prefix("fd69::/125");
    config.ovn_southbound_remote = "unix:/var/run/ovn/ovnsb_db.sock";
    return config;
}

void RenderCase::set(const std::string& line) {
    std::istringstream words(line);
    std::string name;
    std::string value;
    words >> name >> value;
    if (name == "families") {
        config = default_config(value != "v6", value != "v4");
    } else if (name == "features") {
        ovn_features.clear();
        for (; !value.empty() && value != "none"; words >> value) {
            ovn_features.push_back(std::exchange(value, {}));
        }
    } else if (name == "system-id") {
        system_id = value;
    } else if (name == "host-address") {
        std::string address;
        words >> address;
        more.put(tables::HostAddress{
            .key = Key<tables::HostAddress>{value, address}, .link = value, .address = prefix(address)});
    } else if (name == "encap-ip") {
        config.encap_ips.push_back(prefix(value + (value.find(':') == std::string::npos ? "/32" : "/128")).ip());
    } else if (name == "cluster-subnets") {
        config.cluster_subnets.clear();
        for (; !value.empty(); words >> value) {
            const auto slash = value.rfind('/');
            config.cluster_subnets.push_back({prefix(value.substr(0, slash)), std::stoi(value.substr(slash + 1))});
            value.clear();
        }
    } else if (name == "plugin") {
        std::string text;
        std::getline(words >> std::ws, text);
        plugin_settings.insert_or_assign(value, text);
    } else if (!set_field(config, name, value)) {
        throw std::runtime_error("unknown setting: " + line);
    }
}

RenderCase RenderCase::load(const std::string& folder, const ObjectKinds& kinds) {
    RenderCase input;
    input.objects = objects_from_file(folder + "/objects.yaml", kinds);
    input.node = read_file(folder + "/node");
    while (!input.node.empty() && std::isspace(static_cast<unsigned char>(input.node.back())))
        input.node.pop_back();
    if (std::ifstream settings(folder + "/settings"); settings) {
        for (std::string line; std::getline(settings, line);) {
            if (!line.empty() && line[0] != '#') input.set(line);
        }
    }
    return input;
}

std::vector<std::string> render(const RenderCase& input, const std::vector<PluginHandle*>& plugins) {
    std::vector<std::string> out;
    RowSet objects = input.objects;

    GraphTest cluster(plugins, Role::cluster);
    put_settings(cluster, input);
    cluster.put(objects);
    cluster.run();
    for (const auto& line : cluster.everything())
        out.push_back("cluster " + line);
    apply_annotations(objects, cluster.rows(tables::Annotation::table_name));

    GraphTest node(plugins, Role::node);
    put_settings(node, input);
    node.put(tables::LocalNode{.name = input.node});
    for (const auto& [name, table] : objects.tables()) {
        for (const auto& [key, row] : table) {
            const bool elsewhere = name == tables::Pod::table_name && row.as<tables::Pod>().node != input.node;
            if (!elsewhere) node.put(name, row);
        }
    }
    node.put(input.more);
    if (!input.system_id.empty()) {
        ovs::OpenVSwitch row;
        row.key.text = "the-one";
        row.external_ids = {{"system-id", input.system_id}};
        node.put_in<ovsdb::Replica<ovs::OpenVSwitch>>(row);
    }
    node.run();
    for (const auto& line : node.everything())
        out.push_back("node " + line);
    return out;
}

std::string compare_with_expected(const std::string& folder, const std::vector<std::string>& lines) {
    const std::string path = folder + "/expect.rows";
    if (std::getenv("WEFT_UPDATE_GOLDEN") != nullptr) {
        std::ofstream file(path);
        for (const auto& line : lines)
            file << line << "\n";
        return {};
    }
    std::map<std::string, int> balance;
    const auto expected = lines_of(read_file(path));
    for (const auto& line : expected)
        --balance[line];
    for (const auto& line : lines)
        ++balance[line];
    std::string difference;
    for (const auto& [line, count] : balance) {
        if (count < 0) difference += "- " + line + "\n";
        if (count > 0) difference += "+ " + line + "\n";
    }
    if (difference.empty() && expected != lines) difference = "the same lines in another order\n";
    return difference;
}

}  // namespace weft::testing
