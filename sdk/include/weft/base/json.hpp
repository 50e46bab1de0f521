#pragma once

#include <weft/base/api.hpp>
#include <weft/base/result.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace weft {

/// Writes compact JSON into a string. Calls nest; commas and quoting are its business.
///   JsonWriter w; w.object([&] { w.member("name", "p1"); w.key("ips").array([&] { w.value("10.0.0.3"); }); });
class WEFT_API JsonWriter {
  public:
    /// Opens an object; ends with end_object().
    JsonWriter& begin_object();
    /// Closes the object that was opened last.
    JsonWriter& end_object();
    /// Opens an array; ends with end_array().
    JsonWriter& begin_array();
    /// Closes the array that was opened last.
    JsonWriter& end_array();
    JsonWriter& key(std::string_view name);
    JsonWriter& value(std::string_view text);
    JsonWriter& value(const char* text) { return value(std::string_view(text)); }
    JsonWriter& value(const std::string& text) { return value(std::string_view(text)); }
    JsonWriter& value(bool flag);
    JsonWriter& value(std::int64_t number);
    JsonWriter& value(std::uint64_t number);
    JsonWriter& value(int number) { return value(static_cast<std::int64_t>(number)); }
    JsonWriter& value(unsigned number) { return value(static_cast<std::uint64_t>(number)); }
    JsonWriter& value(double number);
    /// The value null.
    JsonWriter& null();
    /// Bytes that are JSON already.
    JsonWriter& raw(std::string_view json);

    template <class Body>
    JsonWriter& object(Body&& body) {
        begin_object();
        body();
        return end_object();
    }
    /// An array whose elements `body` writes.
    template <class Body>
    JsonWriter& array(Body&& body) {
        begin_array();
        body();
        return end_array();
    }
    /// key() and value() in one.
    template <class T>
    JsonWriter& member(std::string_view name, const T& v) {
        return key(name).value(v);
    }

    /// Makes room for so many bytes at once.
    void reserve(std::size_t bytes) { out_.reserve(bytes); }
    const std::string& text() const { return out_; }
    /// What was written; the writer is empty after that.
    std::string take() { return std::move(out_); }
    void clear() {
        out_.clear();
        comma_ = false;
    }

  private:
    void separate();
    std::string out_;
    bool comma_ = false;
};

/// `text` as a JSON string with its quotes.
WEFT_API std::string json_quote(std::string_view text);

/// A read-only look at one value of a parsed JSON document; cheap to copy, valid while the JsonDocument lives. Reading
/// something that is not there gives an absent view, so paths chain: pod["metadata"]["name"].string().
class WEFT_API JsonView {
  public:
    JsonView() = default;

    /// Is there such a value?
    bool present() const { return present_; }
    explicit operator bool() const { return present_; }
    /// Is it null? No for absent ones, like all that follow.
    bool is_null() const;
    /// Is it an object?
    bool is_object() const;
    /// Is it an array?
    bool is_array() const;
    /// Is it a string?
    bool is_string() const;
    /// Is it a number?
    bool is_number() const;
    /// Is it true or false?
    bool is_bool() const;

    /// Member of an object; absent when this is no object or has no such member.
    JsonView operator[](std::string_view member) const;
    /// The text of a string; nothing for any other type.
    std::optional<std::string_view> string() const;
    /// The text of a string, or `other`.
    std::string_view string_or(std::string_view other) const { return string().value_or(other); }
    /// A whole number that fits; nothing for any other value.
    std::optional<std::int64_t> integer() const;
    /// A whole number that is not negative and fits.
    std::optional<std::uint64_t> unsigned_integer() const;
    /// Any number.
    std::optional<double> number() const;
    /// True or false; nothing for any other type.
    std::optional<bool> boolean() const;
    /// Elements of an array (none when it isn't one).
    void each(const std::function<void(JsonView)>& visit) const;
    /// Members of an object in document order.
    void members(const std::function<void(std::string_view, JsonView)>& visit) const;
    std::size_t size() const;
    /// This value as compact JSON.
    std::string dump() const;

  private:
    friend class JsonDocument;
    friend struct JsonAccess;
    // A simdjson::dom::element, kept out of this header.
    alignas(8) unsigned char element_[16] = {};
    bool present_ = false;
};

/// A parsed JSON text with the memory its views look into. Movable.
class WEFT_API JsonDocument {
  public:
    JsonDocument();
    ~JsonDocument();
    JsonDocument(JsonDocument&&) noexcept;
    JsonDocument& operator=(JsonDocument&&) noexcept;

    /// Whole text, one value; the error says at which byte. Nesting deeper than 512 is refused.
    static Result<JsonDocument> parse(std::string_view text);
    /// Parses anew with the memory of an earlier parse; views of the earlier text die.
    Result<void> reparse(std::string_view text);

    /// The value that the text was.
    JsonView root() const;

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace weft
