# Debian packages by cpack: libggufmap0 (the shared library), libggufmap-dev and ggufmap-tools, from the install
# components runtime, dev and tools. tools/package/build makes them as they are published.
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME ${PROJECT_NAME})
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "")  # each package has its own
set(CPACK_PACKAGE_CONTACT "The libggufmap authors <libggufmap@example.org>")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS
    OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
set(CPACK_COMPONENTS_ALL runtime dev tools)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)

set(library libggufmap${PROJECT_VERSION_MAJOR})  # the SONAME's number is the major version, see lib/CMakeLists.txt
set(CPACK_DEBIAN_RUNTIME_PACKAGE_NAME ${library})
set(CPACK_DEBIAN_RUNTIME_PACKAGE_SECTION libs)
set(CPACK_DEBIAN_RUNTIME_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_RUNTIME_DESCRIPTION "map, inspect, cut and warm GGUF model files - shared library
libggufmap reads GGUF language models without copying them: it parses hostile
headers in bounded memory, maps a set of shards as one model, splits and joins
them byte for byte, and controls which parts are in the page cache.")
# Ours instead of cpack's: its ldconfig is called by scripts, Debian's by a trigger. Before 1.0, only its own
# version of the library is known to fit.
file(WRITE ${CMAKE_BINARY_DIR}/shlibs "libggufmap ${PROJECT_VERSION_MAJOR} ${library} (= ${PROJECT_VERSION})\n")
set(CPACK_DEBIAN_RUNTIME_PACKAGE_CONTROL_EXTRA ${CMAKE_BINARY_DIR}/shlibs ${CMAKE_CURRENT_LIST_DIR}/triggers)

set(CPACK_DEBIAN_DEV_PACKAGE_NAME libggufmap-dev)
set(CPACK_DEBIAN_DEV_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_DEV_PACKAGE_DEPENDS "${library} (= ${PROJECT_VERSION})")
set(CPACK_DEBIAN_DEV_DESCRIPTION "map, inspect, cut and warm GGUF model files - development files
Headers, CMake package and pkg-config file for programs that use libggufmap:
they parse GGUF files, map models and sets of shards as one, select tensors by
layer, part or expert, and plan and carry out what the ggufmap-tools do.")

set(CPACK_DEBIAN_TOOLS_PACKAGE_NAME ggufmap-tools)
set(CPACK_DEBIAN_TOOLS_PACKAGE_SECTION utils)
set(CPACK_DEBIAN_TOOLS_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS_PRIVATE_DIRS ${CMAKE_BINARY_DIR}/${CMAKE_INSTALL_LIBDIR})
set(CPACK_DEBIAN_TOOLS_PACKAGE_DEPENDS "${library} (= ${PROJECT_VERSION})")
set(CPACK_DEBIAN_TOOLS_DESCRIPTION "six tools for GGUF language models on machines short of RAM and disk
gguf-inspect shows, checks, hashes and compares models; gguf-shard and
gguf-stitch cut them up and put them together byte for byte; gguf-residency
shows what of them is in memory; gguf-prefault brings it in and keeps it;
gguf-hfstub writes Hugging Face folders and Ollama models of the same bytes.")

# What Debian wants in a package and an installation does without; runs on each staged component.
set(CPACK_PRE_BUILD_SCRIPTS ${CMAKE_CURRENT_LIST_DIR}/debian_files.cmake)
set(CPACK_GGUFMAP_SOURCE_DIR ${CMAKE_SOURCE_DIR})
set(CPACK_GGUFMAP_LIBRARY_PACKAGE ${library})
include(CPack)
