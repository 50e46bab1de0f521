#pragma once

#include <weft/base/result.hpp>
#include <weft/base/text.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

/// Cutting the two kinds of answers into objects while they stream, so that only one object is held as text.
namespace weft::kube {

/// An object larger than this is refused: etcd itself holds no more than some megabytes.
inline constexpr std::size_t object_limit = 32U << 20;

/// Cuts the elements out of a Kubernetes List's `items`, wherever that member stands. It finds boundaries only; whether
/// the pieces are valid is for their parser to say.
class ListSplitter {
  public:
    /// Text of one element; dies with the call.
    using OnItem = std::function<void(std::string_view)>;

    /// Takes the next bytes. An error is final: the bytes are no list.
    Result<void> feed(std::string_view bytes, const OnItem& on_item);
    /// The whole document was there.
    bool finished() const { return place_ == Place::after; }
    /// The document without its items: {"kind":"PodList","metadata":{…},"items":[]}
    const std::string& envelope() const { return envelope_; }
    void reset() { *this = ListSplitter(); }

  private:
    enum class Place : std::uint8_t { before, envelope, items, after };

    std::size_t skip_string(std::string_view bytes, std::size_t i);
    std::size_t skip_item(std::string_view bytes, std::size_t i);
    Result<void> structural(char c, const OnItem& on_item);
    Result<void> take(std::string_view bytes);
    void item_ends(const OnItem& on_item);

    Place place_ = Place::before;
    int depth_ = 0;  ///< of open brackets
    bool in_string_ = false;
    bool escaped_ = false;
    std::size_t string_start_ = 0;  ///< of the latest string at depth 1, within the envelope
    std::string last_string_;       ///< it
    bool after_items_key_ = false;  ///< `"items":` was just read
    std::string envelope_;
    std::string item_;
};

/// Cuts lines. What comes after the last line break is kept for the next call.
class LineSplitter {
  public:
    using OnLine = std::function<void(std::string_view)>;

    /// Blank lines are left out. The callback may reset() the splitter; lines after that are dropped.
    Result<void> feed(std::string_view bytes, const OnLine& on_line);
    void reset();
    bool holds_partial_line() const { return !partial_.empty(); }

  private:
    std::string partial_;
    std::uint64_t resets_ = 0;
};

using weft::repair_utf8;

}  // namespace weft::kube
