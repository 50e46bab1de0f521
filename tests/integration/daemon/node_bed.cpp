#include "node_bed.hpp"

namespace weft::testing {

namespace {

std::string schema_of(const std::string& name) {
    const std::string folder = program_path("WEFT_SCHEMAS");
    if (name == "ovs") return folder + "/vswitch-8.3.1.ovsschema";
    return folder + (name == "nb" ? "/ovn-nb-26.03.2.ovsschema" : "/ovn-sb-26.03.2.ovsschema");
}

}  // namespace

Result<std::unique_ptr<NodeBed>> NodeBed::make(BedOptions options) {
    auto made = std::make_unique<NodeBed>();
    options.namespaced = true;
    auto bed = Bed::make(options);
    if (!bed) return bed.error();
    made->bed_ = *std::move(bed);
    if (auto started = made->start_database("ovs"); !started) return started.error();
    return made;
}

Result<void> NodeBed::start_database(const std::string& name, const std::vector<std::string>& arguments) {
    const auto& dir = bed_->dir();
    const auto file = dir / (name + ".db");
    if (!std::filesystem::exists(file)) {
        auto created = run_ok({"ovsdb-tool", "create", file.string(), schema_of(name)});
        if (!created) return created.error();
    }
    const std::string socket = name == "ovs" ? "db.sock" : "ovn" + name + "_db.sock";
    std::vector<std::string> argv{"ovsdb-server", "--no-chdir", "--remote=punix:" + (dir / socket).string(),
                                  "--unixctl=" + (dir / (name + ".ctl")).string()};
    argv.insert(argv.end(), arguments.begin(), arguments.end());
    argv.push_back(file.string());
    auto process = bed_->testbed().start({.name = name, .argv = std::move(argv), .netns = bed_->netns()});
    if (!process) return process.error();
    databases_[name] = *std::move(process);
    if (name != "ovs") return {};
    return wait_for("row Open_vSwitch", [&]() -> Result<void> {
        auto done = run_ok({"ovs-vsctl", "--db=unix:" + (dir / socket).string(), "--no-wait", "--", "init", "--", "set",
                            "Open_vSwitch", ".", "external_ids:system-id=chassis-n1"});
        return done ? Result<void>() : Result<void>(done.error());
    });
}

void NodeBed::drop_database(const std::string& name) {
    databases_.erase(name);
    std::filesystem::remove(bed_->dir() / (name + ".db"));
    std::filesystem::remove(bed_->dir() / ("." + name + ".db.~lock~"));
}

std::string NodeBed::sockets() const {
    const std::string dir = bed_->dir().string();
    return "[ovspaths]\nrun-dir = " + dir + "\n[ovnnorth]\nrun-dir = " + dir + "\n[ovnsouth]\nrun-dir = " + dir +
           "\n[cni]\nconf-dir = " + dir + "/net.d\n";
}

Result<Weftd> NodeBed::start_weftd(const std::string& config) {
    return start_weftd(WeftdOptions{.config = config});
}

Result<Weftd> NodeBed::start_weftd(WeftdOptions options) {
    options.role = "node";
    options.config = sockets() + options.config;
    return bed_->start(options);
}

bool NodeBed::is_up(JsonView status, const std::string& connection) {
    bool up = false;
    status["connections"].each([&](JsonView c) {
        if (c["name"].string_or("") == connection) up = c["up"].boolean().value_or(false);
    });
    return up;
}

std::string NodeBed::detail(JsonView status, const std::string& connection) {
    std::string detail;
    status["connections"].each([&](JsonView c) {
        if (c["name"].string_or("") == connection) detail = c["detail"].string_or("");
    });
    return detail;
}

}  // namespace weft::testing
