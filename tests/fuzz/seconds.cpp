// Linked into every fuzzer: WEFT_FUZZ_SECONDS says how long it runs.
#include <cstdlib>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerInitialize(int* count, char*** arguments);

extern "C" int LLVMFuzzerInitialize(int* count, char*** arguments) {
    const char* seconds = std::getenv("WEFT_FUZZ_SECONDS");
    if (seconds == nullptr) return 0;
    // They must live as long as the process; of a flag that is given twice the last one counts.
    static std::string flag = std::string("-max_total_time=") + seconds;
    static std::vector<char*> all(*arguments, *arguments + *count);
    all.push_back(flag.data());
    ++*count;
    all.push_back(nullptr);
    *arguments = all.data();
    return 0;
}
