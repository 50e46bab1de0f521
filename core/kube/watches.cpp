#include "kube/watches.hpp"

#include <algorithm>

namespace weft::kube {

namespace {

/// What has to run `count` times before `done` does; with nothing to wait for, `done` is posted.
std::function<void()> countdown(Loop& loop, std::size_t count, std::function<void()> done) {
    if (count == 0) loop.post(done);
    return [left = std::make_shared<std::size_t>(count), done = std::move(done)] {
        if (--*left == 0) done();
    };
}

}  // namespace

Watches::Watches(Loop& loop, Transport& transport, Sink& sink, ReflectorOptions options,
                 std::vector<std::string> annotation_prefixes)
    : loop_(loop),
      transport_(transport),
      sink_(sink),
      options_(std::move(options)),
      annotation_prefixes_(std::move(annotation_prefixes)) {}

void Watches::want(ResourceSpec resource, WatchScope scope) {
    for (auto& reflector : reflectors_) {
        if (reflector->resource().table.name != resource.table.name) continue;
        if (scope == WatchScope::all) reflector->rescope(scope);
        return;
    }
    auto made = std::make_unique<Reflector>(loop_, transport_, sink_, std::move(resource), scope, options_);
    Reflector& reflector = *made;
    {
        const std::lock_guard lock(mutex_);
        reflectors_.push_back(std::move(made));
    }
    if (running_) reflector.start();
}

bool Watches::want(const TableSpec& table, WatchScope scope) {
    auto resource = built_in(table.name);
    if (!resource) return false;
    want(*std::move(resource), scope);
    return true;
}

std::optional<ResourceSpec> Watches::built_in(std::string_view table) const {
    for (auto* make : {node_resource, namespace_resource, pod_resource}) {
        ResourceSpec resource = make(annotation_prefixes_);
        if (resource.table.name == table) return resource;
    }
    return std::nullopt;
}

void Watches::drop(std::string_view table) {
    const std::lock_guard lock(mutex_);
    std::erase_if(reflectors_, [&](const auto& reflector) { return reflector->resource().table.name == table; });
}

void Watches::start() {
    running_ = true;
    for (auto& reflector : reflectors_)
        reflector->start();
}

void Watches::stop() {
    running_ = false;
    for (auto& reflector : reflectors_)
        reflector->stop();
}

void Watches::give_back_memory() {
    for (auto& reflector : reflectors_)
        reflector->give_back_memory();
}

void Watches::relist(std::function<void()> done) {
    const auto listed = countdown(loop_, reflectors_.size(), std::move(done));
    for (auto& reflector : reflectors_)
        reflector->relist(listed);
}

void Watches::keep_annotations(std::vector<std::string> prefixes, std::function<void()> done) {
    annotation_prefixes_ = std::move(prefixes);
    // Of what was not listed yet no row has been posted; that list may take as long as it likes.
    const auto waits = [&](const auto& reflector) {
        return reflector->complete() && built_in(reflector->resource().table.name);
    };
    const auto listed =
        countdown(loop_, static_cast<std::size_t>(std::ranges::count_if(reflectors_, waits)), std::move(done));
    for (auto& reflector : reflectors_) {
        if (auto resource = built_in(reflector->resource().table.name))
            reflector->reread(*std::move(resource), reflector->complete() ? listed : nullptr);
    }
}

Watches::Object Watches::find(std::string_view kind, std::string_view ns, std::string_view name) const {
    for (const auto& reflector : reflectors_) {
        if (reflector->resource().kind != kind) continue;
        std::string identity(ns);
        if (!identity.empty()) identity.push_back('/');
        identity.append(name);
        return {reflector->complete(), reflector->find(identity)};
    }
    return {};
}

WatchScope Watches::scope_of(std::string_view kind) const {
    const auto at = std::find_if(reflectors_.begin(), reflectors_.end(),
                                 [&](const auto& reflector) { return reflector->resource().kind == kind; });
    return at == reflectors_.end() ? WatchScope::local_node : (*at)->scope();
}

const ResourceSpec* Watches::resource_of(std::string_view kind) const {
    for (const auto& reflector : reflectors_) {
        if (reflector->resource().kind == kind) return &reflector->resource();
    }
    return nullptr;
}

std::vector<ReflectorStatus> Watches::status() const {
    const std::lock_guard lock(mutex_);
    std::vector<ReflectorStatus> all;
    for (const auto& reflector : reflectors_)
        all.push_back(reflector->status());
    return all;
}

}  // namespace weft::kube
