#include "kube/reflector.hpp"

#include <weft/base/log.hpp>

namespace weft::kube {

void Reflector::begin_list() {
    cancel_all();
    continue_.clear();
    request_page();
}

void Reflector::clear_incoming() {
    incoming_.clear();
    item_number_ = 0;
    stale_malformed_.clear();
    for (const auto& [identity, entry] : malformed_)
        stale_malformed_.insert(identity);
}

void Reflector::request_page() {
    if (continue_.empty()) clear_incoming();
    splitter_.reset();
    list_error_.reset();
    counts_.phase = ReflectorPhase::listing;
    publish();
    Request request;
    request.path = scoped_path();
    // A server that forgets a list between its pages is asked for all of it at once the third time.
    request.path += "limit=" + std::to_string(expired_lists_ < 2 ? options_.page : 0);
    if (!continue_.empty()) request.path += "&continue=" + percent_encode(continue_);
    request.deadline = options_.list_deadline;
    request.silence = options_.list_silence;
    exchange_ = transport_.start(
        std::move(request), [this](const Answer& answer) { page_done(answer); },
        [this](std::string_view bytes) {
            if (list_error_) return;
            auto fed = splitter_.feed(bytes, [this](std::string_view item) { on_item(item); });
            if (!fed) {
                list_error_ = std::move(fed).error();
            } else if (splitter_.finished()) {
                await_end();
            }
        });
}

/// The text is whole. libcurl 7.88 sometimes does not notice that an HTTP/2 answer without a length has ended: nothing
/// would come any more, until the silence is too long.
void Reflector::await_end() {
    timer_.set_after(options_.end_of_page, [this] {
        log(LogLevel::debug, "kube", "a page is whole, and its end was not told", {{"resource", counts_.resource}});
        transport_.cancel(exchange_);
        Answer whole;
        whole.http = 200;
        page_done(whole);
    });
}

void Reflector::on_item(std::string_view text) {
    ++item_number_;
    const auto repaired = parse(text);
    if (!repaired || !document_.root().is_object()) {
        Error error = repaired ? invalid("is no object") : repaired.error();
        const std::string number = "number " + std::to_string(item_number_) + " of the list";
        complain({}, number, std::move(error));
        return;
    }
    const JsonView object = document_.root();
    const ObjectMeta meta = meta_of(object);
    insert_incoming(meta, read(meta, object, *repaired));
}

/// Adds what was read to the new list; rows that are known already are shared.
void Reflector::insert_incoming(const ObjectMeta& meta, Reading reading) {
    const std::string identity = meta.identity();
    if (const auto old = incoming_.find(identity); old != incoming_.end()) incoming_.erase(old);
    const auto known = known_.find(identity);
    if (reading.outcome == Outcome::malformed) {
        if (known == known_.end()) return;
        reading.row = known->row;
    } else if (reading.outcome == Outcome::none) {
        return;
    } else if (known != known_.end() && known->row.equals(reading.row)) {
        reading.row = known->row;
    }
    incoming_.emplace(identity, std::move(reading.row), version_number(meta.resource_version), meta.has_annotations);
}

void Reflector::page_done(const Answer& answer) {
    exchange_ = Transport::Exchange::none;
    timer_.cancel();
    const std::string what = "list " + counts_.resource;
    if (answer.http == 410) return expired(answer.error(what).text());
    if (answer.version_too_large || !answer.ok()) {
        return retry(answer.error(what).text(), answer.retry_after, &Reflector::request_page);
    }
    std::string resource_version;
    if (!list_error_ && !splitter_.finished()) list_error_ = again("the answer breaks off");
    if (!list_error_) {
        if (auto repaired = parse(splitter_.envelope()); !repaired) {
            list_error_ = std::move(repaired).error();
        } else {
            const JsonView metadata = document_.root()["metadata"];
            resource_version = std::string(metadata["resourceVersion"].string_or(""));
            continue_ = std::string(metadata["continue"].string_or(""));
            if (resource_version.empty())
                list_error_ = invalid("the answer is no list: metadata.resourceVersion is missing");
        }
    }
    if (list_error_) return retry(what + ": " + list_error_->text(), std::nullopt, &Reflector::request_page);
    if (!continue_.empty()) return request_page();
    finish_list(resource_version);
    begin_watch(false);
}

void Reflector::finish_list(std::string_view resource_version) {
    ++counts_.lists;
    version_text_ = std::string(resource_version);
    version_ = version_number(resource_version);
    for (const auto& identity : std::exchange(stale_malformed_, {}))
        mend(identity);
    if (complete_) {
        post_difference();
    } else {
        known_ = std::exchange(incoming_, {});
        std::vector<RowPtr> rows;
        rows.reserve(known_.size());
        for (const auto& entry : known_)
            rows.push_back(entry.row);
        sink_.replace_all(resource_.table.name, std::move(rows));
        sink_.complete(resource_.table.name);
        complete_ = true;
    }
    log(LogLevel::info, "kube", "listed",
        {{"resource", counts_.resource}, {"objects", std::to_string(known_.size())}, {"version", version_text_}});
    sink_.flush();
    publish();
    for (auto& listed : std::exchange(when_listed_, {}))
        loop_.post(std::move(listed));
}

/// The sink may look at the new state while it is told, so that goes first.
void Reflector::post_difference() {
    const std::string_view table = resource_.table.name;
    const KnownSet before = std::exchange(known_, std::exchange(incoming_, {}));
    for (const auto& old : before) {
        const auto now = known_.find(old.identity());
        if (now != known_.end() && now->row.key() == old.row.key()) continue;
        sink_.erase(table, old.row.key());
        ++counts_.posted;
    }
    for (const auto& now : known_) {
        const auto old = before.find(now.identity());
        if (old != before.end() && old->row.equals(now.row)) continue;
        const bool replaces = old != before.end() && old->row.key() == now.row.key();
        sink_.put(table, now.row, replaces ? old->row : RowPtr());
        ++counts_.posted;
    }
}

}  // namespace weft::kube
