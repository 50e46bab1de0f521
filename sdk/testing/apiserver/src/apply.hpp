#pragma once

#include "resource.hpp"

#include <string>
#include <string_view>

namespace weft::apiserver {

/// Who writes, as managedFields record it.
struct Writer {
    std::string manager;
    std::string subresource;
    std::string time;
    bool force = false;
};

/// Server-side apply of `config` over `live` (an empty object when there is none yet): fields that the manager applied
/// before and leaves out now are removed, a field that another manager set to another value is a conflict unless the
/// writer forces it.
Outcome<Json> server_side_apply(const Resource& resource, const Version& version, const Json& live, Json config,
                                const Writer& writer);

/// Keeps managedFields right after a plain write. Objects that nobody ever applied have none, and get none here.
void track_update(const Resource& resource, const Version& version, const Json& before, Json& now,
                  const Writer& writer);

}  // namespace weft::apiserver
