#include "base/heap.hpp"
#include "base/log_config.hpp"
#include "config/config.hpp"
#include "daemon/daemon.hpp"
#include "daemon/log_levels.hpp"
#include "daemon/main.hpp"
#include "services/build_facts.hpp"

#include <weft/base/log.hpp>

#include <iostream>

namespace weft::daemon {

namespace {

int fail(const Error& error) {
    log(LogLevel::error, "daemon", "can't start", error);
    std::cerr << "weftd: " << error.text() << '\n';
    return 1;
}

Result<void> start_logging(const config::Settings& settings) {
    LogConfig logging;
    logging.level = log_level_of(settings);
    logging.file = settings.logging.logfile;
    logging.max_size_mb = settings.logging.logfile_maxsize;
    logging.max_backups = settings.logging.logfile_maxbackups;
    if (auto done = configure_logging(logging); !done) return done;
    apply_log_levels(settings);
    return {};
}

}  // namespace

int weftd_main(int argc, char** argv) {
    HeapKeeper::set_up();
    config::LoadOptions options;
    options.args.assign(argv + 1, argv + argc);
    options.for_start = true;
    if (auto flags = config::parse_flags(options.args)) {
        if (flags->help) return std::cout << config::flag_help(), 0;
        if (flags->version) return std::cout << "weftd " << services::own_build().text() << '\n', 0;
    }
    auto config = config::Config::load(std::move(options));
    if (!config) return fail(config.error());
    if (auto done = start_logging(config->settings()); !done) return fail(done.error());
    for (const auto& warning : config->warnings())
        log(LogLevel::warn, "config", "setting", warning);

    Daemon weftd(*std::move(config));
    if (auto started = weftd.start(); !started) return fail(started.error());
    return weftd.run();
}

}  // namespace weft::daemon
