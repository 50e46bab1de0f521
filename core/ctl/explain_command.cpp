#include "ctl/extra_commands.hpp"
#include "ctl/row_text.hpp"
#include "ctl/text_table.hpp"

#include <algorithm>
#include <ostream>

namespace weft::ctl {

namespace {

class ExplainText {
  public:
    ExplainText(WallTime now, bool colours, bool with_rows) : now_(now), colours_(colours), with_rows_(with_rows) {}

    std::string text(const JsonView& answer) {
        std::size_t asked = 0;
        answer["rows"].each([&](JsonView row) {
            if (row["role"].string_or("") == "asked") {
                if (asked++ > 0) out_ += "\n";
                asked_row(row);
            }
        });
        others(answer, "to", "And what follows from that");
        others(answer, "from", "Behind it");
        if (const auto omitted = answer["omitted"].unsigned_integer().value_or(0); omitted > 0)
            out_ += "\n… and " + grouped(omitted) + " more rows; ask for one of them by its table and key\n";
        if (asked > 0) return std::move(out_);
        not_there(answer);
        return std::move(out_);
    }

  private:
    static std::string text_of(const JsonView& object, std::string_view member) {
        return plain(object[member].string_or(""));
    }
    static bool is(const JsonView& object, std::string_view member) { return object[member].boolean().value_or(false); }
    static std::string rule_name(const JsonView& at) { return text_of(at, "plugin") + "/" + text_of(at, "rule"); }
    std::string strong(std::string_view text) const { return painted(text, Colour::strong, colours_); }
    std::string dim(std::string_view text) const { return painted(text, Colour::dim, colours_); }

    /// What a rule's driver is called: its Kubernetes object where it stands for one.
    static std::string driver_name(const JsonView& at) {
        const auto object = text_of(at["driver"], "object");
        return object.empty() ? row_name(at["driver"]) : object;
    }

    void asked_row(const JsonView& row) {
        const auto object = text_of(row, "object");
        out_ += strong(object.empty() ? row_name(row) : object) + "\n";
        std::string facts;
        if (const auto side = row["farSide"]) {
            const auto applier = text_of(side, "applier");
            facts =
                is(side, "applied") ? "in " + applier : painted("not in " + applier + " yet", Colour::warn, colours_);
            if (const auto trouble = text_of(side, "trouble"); !trouble.empty())
                facts += ": " + painted(trouble, Colour::bad, colours_);
            facts += "\n  as it is since ";
        } else {
            facts = is(row, "input") ? "a fact, as it is since " : "as it is since ";
        }
        out_ += "  " + facts + when_text(row["since"].string_or(""), now_) + "\n";
        if (with_rows_) {
            for (const auto& line : row_lines(row["row"]))
                out_ += "    " + line + "\n";
        }
        std::size_t losers = 0;
        row["madeBy"].each([&](JsonView owner) {
            if (is(owner, "owns")) {
                made_by(owner);
            } else {
                ++losers;
            }
        });
        if (losers > 0) out_ += "\n  " + strong("Wanted as well, and not granted") + "\n";
        row["madeBy"].each([&](JsonView owner) {
            if (is(owner, "owns")) return;
            out_ += "    " + rule_name(owner) + " for " + driver_name(owner) + "\n";
            state(owner, "        ");
        });
        if (row["makes"].size() > 0) {
            out_ += "\n  " + strong("What rules make of it") + "\n";
            row["makes"].each([&](JsonView made) { makes(made); });
        } else if (is(row, "input") && row["readBy"].size() == 0) {
            out_ += "  no rule of an enabled plugin looks at it\n";
        }
        readers(row);
    }

    void made_by(const JsonView& owner) {
        out_ += "  made by   " + rule_name(owner);
        if (is(owner, "operator")) {
            out_ += "\n";
        } else {
            const auto driver = owner["driver"];
            out_ += "\n  for       " + driver_name(owner);
            if (driver_name(owner) != row_name(driver) && !row_name(driver).starts_with(driver_name(owner)))
                out_ += dim("  " + row_name(driver));
            out_ += "\n";
        }
        reads(owner, "  from      ", "            ");
        state(owner, "  but       ");
    }

    /// One read a line, what is said of them in a column.
    void reads(const JsonView& at, std::string_view first, std::string_view next) {
        std::vector<std::pair<std::string, std::string>> lines;
        std::size_t width = 0;
        at["reads"].each([&](JsonView read) {
            lines.push_back(read_text(read));
            width = std::max(width, std::min<std::size_t>(lines.back().first.size(), 60));
        });
        for (std::size_t i = 0; i < lines.size(); ++i) {
            const auto& [name, what] = lines[i];
            out_ += std::string(i == 0 ? first : next) + name;
            out_ += std::string(width > name.size() ? width - name.size() + 2 : 2, ' ') + what + "\n";
        }
    }

    std::pair<std::string, std::string> read_text(const JsonView& read) const {
        const auto kind = read["kind"].string_or("");
        const auto rows = grouped(read["rows"].unsigned_integer().value_or(0));
        if (kind == "bucket")
            return {text_of(read, "table") + " by " + text_of(read, "index") + " " + text_of(read, "key"),
                    rows + " rows"};
        if (kind == "scan") return {text_of(read, "table") + ", all of it", rows + " rows"};
        if (is(read, "present")) return {row_name(read), dim("since " + when_text(read["since"].string_or(""), now_))};
        std::string who;
        read["writers"].each([&](JsonView writer) { who += (who.empty() ? "" : ", ") + plain(writer.string_or("")); });
        return {row_name(read),
                painted("not there", Colour::warn, colours_) + (who.empty() ? "" : "; comes from " + who)};
    }

    void state(const JsonView& at, std::string_view indent) {
        const auto state = text_of(at, "state");
        if (state.empty()) return;
        const auto since = age_text(at["since"].string_or(""), now_);
        out_ += std::string(indent) +
                painted(state, state == "failed" || state == "conflict" ? Colour::bad : Colour::warn, colours_);
        if (!since.empty()) out_ += " for " + since;
        const auto where = text_of(at, "where");
        out_ += ": " + (where.empty() ? "" : where + ": ") + text_of(at, "what") + "\n";
        if (const auto mend = text_of(at, "mend"); !mend.empty()) out_ += std::string(indent.size(), ' ') + mend + "\n";
    }

    void makes(const JsonView& made) {
        out_ += "    " + rule_name(made) + "\n";
        state(made, "      ");
        const bool waits = text_of(made, "state") == "waiting" || text_of(made, "state") == "failed";
        made["rows"].each([&](JsonView row) {
            out_ += "      " + row_name(row);
            if (waits) out_ += dim("  (kept from its last good run)");
            if (!is(row, "seen")) out_ += painted("  (belongs to another)", Colour::bad, colours_);
            out_ += "\n";
        });
        if (made["rows"].size() == 0 && text_of(made, "state").empty())
            out_ += dim("      nothing: there is nothing to do") + "\n";
        if (waits || made["rows"].size() == 0) reads(made, "      reads ", "            ");
    }

    void readers(const JsonView& row) {
        const auto all = row["readers"].unsigned_integer().value_or(0);
        if (all == 0) return;
        out_ += "\n  " + strong("Read by") + "\n";
        std::size_t shown = 0;
        row["readBy"].each([&](JsonView reader) {
            if (++shown <= 8) out_ += "    " + rule_name(reader) + " for " + driver_name(reader) + "\n";
        });
        if (all > 8) out_ += "    … and " + grouped(all - 8) + " more\n";
    }

    void others(const JsonView& answer, std::string_view role, std::string_view heading) {
        bool any = false;
        answer["rows"].each([&](JsonView row) {
            if (row["role"].string_or("") != role || is(row, "input") || !is(row, "present")) return;
            if (role == "to" && row["makes"].size() == 0) return;
            if (!any) out_ += "\n" + strong(heading) + "\n";
            any = true;
            out_ += "  " + row_name(row) + dim("  since " + when_text(row["since"].string_or(""), now_)) + "\n";
            if (role == "to") {
                row["makes"].each([&](JsonView made) { makes(made); });
                return;
            }
            row["madeBy"].each([&](JsonView owner) {
                if (!is(owner, "owns")) return;
                out_ += "    by " + rule_name(owner);
                if (!is(owner, "operator")) out_ += " for " + driver_name(owner);
                out_ += "\n";
                std::string from;
                owner["reads"].each([&](JsonView read) {
                    const bool whole = read["kind"].string_or("") != "row";
                    from += (from.empty() ? "" : ", ") + (whole ? read_text(read).first : row_name(read)) +
                            (whole || is(read, "present") ? "" : " (not there)");
                });
                if (!from.empty()) out_ += "    from " + from + "\n";
                state(owner, "    ");
            });
        });
    }

    // Why not ---------------------------------------------------------------------------------------------------------

    void not_there(const JsonView& answer) {
        if (answer["missing"].size() == 0) {
            out_ += painted("nothing is called " + text_of(answer, "asked"), Colour::strong, colours_) + "\n";
            out_ += "  no table of the running weftd has such a row; weftctl graph lists the tables\n";
        }
        answer["missing"].each([&](JsonView missing) { not_there_row(missing); });
        answer["idle"].each([&](JsonView plugin) {
            out_ += "  plugin " + text_of(plugin, "plugin") + " is " +
                    painted(text_of(plugin, "state"), Colour::warn, colours_) + " (" + text_of(plugin, "reason") + ")";
            std::string rules;
            plugin["rules"].each(
                [&](JsonView rule) { rules += (rules.empty() ? "" : ", ") + plain(rule.string_or("")); });
            out_ += rules.empty() ? "\n" : ": its rules " + rules + " don't run\n";
        });
        if (answer["near"].size() > 0) out_ += "\n  Did you mean\n";
        answer["near"].each([&](JsonView near) { out_ += "    " + plain(near.string_or("")) + "\n"; });
    }

    void not_there_row(const JsonView& missing) {
        out_ += strong("there is no " + row_name(missing)) + "\n";
        const auto rows = grouped(missing["rows"].unsigned_integer().value_or(0));
        if (is(missing, "input")) {
            if (!is(missing, "complete")) {
                out_ += "  " + painted("the first list of these has not come yet", Colour::warn, colours_) +
                        ": see Connections in weftctl status\n";
            } else {
                out_ += "  weftd is told of these from outside and knows " + rows + "\n";
                if (text_of(missing, "table") == "Pod") out_ += "  on a node it watches just the node's own pods\n";
            }
        } else if (missing["writers"].size() == 0) {
            out_ += "  no rule of an enabled plugin makes rows of this table\n";
        }
        missing["writers"].each([&](JsonView writer) {
            out_ += "  it would be made by " + rule_name(writer);
            const auto driver = text_of(writer, "driver");
            out_ += driver.empty()
                        ? "\n"
                        : ", which runs for each " + driver + " and has made " + rows + " rows of this table\n";
        });
        if (const auto gone = when_text(missing["gone"].string_or(""), now_); !gone.empty())
            out_ += "  it was there until " + gone + "\n";
        troubles(missing);
        readers(missing);
    }

    void troubles(const JsonView& missing) {
        const auto all = missing["allTroubles"].unsigned_integer().value_or(0);
        if (all == 0) {
            if (missing["writers"].size() > 0) out_ += "  none of these rules waits or fails\n";
            return;
        }
        bool headed = false;
        missing["troubles"].each([&](JsonView trouble) {
            if (!headed) out_ += "\n  " + strong(is(trouble, "related") ? "Why" : "Rules that wait or fail") + "\n";
            headed = true;
            const auto object = text_of(trouble, "object");
            out_ +=
                "    " + rule_name(trouble) + " for " + (object.empty() ? text_of(trouble, "driver") : object) + "\n";
            state(trouble, "        ");
        });
        const auto shown = missing["troubles"].size();
        if (all > shown) out_ += "    … and " + grouped(all - shown) + " more\n";
    }

    const WallTime now_;
    const bool colours_;
    const bool with_rows_;
    std::string out_;
};

}  // namespace

int explain_command(const Context& context, const std::vector<std::string>& args) {
    const Arguments given(args, {"row"}, {}, 1);
    if (given.positional().empty()) throw Usage{"explain what? pod/NS/NAME, node/NAME, a row, or an address"};
    JsonWriter w;
    w.object([&] { w.member("what", given.positional().front()); });
    const auto answer = context.call("explain", w.text());
    if (!answer) return context.fail(answer.error());
    const auto result = answer->root()["result"];
    if (context.json) {
        context.io.out << result.dump() << "\n";
    } else {
        ExplainText text(Clock::system().wall(), context.io.colours, given.has("row"));
        context.io.out << text.text(result);
    }
    return result["rows"].size() > 0 ? 0 : 1;
}

}  // namespace weft::ctl
