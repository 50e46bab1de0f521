#include "engine/engine.hpp"

#include "engine/engine_impl.hpp"
#include "engine/verifier.hpp"

#include <algorithm>

namespace weft::engine {

Engine::Impl::Impl(Engine& owner, EngineOptions given)
    : engine(owner),
      options(std::move(given)),
      queue(options.portion),
      owners(store, nodes),
      statuses(store, nodes, owners),
      flaps(options.flap_limit),
      lanes(options.board, std::max(1U, options.threads)),
      adapters([this](ChangeSet changes) { engine.post(std::move(changes)); }, options.board),
      made_at(options.clock->now()) {
    levels.emplace_back();
}

Engine::Engine(EngineOptions options) : impl_(std::make_unique<Impl>(*this, std::move(options))) {}
Engine::~Engine() {
    stop();
}

Result<void> Engine::add_input(const TableSpec& table) {
    return impl_->add_input(table);
}
Result<void> Engine::change(std::vector<ModuleSpec> add, const std::vector<std::string>& remove) {
    return impl_->change(std::move(add), remove);
}
Result<void> Engine::add(ModuleSpec module) {
    std::vector<ModuleSpec> modules;
    modules.push_back(std::move(module));
    return impl_->change(std::move(modules), {});
}
Result<void> Engine::remove(const std::string& module) {
    return impl_->change({}, {module});
}
std::vector<std::string> Engine::modules() const {
    std::vector<std::string> names;
    for (const auto& [name, module] : impl_->modules)
        names.push_back(name);
    return names;
}

void Engine::post(ChangeSet changes) {
    impl_->notify(impl_->queue.post(std::move(changes)));
}
void Engine::later(std::function<void(Engine&)> work) {
    impl_->notify(impl_->queue.post(std::move(work)));
}
void Engine::wake() {
    impl_->notify(impl_->queue.wake());
}

TickReport Engine::tick() {
    return impl_->tick();
}

void Engine::give_back_memory() {
    impl_->give_back_memory();
}

bool Engine::wait(std::optional<TimePoint> deadline) {
    const std::optional<TimePoint> timer = next_deadline();
    std::optional<TimePoint> until = deadline;
    if (timer) until = until ? std::min(*until, *timer) : *timer;
    const Clock& clock = *impl_->options.clock;
    if (impl_->queue.wait(until ? std::optional(*until - clock.now()) : std::nullopt)) return true;
    return timer && clock.now() >= *timer;
}

void Engine::run(const std::stop_token& stop) {
    const std::stop_callback waker(stop, [this] { wake(); });
    while (!stop.stop_requested()) {
        if (wait() && !stop.stop_requested()) tick();
    }
}

std::optional<TimePoint> Engine::next_deadline() const {
    return impl_->deadlines.next();
}
std::vector<std::string> Engine::awaiting() const {
    return impl_->awaiting();
}

void Engine::stop() {
    for (auto& [name, module] : impl_->modules) {
        for (AdapterRunner* runner : module->adapters)
            impl_->unsubscribe(*runner);
        module->adapters.clear();
    }
    impl_->adapters.stop();
}

Result<void> Engine::subscribe(std::vector<TableSpec> tables, Subscriber& subscriber) {
    return impl_->subscribe(std::move(tables), subscriber);
}
void Engine::unsubscribe(Subscriber& subscriber) {
    impl_->unsubscribe(subscriber);
}

RowPtr Engine::find(std::string_view table, std::string_view key) const {
    const Table* known = impl_->store.find_table(table);
    const CellId id = known != nullptr ? impl_->store.find(*known, key) : 0;
    if (id == 0 || !impl_->store.cells[id].present) return {};
    return impl_->store.cells[id].holder;
}

std::vector<RowPtr> Engine::rows(std::string_view table) const {
    std::vector<RowPtr> rows;
    Table* known = impl_->store.find_table(table);
    if (known == nullptr) return rows;
    for (const CellId cell : impl_->store.sorted(*known))
        rows.push_back(impl_->store.cells[cell].holder);
    return rows;
}

std::size_t Engine::size(std::string_view table) const {
    const Table* known = impl_->store.find_table(table);
    return known != nullptr ? known->rows : 0;
}

std::vector<RowPtr> Engine::list(std::string_view table, std::string_view key) const {
    std::vector<RowPtr> rows;
    const Table* known = impl_->store.find_table(table);
    const CellId id = known != nullptr ? impl_->store.find(*known, key) : 0;
    if (id == 0 || !impl_->store.cells[id].present) return rows;
    if (known->merge() != Merge::ordered) return {impl_->store.cells[id].holder};
    for (Put& put : impl_->owners.puts(id))
        rows.push_back(std::move(put.row));
    return rows;
}

std::string_view Engine::owner_of(std::string_view table, std::string_view key) const {
    const Table* known = impl_->store.find_table(table);
    const CellId id = known == nullptr ? 0 : impl_->store.find(*known, key);
    const InstanceId owner = id == 0 ? 0 : impl_->store.cells[id].owner;
    return owner == 0 ? std::string_view() : impl_->nodes[impl_->store.instances[owner].node]->module;
}

bool Engine::ready(std::string_view table) const {
    const Table* known = impl_->store.find_table(table);
    return known != nullptr && known->ready && impl_->started;
}

std::vector<RuleReport> Engine::rule_reports() const {
    return impl_->rule_reports();
}
std::vector<TableReport> Engine::table_reports() const {
    return impl_->table_reports();
}
std::string Engine::dot() const {
    return impl_->dot();
}
std::vector<Difference> Engine::verify() const {
    Impl::Verifier verifier(*impl_);
    verifier.step(Duration::max());
    auto found = verifier.take_found();
    for (const auto& job : verifier.take_jobs()) {
        auto more = job();
        found.insert(found.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
    }
    return found;
}
std::unique_ptr<Verification> Engine::start_verify() {
    return std::make_unique<Impl::Verifier>(*impl_);
}
const TickTiming& Engine::tick_timing() const {
    return impl_->timing;
}
std::vector<RuleLinks> Engine::rule_links() const {
    return impl_->rule_links();
}
std::vector<TableSpec> Engine::inputs() const {
    std::vector<TableSpec> specs;
    for (const auto& table : impl_->store.tables()) {
        if (table->input) specs.push_back({table->name(), &table->type(), table->merge()});
    }
    return specs;
}
std::uint32_t Engine::scan(std::uint32_t from, std::size_t cells, const VisitRow& visit) const {
    const Store& store = impl_->store;
    const std::uint32_t greatest = store.cells.greatest();
    std::uint32_t id = from;
    for (std::size_t n = 0; n < cells && id < greatest; ++n) {
        ++id;
        if (!store.cells.alive(id) || !store.cells[id].present) continue;
        const Table& table = store.table(store.cells[id].table);
        visit({table.name(), &table.type(), table.merge()}, table.input, store.cells[id].holder);
    }
    return id;
}
std::uint32_t Engine::cells_end() const {
    return impl_->store.cells.greatest();
}
std::vector<std::string> Engine::tables_with(std::string_view key) const {
    std::vector<std::string> names;
    for (const auto& table : impl_->store.tables()) {
        const CellId id = impl_->store.find(*table, key);
        if (id != 0 && impl_->store.cells[id].present) names.push_back(table->name());
    }
    return names;
}
Explanation Engine::explain(std::string_view table, std::string_view key) const {
    return impl_->explain(table, key);
}

}  // namespace weft::engine
