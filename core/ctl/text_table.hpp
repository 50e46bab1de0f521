#pragma once

#include <string>
#include <string_view>
#include <vector>

/// Text for terminals.
namespace weft::ctl {

enum class Colour { none, good, warn, bad, dim, strong };

/// `text` without control characters: names and messages come from elsewhere and must not drive a terminal.
std::string plain(std::string_view text);
std::string painted(std::string_view text, Colour colour, bool colours);
/// "3d4h", "2h5m", "7s".
std::string short_duration(long long seconds);

struct Cell {
    std::string text;
    Colour colour = Colour::none;

    Cell(std::string t, Colour c = Colour::none) : text(std::move(t)), colour(c) {}
    Cell(const char* t, Colour c = Colour::none) : text(t), colour(c) {}
};

/// Columns as wide as their widest cell, two blanks between them; the last one is not padded.
class TextTable {
  public:
    explicit TextTable(std::vector<std::string> head) : head_(std::move(head)) {}
    void add(std::vector<Cell> row) { rows_.push_back(std::move(row)); }
    /// A line of its own below the last row, indented.
    void note(std::string text, Colour colour);
    bool empty() const { return rows_.empty(); }
    std::string text(bool colours, std::string_view indent = "  ") const;

  private:
    std::vector<std::string> head_;
    std::vector<std::vector<Cell>> rows_;  ///< a row with one cell in a table of more columns is a note
};

}  // namespace weft::ctl
