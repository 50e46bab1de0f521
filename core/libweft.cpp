// libweft.so is the sum of the core parts; this file only gives the linker something of its own to start from.
