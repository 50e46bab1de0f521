#include "cni/message.hpp"

#include <algorithm>
#include <stdexcept>

namespace weft::cni {

namespace {

constexpr std::string_view magic = "WCN";

CniError garbled(std::string msg) {
    return {Code::protocol, std::move(msg), "replace weft-cni and weftd together"};
}

/// Copies text members; false when one is no string.
bool take(const Json& object, std::initializer_list<std::pair<const char*, std::string*>> members) {
    for (const auto& [name, to] : members) {
        auto value = text_member(object, name);
        if (!value) return false;
        *to = *std::move(value);
    }
    return true;
}

}  // namespace

std::string encode_request(const Request& request) {
    return write_json(Json{{"command", to_string(request.invocation.command)},
                           {"containerID", request.invocation.container_id},
                           {"netns", request.invocation.netns},
                           {"ifname", request.invocation.ifname},
                           {"args", request.invocation.args},
                           {"conf", request.conf}});
}

Outcome<Request> decode_request(std::string_view text) {
    const auto json = parse_json(text);
    if (!json || !json->is_object()) return garbled("the request is no JSON object");
    Request request;
    std::string command;
    if (!take(*json, {{"command", &command},
                      {"containerID", &request.invocation.container_id},
                      {"netns", &request.invocation.netns},
                      {"ifname", &request.invocation.ifname},
                      {"args", &request.invocation.args},
                      {"conf", &request.conf}})) {
        return garbled("a member of the request is no string");
    }
    // The same checks as in the shim: whoever speaks to the socket need not be the shim.
    const auto environment = [&](const char* name) -> const char* {
        const std::string_view variable(name);
        if (variable == "CNI_COMMAND") return command.c_str();
        if (variable == "CNI_CONTAINERID") return request.invocation.container_id.c_str();
        if (variable == "CNI_NETNS") return request.invocation.netns.c_str();
        if (variable == "CNI_IFNAME") return request.invocation.ifname.c_str();
        if (variable == "CNI_ARGS") return request.invocation.args.c_str();
        return nullptr;
    };
    auto invocation = read_environment(environment);
    if (!invocation) return invocation.error();
    request.invocation = *std::move(invocation);
    return request;
}

std::string encode_reply(const Reply& reply) {
    Json json = Json::object();
    if (reply.error) {
        json["error"] = {{"code", static_cast<unsigned>(reply.error->code)},
                         {"msg", reply.error->msg},
                         {"details", reply.error->details}};
    }
    if (reply.result) json["result"] = json_of_result(*reply.result);
    return write_json(json);
}

Outcome<Reply> decode_reply(std::string_view text) {
    const auto json = parse_json(text);
    if (!json || !json->is_object()) return garbled("weftd's reply is no JSON object");
    Reply reply;
    if (const auto error = json->find("error"); error != json->end()) {
        CniError said;
        if (!error->is_object() || !take(*error, {{"msg", &said.msg}, {"details", &said.details}})) {
            return garbled("weftd's reply holds no readable error");
        }
        const auto code = error->find("code");
        if (code == error->end() || !code->is_number_unsigned()) return garbled("weftd's error has no code");
        said.code = static_cast<Code>(code->get<unsigned>());
        reply.error = std::move(said);
    }
    if (const auto result = json->find("result"); result != json->end()) {
        reply.result = result_of_json(*result);
        if (!reply.result) return garbled("weftd's reply holds no readable result");
    }
    return reply;
}

Json json_of_result(const AddResult& result) {
    Json json{{"interfaces", Json::array()}, {"ips", Json::array()}};
    for (const auto& interface : result.interfaces) {
        Json entry{{"name", interface.name}};
        if (!interface.mac.empty()) entry["mac"] = interface.mac;
        if (!interface.sandbox.empty()) entry["sandbox"] = interface.sandbox;
        json["interfaces"].push_back(std::move(entry));
    }
    for (const auto& ip : result.ips) {
        Json entry{{"interface", ip.interface}, {"address", ip.address}};
        if (!ip.gateway.empty()) entry["gateway"] = ip.gateway;
        json["ips"].push_back(std::move(entry));
    }
    return json;
}

std::optional<AddResult> result_of_json(const Json& json) {
    if (!json.is_object()) return std::nullopt;
    AddResult result;
    if (const auto list = json.find("interfaces"); list != json.end() && !list->is_null()) {
        if (!list->is_array()) return std::nullopt;
        for (const auto& entry : *list) {
            ResultInterface interface;
            if (!entry.is_object() ||
                !take(entry, {{"name", &interface.name}, {"mac", &interface.mac}, {"sandbox", &interface.sandbox}})) {
                return std::nullopt;
            }
            result.interfaces.push_back(std::move(interface));
        }
    }
    if (const auto list = json.find("ips"); list != json.end() && !list->is_null()) {
        if (!list->is_array()) return std::nullopt;
        for (const auto& entry : *list) {
            ResultIp ip;
            if (!entry.is_object() || !take(entry, {{"address", &ip.address}, {"gateway", &ip.gateway}})) {
                return std::nullopt;
            }
            if (const auto index = entry.find("interface"); index != entry.end() && !index->is_null()) {
                const auto interfaces = static_cast<std::int64_t>(result.interfaces.size());
                if (!index->is_number_integer() || index->get<std::int64_t>() < 0 ||
                    index->get<std::int64_t>() >= std::max<std::int64_t>(interfaces, 1)) {
                    return std::nullopt;
                }
                ip.interface = static_cast<int>(index->get<std::int64_t>());
            }
            result.ips.push_back(std::move(ip));
        }
    }
    return result;
}

std::string frame(std::string_view message) {
    if (message.size() > max_message) throw std::length_error("a CNI message is larger than 1 MiB");
    std::string out(magic);
    out.push_back(static_cast<char>(protocol_version));
    for (int shift = 24; shift >= 0; shift -= 8)
        out.push_back(static_cast<char>((message.size() >> shift) & 0xff));
    out += message;
    return out;
}

FrameReader::State FrameReader::fail(std::string msg, std::string details) {
    error_ = {Code::protocol, std::move(msg), std::move(details)};
    body_.clear();
    return state_ = State::bad;
}

FrameReader::State FrameReader::check_header() {
    if (std::string_view(header_).substr(0, magic.size()) != magic) {
        return fail("this is no weft CNI request", "the socket is private to weft-cni");
    }
    if (const auto version = static_cast<unsigned char>(header_[3]); version != protocol_version) {
        return fail("weft-cni speaks protocol " + std::to_string(version) + ", weftd speaks " +
                        std::to_string(protocol_version),
                    "replace weft-cni and weftd together");
    }
    length_ = 0;
    for (std::size_t i = 4; i < frame_header; ++i)
        length_ = length_ << 8 | static_cast<unsigned char>(header_[i]);
    if (length_ > max_message) return fail("a message of " + std::to_string(length_) + " bytes is too large", {});
    return state_;
}

FrameReader::State FrameReader::feed(std::string_view bytes) {
    if (state_ != State::needs_more) return state_;
    if (header_.size() < frame_header) {
        const std::size_t take_now = std::min(bytes.size(), frame_header - header_.size());
        header_ += bytes.substr(0, take_now);
        bytes.remove_prefix(take_now);
        // Garbage is told at its first byte, not after eight.
        const std::size_t known = std::min(header_.size(), magic.size());
        if (std::string_view(header_).substr(0, known) != magic.substr(0, known)) return check_header();
        if (header_.size() < frame_header) return state_;
        if (check_header() == State::bad) return state_;
    }
    const std::size_t missing = length_ - body_.size();
    body_ += bytes.substr(0, missing);
    if (body_.size() == length_) state_ = State::complete;
    return state_;
}

}  // namespace weft::cni
