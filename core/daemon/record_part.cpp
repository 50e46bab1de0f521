#include "daemon/daemon.hpp"
#include "daemon/plugin_set.hpp"
#include "record/replay.hpp"
#include "services/build_facts.hpp"

#include <weft/base/log.hpp>

/// [debug] record.
namespace weft::daemon {

namespace {

record::PluginFacts facts_of(const plugin::Loaded& plugin, const plugin::AdmissionPolicy& policy) {
    record::PluginFacts facts{plugin.name(), plugin.version(), ""};
    if (const auto file = plugin::admit(plugin.path(), policy)) facts.sha256 = file->sha256;
    return facts;
}

}  // namespace

/// A path that can never be right is an error; a disk that is full is a warning, and weftd goes on without.
Result<void> Daemon::start_recording() {
    const auto& settings = config_.settings();
    if (settings.debug.record.empty()) return {};
    record::Facts facts;
    facts.version = services::own_build().version;
    facts.revision = services::own_build().revision;
    facts.fingerprint = plugin::own_fingerprint();
    facts.role = settings.role;
    if (settings.role == Role::node) facts.node = settings.node_name;
    for (const auto* plugin : plugins_)
        facts.plugins.push_back(facts_of(*plugin, admission_policy(settings)));
    for (const auto& value : config_.show()) {
        if (value.origin.kind != config::Origin::Kind::built_in)
            facts.config.emplace_back("[" + value.section + "] " + value.key, value.value);
    }
    record::RecorderOptions options;
    options.file = settings.debug.record;
    options.most_bytes = std::size_t{settings.debug.record_size} << 20;
    options.header = record::header_json(facts);
    auto started = record::Recorder::start(std::move(options));
    if (started) {
        recorder_ = *std::move(started);
        log(LogLevel::info, "record", "recording", {{"file", settings.debug.record}});
        return {};
    }
    if (started.error().kind != ErrorKind::again) return std::move(started).error().at("[debug] record");
    log(LogLevel::warn, "record", "no recording is made", started.error());
    recording_trouble_ = started.error().text();
    return {};
}

std::optional<services::StatusReport::Recording> Daemon::recording_state() const {
    const auto& file = config_.settings().debug.record;
    if (!recorder_) {
        if (recording_trouble_.empty()) return std::nullopt;
        return services::StatusReport::Recording{file, false, recording_trouble_, 0};
    }
    const auto status = recorder_->status();
    return services::StatusReport::Recording{status.file, status.recording, status.trouble, status.bytes};
}

}  // namespace weft::daemon
