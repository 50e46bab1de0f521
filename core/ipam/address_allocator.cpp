#include "ipam/address_allocator.hpp"

#include "base/shrink.hpp"
#include "ipam/port_addresses.hpp"

#include <algorithm>

namespace weft::ipam {

namespace {

enum Input : std::size_t { pool_input, request_input, port_input, departed_input };

/// A view into the row.
std::string_view name_of(const RowPtr& port) {
    return port.read<&nb::LogicalSwitchPort::name>().value_or("");
}

}  // namespace

AddressAllocator::Book* AddressAllocator::Pool::book(const Ip& ip) {
    const auto at = std::find_if(books.begin(), books.end(), [&](const auto& b) { return b.prefix().contains(ip); });
    return at == books.end() ? nullptr : &*at;
}

bool AddressAllocator::Pool::may_be_on(const weft::ovsdb::Parent& parent) const {
    return on_switch.empty() || parent.none() || parent.key == on_switch;
}

void AddressAllocator::run(std::span<const Change> changes, OperatorOut& out) {
    for (const Change& change : changes) {
        // Before the ports: an address that only changes from one to the other is never free.
        if (change.input == departed_input) departed_changed(change);
    }
    for (const Change& change : changes) {
        if (change.input == pool_input) pool_changed(change);
        if (change.input == request_input) request_changed(change, out);
        if (change.input == port_input) port_changed(change);
    }
    wake_waiting();
    std::vector<Turn<Entry>> turns;
    for (const auto& key : dirty_) {
        const auto at = entries_.find(key);
        if (at == entries_.end()) continue;
        Entry& entry = at->second;
        const Asked asked = entry.asked();
        const bool has = !entry.ips.empty() || !asked.fixed.empty();
        const Claim claim = has ? Claim::has : wishes(asked).empty() ? Claim::nothing : Claim::wishes;
        turns.push_back({&entry, claim, asked.precedence, at->first});
    }
    dirty_.clear();
    sort_turns(turns);
    for (const auto& turn : turns) {
        if (turn.claim == Claim::has) hold(*turn.entry, turn.entry->asked());
    }
    for (const auto& turn : turns) {
        if (turn.claim == Claim::wishes) wish(*turn.entry, turn.entry->asked());
    }
    for (const auto& turn : turns) {
        if (turn.claim != Claim::has) complete(*turn.entry, turn.entry->asked());
    }
    for (const auto& turn : turns)
        publish(*turn.entry, out);
    // A table keeps the room that its most entries needed.
    if (entries_.empty()) entries_.rehash(0);
    if (ports_.empty()) ports_.rehash(0);
}

/// Opens the books anew: leases first, so that nobody else gets what they hold, then what ports carry.
void AddressAllocator::pool_changed(const Change& change) {
    Pool& pool = pools_[std::string(change.key())];
    const auto old = std::exchange(pool.books, {});
    pool.known = static_cast<bool>(change.after);
    if (change.after) {
        const auto& row = change.after.as<tables::AddressPool>();
        pool.on_switch = row.on_switch;
        for (const auto& prefix : row.prefixes) {
            Book& book = pool.books.emplace_back(prefix);
            for (const auto& before : old) {
                if (before.prefix() == book.prefix()) book.start_at(before.next());
            }
        }
        for (const auto& ip : row.reserved) {
            Book* book = pool.book(ip);
            if (const auto number = book ? book->number(ip) : std::nullopt) book->reserve(*number);
        }
    }
    for (auto& [key, entry] : entries_) {
        const Asked asked = entry.asked();
        if (asked.pool != change.key()) continue;
        dirty_.emplace(key);
        entry.holds = false;
        if (!entry.ips.empty()) hold(entry, asked);
    }
    for (const auto& [hash, port] : ports_) {
        if (pool.may_be_on(port.row.read<&nb::LogicalSwitchPort::parent>()))
            count_addresses(pool, addresses_of(port.row), true);
    }
    for (const auto& [departed, row] : departed_)
        count_departed(pool, row, true);
}

void AddressAllocator::request_changed(const Change& change, OperatorOut& out) {
    const auto at = entries_.find(change.key());
    if (at != entries_.end()) {
        Entry& entry = at->second;
        const Asked before = entry.asked();
        if (!change.after || before.pool != change.after.as<Asked>().pool) {
            pools_[before.pool].waiting.erase(before.key.text);
            if (const auto port = find_port(before.carrier)) (*port)->second.spent = true;
            release(entry, before);
        }
        if (!change.after) {
            if (entry.lease) out.erase(0, before.key.text);
            entries_.erase(at);
            shrink(entries_);
        }
    }
    if (!change.after) return;
    entry_for(change.after);
    dirty_.emplace(change.key());
}

/// The entry of this request from now on. Books point to entries, so one that is there stays where it is.
AddressAllocator::Entry& AddressAllocator::entry_for(const RowPtr& request) {
    auto node = entries_.extract(request.key());
    if (!node) {
        Entry& made = entries_[request.key()];
        made.request = request;
        return made;
    }
    node.key() = request.key();
    node.mapped().request = request;
    return entries_.insert(std::move(node)).position->second;
}

std::optional<AddressAllocator::Ports::iterator> AddressAllocator::find_port(std::string_view name) {
    const auto [first, last] = ports_.equal_range(hash_bytes(name));
    const auto found = std::find_if(first, last, [&](const auto& port) { return name_of(port.second.row) == name; });
    return found == last ? std::nullopt : std::optional(found);
}

void AddressAllocator::port_changed(const Change& change) {
    bool spent = false;
    if (change.before) {
        count_port(change.before, false);
        // A port that was made anew under its name is another row, and may have been told of first.
        const auto port = find_port(name_of(change.before));
        if (port && (*port)->second.row.key() == change.key()) {
            spent = (*port)->second.spent;
            ports_.erase(*port);
        }
    }
    if (!change.after) return shrink(ports_);
    count_port(change.after, true);
    const std::string_view name = name_of(change.after);
    if (const auto port = find_port(name)) ports_.erase(*port);
    ports_.emplace(hash_bytes(name), Port{change.after, spent});
}

void AddressAllocator::count_port(const RowPtr& port, bool carried) {
    const auto ips = addresses_of(port);
    const auto parent = port.read<&nb::LogicalSwitchPort::parent>();
    for (auto& [key, pool] : pools_) {
        if (pool.may_be_on(parent)) count_addresses(pool, ips, carried);
    }
}

void AddressAllocator::departed_changed(const Change& change) {
    for (auto& [key, pool] : pools_) {
        if (change.before) count_departed(pool, change.before, false);
        if (change.after) count_departed(pool, change.after, true);
    }
    departed_.erase(std::string(change.key()));
    if (change.after) departed_.emplace(change.key(), change.after);
}

void AddressAllocator::count_departed(Pool& pool, const RowPtr& row, bool carried) {
    const auto& port = row.as<tables::DepartedPort>();
    if (!pool.on_switch.empty() && !port.on_switch.empty() && port.on_switch != pool.on_switch) return;
    count_addresses(pool, port.ips, carried);
}

void AddressAllocator::count_addresses(Pool& pool, std::span<const Ip> ips, bool carried) {
    for (const Ip& ip : ips) {
        Book* book = pool.book(ip);
        const auto number = book ? book->number(ip) : std::nullopt;
        if (!number) continue;
        carried ? book->carry(*number) : book->drop(*number);
    }
}

/// Whoever got nothing tries again when an address of its pool was let go.
void AddressAllocator::wake_waiting() {
    for (auto& [key, pool] : pools_) {
        bool freed = false;
        for (auto& book : pool.books)
            freed = book.freed() || freed;
        if (freed) dirty_.insert(pool.waiting.begin(), pool.waiting.end());
    }
}

std::vector<Ip> AddressAllocator::wishes(const Asked& asked) {
    auto ips = asked.preferred;
    const auto port = find_port(asked.carrier);
    if (!port || (*port)->second.spent) return ips;
    for (const Ip& ip : addresses_of((*port)->second.row))
        ips.push_back(ip);
    return ips;
}

/// Carried by nothing but ports of the request's own name, there or gone: a pod may have again what was its own.
bool AddressAllocator::only_on_own_port(const Asked& asked, const Book& book, std::uint32_t number) {
    if (book.owner(number) || book.reserved(number)) return false;
    const Ip ip = book.address(number);
    const auto carries = [&](const std::vector<Ip>& ips) { return std::find(ips.begin(), ips.end(), ip) != ips.end(); };
    std::size_t own = 0;
    if (const auto port = find_port(asked.carrier); port && !(*port)->second.spent) {
        if (carries(addresses_of((*port)->second.row))) ++own;
    }
    for (const auto& [key, row] : departed_) {
        const auto& port = row.as<tables::DepartedPort>();
        if (port.name == asked.carrier && carries(port.ips)) ++own;
    }
    return own > 0 && book.carriers(number) == own;
}

/// For a request that says which addresses it has: those or none.
void AddressAllocator::hold(Entry& entry, const Asked& asked) {
    if (entry.holds) return;
    Pool& pool = pools_[asked.pool];
    if (!pool.known) return fail(entry, "there is no address pool \"" + asked.pool + "\"");
    const bool fresh = entry.ips.empty();
    if (!take(pool, entry, fresh ? std::span(asked.fixed) : std::span(std::as_const(entry.ips)))) return;
    if (fresh) entry.ips.assign(asked.fixed.begin(), asked.fixed.end());
    if (fresh) {
        entry.fixed = true;
        entry.mac = asked.mac;
    }
    entry.holds = true;
    entry.problem.reset();
    pool.waiting.erase(asked.key.text);
}

bool AddressAllocator::take(Pool& pool, Entry& entry, std::span<const Ip> ips) {
    std::vector<std::pair<Book*, std::uint32_t>> places;
    for (const Ip& ip : ips) {
        Book* book = pool.book(ip);
        const auto number = book ? book->number(ip) : std::nullopt;
        if (!number) {
            std::string ranges;
            for (const auto& b : pool.books) {
                ranges += (ranges.empty() ? "" : ", ") + b.first().text() + " to " + b.last().text();
            }
            return fail(entry, ip.text() + " is none of the addresses of this pool (" + ranges + ")"), false;
        }
        if (const Entry* other = book->owner(*number); other && other != &entry) {
            const Asked theirs = other->asked();
            const auto& name = theirs.carrier.empty() ? theirs.key.text : theirs.carrier;
            return fail(entry, ip.text() + " is the address of " + name), false;
        }
        if (std::any_of(places.begin(), places.end(), [&](const auto& p) { return p.first == book; })) {
            return fail(entry, ip.text() + " is a second address of its family"), false;
        }
        places.emplace_back(book, *number);
    }
    for (const auto& [book, number] : places)
        book->give(number, &entry);
    return true;
}

/// Takes what of its wishes is free; complete() adds the rest.
void AddressAllocator::wish(Entry& entry, const Asked& asked) {
    Pool& pool = pools_[asked.pool];
    std::vector<Book*> done;
    for (const Ip& ip : wishes(asked)) {
        Book* book = pool.book(ip);
        const auto number = book ? book->number(ip) : std::nullopt;
        if (!number || std::find(done.begin(), done.end(), book) != done.end()) continue;
        if (!book->free(*number) && !only_on_own_port(asked, *book, *number)) continue;
        book->give(*number, &entry);
        entry.ips.push_back(ip);
        done.push_back(book);
    }
    entry.holds = true;
}

/// Adds the next free address of every family that is missing; all or nothing.
void AddressAllocator::complete(Entry& entry, const Asked& asked) {
    Pool& pool = pools_[asked.pool];
    if (!pool.known) return fail(entry, "there is no address pool \"" + asked.pool + "\"");
    std::vector<Ip> ips;
    std::vector<std::pair<Book*, std::uint32_t>> added;
    for (auto& book : pool.books) {
        const auto wished =
            std::find_if(entry.ips.begin(), entry.ips.end(), [&](const Ip& ip) { return book.prefix().contains(ip); });
        if (wished != entry.ips.end()) {
            ips.push_back(*wished);
            continue;
        }
        const auto free = book.next_free();
        if (!free) {
            entry.holds = true;
            release(entry, asked);
            return fail(entry, "subnet address pool exhausted: no address of " + book.prefix().text() + " is free");
        }
        added.emplace_back(&book, *free);
        ips.push_back(book.address(*free));
    }
    for (const auto& [book, number] : added) {
        book->give(number, &entry);
        book->advance(number);
    }
    entry.ips.assign(ips.begin(), ips.end());
    entry.mac = asked.mac;
    entry.holds = true;
    entry.problem.reset();
    pool.waiting.erase(asked.key.text);
}

void AddressAllocator::release(Entry& entry, const Asked& asked) {
    Pool& pool = pools_[asked.pool];
    if (entry.holds) {
        for (const Ip& ip : entry.ips) {
            Book* book = pool.book(ip);
            if (const auto number = book ? book->number(ip) : std::nullopt) book->take_back(*number);
        }
    }
    entry.ips.clear();
    entry.mac.reset();
    entry.fixed = false;
    entry.holds = false;
}

void AddressAllocator::fail(Entry& entry, std::string problem) {
    entry.problem = std::make_unique<const std::string>(std::move(problem));
    pools_[entry.asked().pool].waiting.insert(entry.asked().key.text);
}

void AddressAllocator::publish(Entry& entry, OperatorOut& out) {
    tables::AddressLease lease;
    lease.key.text = entry.request.key();
    if (entry.problem) lease.problem = *entry.problem;
    if (entry.holds && !entry.problem) {
        Pool& pool = pools_[std::string(entry.request.read<&tables::AddressRequest::pool>())];
        for (const Ip& ip : entry.ips)
            lease.ips.emplace_back(ip, pool.book(ip)->prefix().length());
        lease.mac = entry.mac;
        lease.fixed = entry.fixed;
    }
    RowPtr row = RowPtr::make(lease);
    if (row.equals(entry.lease)) return;
    entry.lease = row;
    out.put(0, std::move(row));
}

}  // namespace weft::ipam
