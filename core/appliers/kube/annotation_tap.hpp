#pragma once

#include "appliers/kube/annotation_applier.hpp"
#include "engine/keyed_rows.hpp"
#include "kube/sink.hpp"

#include <string>

namespace weft::appliers {

/// Stands between the reflectors and the engine: shows the applier what came of its writes, and keeps pure echoes of
/// those on pods from the engine, so that no rule runs for what weft wrote itself. An echo that comes together with
/// other news goes through whole. Nodes are few, and rules read the annotations of all of them alike: their echoes go
/// through.
class AnnotationTap final : public kube::Sink {
  public:
    AnnotationTap(kube::Sink& next, AnnotationApplier& applier) : next_(next), applier_(applier) {}

    void replace_all(std::string_view table, std::vector<RowPtr> rows) override;
    void put(std::string_view table, RowPtr row, const RowPtr& before) override;
    void erase(std::string_view table, std::string_view key) override;
    void complete(std::string_view table) override;
    void flush() override { next_.flush(); }
    void malformed(const ObjectRef& object, const Error& error) override { next_.malformed(object, error); }
    void mended(const ObjectRef& object) override { next_.mended(object); }

    std::uint64_t echoes() const { return echoes_; }

  private:
    void tell(std::string_view table, std::string_view key);

    kube::Sink& next_;
    AnnotationApplier& applier_;
    engine::KeyedRows held_;  ///< pods as the engine has them, where that is not the latest
    std::uint64_t echoes_ = 0;
};

}  // namespace weft::appliers
