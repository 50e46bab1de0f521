#pragma once

#include <weft/base/api.hpp>
#include <weft/base/result.hpp>

#include <initializer_list>
#include <string>
#include <string_view>

namespace weft {

/// How much a line matters.
enum class LogLevel { trace, debug, info, warn, error };

/// One named fact of a log line: log(info, "kube", "watch restarted", {{"resource", "pods"}, {"reason", text}}).
struct LogField {
    std::string_view name;
    std::string value;
};

/// Writes one structured line: time, level, part, message, fields. Any thread; never throws, never blocks on a full
/// disk. `part` is the folder of core or the plugin's name; levels are set for each part.
WEFT_API void log(LogLevel level, std::string_view part, std::string_view message,
                  std::initializer_list<LogField> fields = {});
/// An error with its place and mend as fields.
WEFT_API void log(LogLevel level, std::string_view part, std::string_view message, const Error& error);
/// True when a line of this level and part would be written; ask before building a costly message.
WEFT_API bool log_enabled(LogLevel level, std::string_view part);

}  // namespace weft
