#include "insight/explain.hpp"

#include "services/text.hpp"

#include <weft/base/json.hpp>
#include <weft/engine/status.hpp>
#include <weft/tables/kube.hpp>

#include <algorithm>
#include <array>
#include <cctype>
#include <deque>
#include <map>
#include <set>

namespace weft::insight {

namespace {

constexpr std::size_t most_rows = 60;      ///< asked for, behind and ahead of them, together
constexpr std::size_t most_asked = 12;     ///< of rows that an address or a key is found in
constexpr std::size_t most_troubles = 10;  ///< of the rules that could make a row that is not there

std::string object_text(const ObjectRef& object) {
    if (object.kind.empty()) return {};
    return object.kind + " " + (object.ns.empty() ? "" : object.ns + "/") + object.name;
}

/// "web_p1" may well be made from "web/p1": all words of the driver's key are in it.
bool related(std::string_view key, std::string_view driver) {
    std::size_t words = 0;
    std::string word;
    const auto check = [&] {
        if (word.empty() || word == ".") return true;
        ++words;
        return key.find(std::exchange(word, {})) != std::string_view::npos;
    };
    for (const char c : driver) {
        if (c == '/' || c == '_') {
            if (!check()) return false;
        } else {
            word += c;
        }
    }
    return check() && words > 0;
}

class Explainer {
  public:
    Explainer(const engine::Engine& engine, const Surroundings& around, WallTime now)
        : engine_(engine),
          around_(around),
          now_(now),
          links_(engine.rule_links()) {
        if (around_.idle_plugins) idle_ = around_.idle_plugins();
    }

    std::string answer(std::string_view asked, const std::vector<RowName>& rows, const std::vector<RowName>& missing,
                       const std::vector<std::string>& near) {
        w_.object([&] {
            w_.member("asked", asked);
            w_.key("rows").array([&] {
                for (std::size_t i = 0; i < std::min(rows.size(), most_asked); ++i)
                    enqueue(rows[i], "asked");
                write_queue();
            });
            w_.member("omitted", std::uint64_t{rows.size() - std::min(rows.size(), most_asked) + queue_.size()});
            w_.key("missing").array([&] {
                for (const RowName& name : missing)
                    write_missing(name);
            });
            if (rows.empty()) w_.key("idle").array([&] { write_idle(asked, missing); });
            w_.key("near").array([&] {
                for (const auto& text : near)
                    w_.value(text);
            });
        });
        return w_.take();
    }

  private:
    struct Wanted {
        RowName name;
        const char* role;  ///< "asked", "from" (behind it) or "to" (ahead of it)
    };

    void enqueue(RowName name, const char* role) {
        if (seen_.insert(name).second) queue_.push_back({std::move(name), role});
    }

    void write_queue() {
        for (std::size_t written = 0; !queue_.empty() && written < most_rows; ++written) {
            const Wanted wanted = std::move(queue_.front());
            queue_.pop_front();
            write_row(wanted);
        }
    }

    std::string ago(std::optional<Duration> changed) const {
        if (!changed) return {};
        return services::rfc3339(now_ - std::chrono::duration_cast<WallTime::duration>(*changed));
    }

    void write_row(const Wanted& wanted) {
        const auto why = engine_.explain(wanted.name.table, wanted.name.key);
        const bool asked = std::string_view(wanted.role) == "asked";
        const bool back = std::string_view(wanted.role) != "to";
        const bool ahead = std::string_view(wanted.role) != "from";
        w_.object([&] {
            w_.member("table", wanted.name.table).member("key", wanted.name.key).member("role", wanted.role);
            w_.member("object", object_text(why.object)).member("present", why.present).member("input", why.input);
            w_.member("since", ago(why.changed));
            if (asked && why.row) w_.key("row").raw(why.row.json());
            if (around_.far_side) {
                if (const auto side = around_.far_side(wanted.name)) {
                    w_.key("farSide").object([&] {
                        w_.member("applier", side->applier).member("applied", side->applied);
                        w_.member("trouble", side->trouble);
                    });
                }
            }
            w_.key("madeBy").array([&] {
                for (const auto& owner : why.owners) {
                    w_.object([&] {
                        w_.member("owns", owner.owns);
                        write_instance(owner, wanted.name, back);
                    });
                }
            });
            w_.key("makes").array([&] {
                for (const auto& driven : why.drives)
                    w_.object([&] { write_instance(driven, wanted.name, false, ahead); });
            });
            w_.key("readBy").array([&] {
                for (const auto& reader : why.readers)
                    w_.object([&] { write_instance(reader, wanted.name, false); });
            });
            w_.member("readers", std::uint64_t{why.all_readers});
        });
    }

    void write_instance(const engine::InstanceReport& at, const RowName& of, bool back, bool ahead = false) {
        w_.member("plugin", at.module).member("rule", at.rule).member("operator", at.is_operator);
        if (!at.is_operator) {
            w_.key("driver").object([&] {
                w_.member("table", at.driver_table).member("key", at.driver).member("object", object_text(at.object));
            });
        }
        w_.member("state", at.state);
        if (!at.state.empty()) {
            w_.member("what", at.error.what).member("where", at.error.where).member("mend", at.error.mend);
            w_.member("since", services::rfc3339(WallTime(std::chrono::duration_cast<WallTime::duration>(
                                   std::chrono::milliseconds(at.since_ms)))));
        }
        if (at.is_operator) return write_operator_inputs(at, of, back);
        if (back) enqueue({at.driver_table, at.driver}, "from");
        w_.key("reads").array([&] {
            for (const auto& read : at.reads)
                write_read(read, back);
        });
        w_.key("rows").array([&] {
            for (const auto& output : at.outputs) {
                w_.object(
                    [&] { w_.member("table", output.table).member("key", output.key).member("seen", output.seen); });
                if (ahead && output.seen) enqueue({output.table, output.key}, "to");
            }
        });
    }

    void write_read(const engine::ReadReport& read, bool back) {
        constexpr std::array<const char*, 3> kinds{"row", "bucket", "scan"};
        w_.object([&] {
            w_.member("kind", kinds[static_cast<std::size_t>(read.kind)]).member("table", read.table);
            w_.member("index", read.index).member("key", read.key).member("object", object_text(read.object));
            w_.member("present", read.present)
                .member("rows", std::uint64_t{read.rows})
                .member("since", ago(read.changed));
            if (!read.present && read.kind == engine::ReadReport::Kind::row) {
                w_.key("writers").array([&] {
                    for (const auto& writer : writers_of(read.table))
                        w_.value(writer->module + "/" + writer->name);
                });
            }
        });
        if (back && read.present && read.kind == engine::ReadReport::Kind::row) enqueue({read.table, read.key}, "from");
    }

    /// Operators don't say which rows a row is made of, but name theirs after them: the key of a request is that of its
    /// lease, the key of a selected pod is "selector#pod".
    void write_operator_inputs(const engine::InstanceReport& at, const RowName& of, bool back) {
        const auto links = std::find_if(links_.begin(), links_.end(), [&](const auto& known) {
            return known.module == at.module && known.name == at.rule;
        });
        if (links == links_.end()) return;
        const auto hash = of.key.find('#');
        w_.key("reads").array([&] {
            for (const auto& input : links->reads) {
                for (const std::string& key :
                     {of.key, of.key.substr(0, hash), hash == std::string::npos ? of.key : of.key.substr(hash + 1)}) {
                    const auto why = engine_.find(input.table, key);
                    if (!why) continue;
                    const auto facts = engine_.explain(input.table, key);
                    write_read(
                        {engine::ReadReport::Kind::row, input.table, {}, key, true, 1, facts.object, facts.changed},
                        back);
                    break;
                }
            }
        });
    }

    std::vector<const engine::RuleLinks*> writers_of(std::string_view table) const {
        std::vector<const engine::RuleLinks*> writers;
        for (const auto& links : links_) {
            if (std::find(links.writes.begin(), links.writes.end(), table) != links.writes.end())
                writers.push_back(&links);
        }
        return writers;
    }

    // Why not -----------------------------------------------------------------------------------------------------

    void write_missing(const RowName& name) {
        const auto why = engine_.explain(name.table, name.key);
        w_.object([&] {
            w_.member("table", name.table).member("key", name.key).member("input", why.input);
            w_.member("complete", why.complete).member("rows", std::uint64_t{engine_.size(name.table)});
            w_.member("gone", ago(why.changed));
            const auto writers = writers_of(name.table);
            std::set<std::string> names;
            w_.key("writers").array([&] {
                for (const auto* writer : writers) {
                    names.insert(writer->module + "/" + writer->name);
                    w_.object([&] {
                        w_.member("plugin", writer->module).member("rule", writer->name);
                        w_.member("operator", writer->is_operator).member("driver", writer->driver);
                    });
                }
            });
            write_troubles(name.key, names);
            w_.key("readBy").array([&] {
                for (const auto& reader : why.readers)
                    w_.object([&] { write_instance(reader, name, false); });
            });
            w_.member("readers", std::uint64_t{why.all_readers});
        });
    }

    /// What is not as it should be with rules that make rows of the table: first those that look as if they were to
    /// make this one.
    void write_troubles(std::string_view key, const std::set<std::string>& rules) {
        std::vector<std::pair<bool, RowPtr>> troubles;
        for (const RowPtr& row : engine_.rows(RuleStatus::table_name)) {
            const auto& status = row.as<RuleStatus>();
            if (!rules.contains(status.module + "/" + status.rule)) continue;
            troubles.emplace_back(!related(key, status.driver), row);
        }
        std::stable_sort(troubles.begin(), troubles.end(),
                         [](const auto& a, const auto& b) { return a.first < b.first; });
        w_.key("troubles").array([&] {
            for (std::size_t i = 0; i < std::min(most_troubles, troubles.size()); ++i) {
                const auto& status = troubles[i].second.as<RuleStatus>();
                w_.object([&] {
                    w_.member("plugin", status.module).member("rule", status.rule).member("driver", status.driver);
                    w_.member("object", object_text(status.on)).member("state", to_string(status.state));
                    w_.member("what", status.what).member("where", status.where).member("mend", status.mend);
                    w_.member("related", !troubles[i].first);
                    w_.member("since", services::rfc3339(WallTime(std::chrono::duration_cast<WallTime::duration>(
                                           std::chrono::milliseconds(status.since_ms)))));
                });
            }
        });
        w_.member("allTroubles", std::uint64_t{troubles.size()});
    }

    /// Plugins that don't run and would have to do with it.
    void write_idle(std::string_view asked, const std::vector<RowName>& missing) {
        const auto concerns = [&](const std::string& table) {
            for (const RowName& name : missing) {
                if (name.table == table) return true;
            }
            return missing.empty() && table.size() > 2 && asked.starts_with(table + "/");
        };
        for (const IdlePlugin& plugin : idle_) {
            std::vector<std::string> rules;
            for (const auto& rule : plugin.rules) {
                if (concerns(rule.driver) || std::any_of(rule.writes.begin(), rule.writes.end(), concerns))
                    rules.push_back(rule.name);
            }
            if (rules.empty() && !plugin.rules.empty()) continue;
            w_.object([&] {
                w_.member("plugin", plugin.name).member("state", plugin.state).member("reason", plugin.reason);
                w_.key("rules").array([&] {
                    for (const auto& rule : rules)
                        w_.value(rule);
                });
            });
        }
    }

    const engine::Engine& engine_;
    const Surroundings& around_;
    const WallTime now_;
    const std::vector<engine::RuleLinks> links_;
    std::vector<IdlePlugin> idle_;
    JsonWriter w_;
    std::deque<Wanted> queue_;
    std::set<RowName> seen_;
};

}  // namespace

std::string explain_json(const engine::Engine& engine, const Surroundings& around, WallTime now, std::string_view asked,
                         const std::vector<RowName>& rows, const std::vector<RowName>& missing,
                         const std::vector<std::string>& near) {
    return Explainer(engine, around, now).answer(asked, rows, missing, near);
}

}  // namespace weft::insight
