#pragma once

#include "appliers/kube/annotation_applier.hpp"
#include "appliers/kube/annotation_tap.hpp"
#include "appliers/kube/event_recorder.hpp"
#include "appliers/kube/object_status_applier.hpp"
#include "appliers/kube/status_events.hpp"
#include "daemon/modules.hpp"
#include "engine/engine.hpp"
#include "kube/client.hpp"
#include "kube/elector.hpp"
#include "kube/engine_sink.hpp"
#include "kube/watches.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace weft::daemon {

/// Everything between this weftd and the API server: watches into the engine, annotations, conditions and Events out of
/// it. Its state machines live on the client's thread.
class KubePart {
  public:
    struct Options {
        kube::Access access;
        std::string node;  ///< for watches of the own node's objects; empty in role cluster
        /// Asked before each write, on any thread; unset: always.
        std::function<bool()> may_write;
        std::vector<std::string> annotation_prefixes;  ///< what plugins keep besides what weft keeps
    };

    KubePart(Options options, engine::Engine& engine);
    ~KubePart();

    /// The client's thread runs; nothing is asked yet.
    void open();
    /// Subscribes to the engine and begins to watch.
    Result<void> start(const std::vector<Watch>& watches);
    /// Another set of plugins watches other things.
    void rewatch(const std::vector<Watch>& watches);
    /// Rows of nodes, namespaces and pods keep annotations under these prefixes too. Returns when those that are known
    /// have been listed anew, or with an error after ten seconds: then what rows keep is not settled.
    Result<void> keep_annotations(std::vector<std::string> prefixes);
    /// A burst is over: memory that the client's thread keeps for the next one goes back.
    void give_back_memory();
    /// Nothing is written from here on.
    void stop();

    kube::Client& client() { return client_; }
    /// Requests that can wait do so while this is set. Any thread.
    void hold_writes(bool held) { annotations_.hold(held); }
    std::vector<appliers::Status> status() const { return {annotations_.status(), object_status_.status()}; }
    std::vector<kube::ReflectorStatus> watches() const { return watches_.status(); }
    const std::string& server() const { return options_.access.server; }

  private:
    appliers::AnnotationApplier::Current look_up(std::string_view kind, std::string_view ns,
                                                 std::string_view name) const;
    void want(const Watch& watch);

    Options options_;
    engine::Engine& engine_;
    kube::Client client_;
    appliers::EventRecorder events_;
    appliers::StatusEvents status_events_;
    kube::EngineSink engine_sink_;
    appliers::AnnotationApplier annotations_;
    appliers::AnnotationTap tap_;
    kube::Watches watches_;
    appliers::ObjectStatusApplier object_status_;
    std::vector<Watch> watched_;
    bool opened_ = false;
    bool started_ = false;
};

/// Being one of several candidates for the cluster role. Has a connection and a thread of its own, so that nothing can
/// delay a renewal.
class Candidacy {
  public:
    Candidacy(kube::Access access, kube::ElectorOptions options, kube::Elector::Events events);
    ~Candidacy();
    void start();
    /// Gives the Lease back, if we hold it; waits for that, but not for long: the server may be away.
    void stop();
    kube::ElectorStatus status() const { return elector_.status(); }
    /// Any thread: we lead, and the last renewal is not too old.
    bool may_write() const { return elector_.may_write(); }

  private:
    kube::Client client_;
    kube::Elector elector_;
    bool stopped_ = false;
};

}  // namespace weft::daemon
