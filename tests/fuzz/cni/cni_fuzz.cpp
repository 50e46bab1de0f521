#include "cni/message.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>

using namespace weft::cni;

namespace {

void check(bool holds) {
    if (!holds) std::abort();
}

/// Whatever is understood can be said again, and is then understood as the same.
void try_conf(std::string_view text) {
    const auto conf = parse_conf(text);
    if (!conf) {
        check(!conf.error().msg.empty());
        check(parse_json(error_json(newest_version, conf.error())).has_value());
        return;
    }
    check(!conf->name.empty());
    if (!conf->prev_result) return;
    for (const auto& version : supported_versions) {
        const auto json = parse_json(result_json(version, *conf->prev_result));
        check(json && result_of_json(*json) == conf->prev_result);
    }
}

void try_messages(std::string_view text) {
    if (const auto request = decode_request(text)) {
        const auto again = decode_request(encode_request(*request));
        check(bool(again) && again->conf == request->conf);
        try_conf(request->conf);
        (void)parse_args(request->invocation.args);
    }
    if (const auto reply = decode_reply(text)) {
        const auto again = decode_reply(encode_reply(*reply));
        check(bool(again) && again->error == reply->error && again->result == reply->result);
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

/// The first byte says how the rest is read: as a frame in pieces, a configuration, a message or CNI_ARGS.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
    switch (data[0] % 4) {
        case 0: {
            FrameReader reader;
            const std::size_t piece = data[0] / 4 + 1U;
            for (std::size_t i = 0; i < text.size(); i += piece)
                reader.feed(text.substr(i, piece));
            if (reader.state() == FrameReader::State::complete) try_messages(reader.message());
            break;
        }
        case 1: try_conf(text); break;
        case 2: try_messages(text); break;
        default:
            (void)parse_args(text);
            (void)version_json(text);
            (void)Version::parse(text);
    }
    return 0;
}
