# Runs in cpack, once, over the staged components: stripped, compressed man pages and changelogs, copyright, lintian
# overrides.
# Everything gets the one date, SOURCE_DATE_EPOCH, so that equal sources make equal packages.
find_program(gzip gzip REQUIRED)
find_program(strip strip REQUIRED)
if(NOT DEFINED ENV{SOURCE_DATE_EPOCH})
  message(FATAL_ERROR "set SOURCE_DATE_EPOCH; tools/package/build does")
endif()
string(TIMESTAMP date "%a, %d %b %Y %H:%M:%S +0000" UTC)
set(here ${CPACK_GGUFMAP_SOURCE_DIR}/tools/package)


# compress(FILE...): without name and date inside.
function(compress)
  execute_process(COMMAND ${gzip} -9nf ${ARGV} COMMAND_ERROR_IS_FATAL ANY)
endfunction()

foreach(component IN ITEMS runtime dev tools)
  string(TOUPPER ${component} upper)
  set(package ${CPACK_DEBIAN_${upper}_PACKAGE_NAME})
  set(usr ${CPACK_TEMPORARY_INSTALL_DIRECTORY}/${component}/usr)
  if(NOT IS_DIRECTORY ${usr})
    message(FATAL_ERROR "no component ${component} in ${CPACK_TEMPORARY_INSTALL_DIRECTORY}")
  endif()
  set(doc ${usr}/share/doc/${package})
  file(COPY ${here}/copyright ${CPACK_GGUFMAP_SOURCE_DIR}/CHANGELOG.md DESTINATION ${doc})
  file(WRITE ${doc}/changelog "${CPACK_PACKAGE_NAME} (${CPACK_PACKAGE_VERSION}) unstable; urgency=medium

  * What has changed is in CHANGELOG.md.gz beside this file.

 -- ${CPACK_PACKAGE_CONTACT}  ${date}
")
  file(GLOB programs ${usr}/bin/* ${usr}/lib/*/*.so.*.*)
  if(programs)
    execute_process(COMMAND ${strip} --strip-unneeded --remove-section=.comment --remove-section=.note ${programs}
                    COMMAND_ERROR_IS_FATAL ANY)
  endif()
  file(GLOB pages ${usr}/share/man/man1/*.1)
  compress(${doc}/changelog ${doc}/CHANGELOG.md ${pages})
  if(EXISTS ${here}/${component}.lintian-overrides)
    file(MAKE_DIRECTORY ${usr}/share/lintian/overrides)
    file(COPY_FILE ${here}/${component}.lintian-overrides ${usr}/share/lintian/overrides/${package})
  endif()
endforeach()
