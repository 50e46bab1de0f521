#pragma once

#include <weft/base/result.hpp>
#include <weft/engine/row.hpp>

#include <string_view>
#include <vector>

namespace weft::kube {

/// Where a reflector's rows go. Called on the loop's thread. What is told between two flushes belongs together.
class Sink {
  public:
    virtual void replace_all(std::string_view table, std::vector<RowPtr> rows) = 0;
    /// `before` is the row that was told last for this object, empty for a new one.
    virtual void put(std::string_view table, RowPtr row, const RowPtr& before) = 0;
    virtual void erase(std::string_view table, std::string_view key) = 0;
    /// The first list is in; stays true through reconnects.
    virtual void complete(std::string_view table) = 0;
    virtual void flush() = 0;

    /// An object cannot be read: its last good row, if any, stays. Told again only when the reason changes.
    virtual void malformed(const ObjectRef& object, const Error& error) = 0;
    /// The object is as it should be again, or gone.
    virtual void mended(const ObjectRef& object) = 0;

  protected:
    ~Sink() = default;
};

}  // namespace weft::kube
