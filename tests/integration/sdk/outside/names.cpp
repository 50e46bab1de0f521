#include "pod_groups.hpp"

#include <fstream>
#include <sstream>

namespace pod_groups {

namespace {

std::string look_up(const NameQuestion& question) {
    std::ifstream file(question.file);
    for (std::string line; std::getline(file, line);) {
        std::istringstream words(line);
        std::string address;
        words >> address;
        for (std::string name; words >> name;) {
            if (name == question.name) return address;
        }
    }
    return {};
}

}  // namespace

void Names::changed(std::span<const weft::Change> requests, weft::Inbox& answers) {
    for (const auto& change : requests) {
        if (!change.after) {
            answers.erase(change.key());
            continue;
        }
        const auto& question = change.after.as<NameQuestion>();
        answers.put(weft::RowPtr::make(
            NameAnswer{.key = weft::Key<NameAnswer>{question.key.text}, .address = look_up(question)}));
    }
    answers.complete();
}

}  // namespace pod_groups
