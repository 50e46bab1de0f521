#pragma once

#include "http.hpp"
#include "store.hpp"
#include "watch.hpp"

#include <chrono>
#include <memory>
#include <optional>
#include <string>

namespace weft::apiserver {

/// An answer, or a watch that goes on answering.
struct Reply {
    HttpResponse response;
    std::unique_ptr<Watch> watch;
    std::optional<std::chrono::seconds> watch_for;  ///< timeoutSeconds
    bool changed = false;                           ///< an object
};

/// The requests of the Kubernetes API, from HTTP to the store. Knows no sockets. Any thread.
class Api {
  public:
    Api(Store& store, std::string version) : store_(store), version_(std::move(version)) {}

    Reply handle(const HttpRequest& request);

  private:
    Reply route(const HttpRequest& request, const RequestInfo& info);
    Outcome<Target> target_of(const RequestInfo& info) const;
    Outcome<Reply> read(const HttpRequest& request, const RequestInfo& info, const Target& target);
    Outcome<Reply> watch(const RequestInfo& info, const Target& target, Encoder encoder, Selection selection);
    Outcome<Reply> create(const HttpRequest& request, const RequestInfo& info, const Target& target);
    Outcome<Reply> bind(const HttpRequest& request, const RequestInfo& info, const Target& target);
    Outcome<Reply> update(const HttpRequest& request, const RequestInfo& info, const Target& target);
    Outcome<Reply> patch(const HttpRequest& request, const RequestInfo& info, const Target& target);
    Outcome<Reply> apply(const HttpRequest& request, const RequestInfo& info, const Target& target);
    Outcome<Reply> remove(const HttpRequest& request, const RequestInfo& info, const Target& target);

    Store& store_;
    std::string version_;
};

}  // namespace weft::apiserver
