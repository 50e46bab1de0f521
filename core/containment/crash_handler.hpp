#pragma once

#include "containment/run_board.hpp"

namespace weft::containment {

/// Notes on the board which thread a SIGSEGV, SIGBUS, SIGILL, SIGFPE or SIGABRT came from; then the signal does what it
/// always did. One a process; `board` must outlive it. Builds with a sanitizer leave these signals to that.
class CrashHandler {
  public:
    explicit CrashHandler(RunBoard& board);
    ~CrashHandler();
    CrashHandler(const CrashHandler&) = delete;
    CrashHandler& operator=(const CrashHandler&) = delete;
};

}  // namespace weft::containment
