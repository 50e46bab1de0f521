# weft_add_plugin(NAME source.cpp ...): builds NAME.so the way the loader wants it.
# Hidden visibility and a version script leave exactly the two entry points exported; the shared C++ runtime is needed
# so that exceptions and RTTI are one across the process; no undefined symbols, no RUNPATH.
set(WEFT_PLUGIN_CMAKE_DIR ${CMAKE_CURRENT_LIST_DIR})

function(weft_add_plugin name)
  set(target plugin-${name})
  add_library(${target} MODULE ${ARGN})
  set_target_properties(${target} PROPERTIES
    PREFIX "" OUTPUT_NAME ${name}
    CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON
    SKIP_BUILD_RPATH ON
    LIBRARY_OUTPUT_DIRECTORY ${WEFT_PLUGIN_OUTPUT_DIRECTORY})
  target_compile_features(${target} PRIVATE cxx_std_20)
  target_link_libraries(${target} PRIVATE weft::weft)
  target_link_options(${target} PRIVATE
    LINKER:--version-script=${WEFT_PLUGIN_CMAKE_DIR}/plugin.map LINKER:-z,defs LINKER:--exclude-libs,ALL)
  set_target_properties(${target} PROPERTIES LINK_DEPENDS ${WEFT_PLUGIN_CMAKE_DIR}/plugin.map)
  install(TARGETS ${target} LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}/weft/plugins COMPONENT plugin-${name})
  if(TARGET weft-fingerprint)
    add_dependencies(${target} weft-fingerprint)
  endif()
  set_property(GLOBAL APPEND PROPERTY WEFT_PLUGINS ${target})
endfunction()
