# What a plugin's CMakeLists.txt uses, in this tree and outside:
#
#   weft_add_plugin(NAME [SOURCES] a.cpp b.cpp ... [CONFIG NAME.conf] [MANIFESTS crd.yaml ...])
#     builds NAME.so the way the loader wants it: hidden visibility and a version script leave exactly the entry points
#     exported; the shared C++ runtime is needed, so that exceptions and RTTI are one across the process; no undefined
#     symbols, no RUNPATH. CONFIG is installed to etc/weft/conf.d, MANIFESTS to share/weft/manifests/NAME.
#
#   weft_add_plugin_tests(NAME [SOURCES rule_test.cpp ...] [RENDER dir] [SCENARIOS dir] [E2E e2e_test.cpp ...])
#     makes its tests, with GoogleTest: NAME/rules (SOURCES, every folder in RENDER, every *.scenario in SCENARIOS) runs
#     in milliseconds and needs nothing; NAME/e2e (E2E) has nodes, pods and real packets and needs root. Both are
#     labelled with what they are.
include_guard(GLOBAL)
include(GNUInstallDirs)
set(WEFT_PLUGIN_CMAKE_DIR ${CMAKE_CURRENT_LIST_DIR})
if(NOT WEFT_PLUGIN_OUTPUT_DIRECTORY)
  set(WEFT_PLUGIN_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/plugins)
endif()

function(weft_add_plugin name)
  cmake_parse_arguments(PLUGIN "" "CONFIG" "SOURCES;MANIFESTS" ${ARGN})
  set(target plugin-${name})
  # Compiled once, for the plugin and for its tests.
  add_library(${target}-objects OBJECT ${PLUGIN_SOURCES} ${PLUGIN_UNPARSED_ARGUMENTS})
  set_target_properties(${target}-objects PROPERTIES
    CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON POSITION_INDEPENDENT_CODE ON)
  target_compile_features(${target}-objects PUBLIC cxx_std_20)
  target_link_libraries(${target}-objects PUBLIC weft::headers)
  target_include_directories(${target}-objects INTERFACE ${CMAKE_CURRENT_SOURCE_DIR})

  add_library(${target} MODULE $<TARGET_OBJECTS:${target}-objects>)
  set_target_properties(${target} PROPERTIES
    PREFIX "" OUTPUT_NAME ${name} LINKER_LANGUAGE CXX
    SKIP_BUILD_RPATH ON INSTALL_RPATH ""
    LIBRARY_OUTPUT_DIRECTORY ${WEFT_PLUGIN_OUTPUT_DIRECTORY})
  target_link_libraries(${target} PRIVATE weft::weft)
  target_link_options(${target} PRIVATE
    LINKER:--version-script=${WEFT_PLUGIN_CMAKE_DIR}/plugin.map LINKER:-z,defs LINKER:--exclude-libs,ALL)
  list(TRANSFORM PLUGIN_MANIFESTS PREPEND ${CMAKE_CURRENT_SOURCE_DIR}/)
  set_target_properties(${target} PROPERTIES
    LINK_DEPENDS ${WEFT_PLUGIN_CMAKE_DIR}/plugin.map WEFT_MANIFESTS "${PLUGIN_MANIFESTS}")

  install(TARGETS ${target} LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}/weft/plugins COMPONENT plugin-${name})
  if(PLUGIN_CONFIG)
    install(FILES ${PLUGIN_CONFIG} DESTINATION ${CMAKE_INSTALL_SYSCONFDIR}/weft/conf.d COMPONENT plugin-${name})
  endif()
  if(PLUGIN_MANIFESTS)
    install(FILES ${PLUGIN_MANIFESTS} DESTINATION ${CMAKE_INSTALL_DATADIR}/weft/manifests/${name}
            COMPONENT plugin-${name})
  endif()
  set_property(GLOBAL APPEND PROPERTY WEFT_PLUGINS ${target})
endfunction()

function(weft_add_plugin_tests name)
  cmake_parse_arguments(TESTS "" "RENDER;SCENARIOS" "SOURCES;E2E;LINK" ${ARGN})
  find_package(GTest REQUIRED)
  set(sources ${TESTS_SOURCES})
  set(folders)
  if(TESTS_RENDER)
    list(APPEND sources ${WEFT_TEST_CASES_DIR}/render_cases.cpp)
    list(APPEND folders WEFT_RENDER_CASES="${CMAKE_CURRENT_SOURCE_DIR}/${TESTS_RENDER}")
  endif()
  if(TESTS_SCENARIOS)
    list(APPEND sources ${WEFT_TEST_CASES_DIR}/scenario_cases.cpp)
    list(APPEND folders WEFT_SCENARIO_CASES="${CMAKE_CURRENT_SOURCE_DIR}/${TESTS_SCENARIOS}")
  endif()
  if(sources)
    add_executable(${name}-test ${sources})
    target_link_libraries(${name}-test PRIVATE plugin-${name}-objects weft::testing GTest::gmock_main ${TESTS_LINK})
    target_compile_definitions(${name}-test PRIVATE ${folders})
    add_test(NAME ${name}/rules COMMAND ${name}-test)
    set_tests_properties(${name}/rules PROPERTIES LABELS rules TIMEOUT 120)
  endif()
  if(TESTS_E2E)
    get_target_property(manifests plugin-${name} WEFT_MANIFESTS)
    list(JOIN manifests ":" manifests)
    add_executable(${name}-e2e ${TESTS_E2E})
    target_link_libraries(${name}-e2e PRIVATE weft::testing GTest::gmock_main ${TESTS_LINK})
    add_dependencies(${name}-e2e plugin-${name})
    add_test(NAME ${name}/e2e COMMAND ${name}-e2e)
    set_tests_properties(${name}/e2e PROPERTIES
      LABELS e2e RUN_SERIAL ON TIMEOUT 600
      ENVIRONMENT "WEFT_BIN_DIR=${WEFT_BIN_DIR};WEFT_PLUGIN_FILE=$<TARGET_FILE:plugin-${name}>;WEFT_PLUGIN_MANIFESTS=${manifests}")
  endif()
endfunction()
