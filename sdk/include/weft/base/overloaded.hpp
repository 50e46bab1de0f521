#pragma once

namespace weft {

/// One callable made of several, to visit a std::variant: `std::visit(Overloaded{[](const A&) {...}, ...}, value)`.
template <class... F>
struct Overloaded : F... {
    using F::operator()...;
};
/// From the callables alone.
template <class... F>
Overloaded(F...) -> Overloaded<F...>;

}  // namespace weft
