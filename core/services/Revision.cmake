# cmake -DOUT=… -DSOURCE=… -DVERSION=… -P Revision.cmake
# Writes services/revision.hpp: what `git describe` says of the checkout, else the version. Only rewritten when it changes.
set(revision "")
if(EXISTS ${SOURCE}/.git)
  execute_process(COMMAND git -C ${SOURCE} describe --always --tags --dirty --abbrev=12
                  OUTPUT_VARIABLE revision OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
endif()
if(revision STREQUAL "")
  set(revision ${VERSION})
endif()
set(content "#pragma once\n\n/// What this was built from. Generated.\n#define WEFT_REVISION \"${revision}\"\n")
set(old "")
if(EXISTS ${OUT})
  file(READ ${OUT} old)
endif()
if(NOT old STREQUAL content)
  file(WRITE ${OUT} "${content}")
endif()
