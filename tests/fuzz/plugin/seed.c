// What the seeds in corpus/ were made of, small enough for a fuzzer:
//   gcc -shared -fPIC -Os -nostdlib -fvisibility=hidden -fno-asynchronous-unwind-tables -DNAME='"good"' seed.c -o good.so
//     -Wl,-z,noseparate-code,-z,max-page-size=64,--build-id=none,--hash-style=gnu,--no-as-needed libstdc++.so.6
//   strip -R .comment -R .note.gnu.property good.so
// (libstdc++.so.6: any library of that soname). runpath.so has an rpath, static.so needs no library, short.so is cut off.
struct manifest { char magic[8]; unsigned size, abi_kind; char fingerprint[128], name[64], version[32], needs[256], switches[256], gates[32]; };
__attribute__((section(".weft_plugin"), used, visibility("default")))
const struct manifest weft_plugin_manifest = {{'w','e','f','t','p','l','g','1'}, sizeof(struct manifest), 1, "fuzz", NAME, "1.0.0", "alpha beta", "always", "pods"};
__attribute__((visibility("default"))) void *weft_plugin_create(void) { return 0; }
__attribute__((visibility("default"))) void weft_plugin_destroy(void *p) { (void)p; }
