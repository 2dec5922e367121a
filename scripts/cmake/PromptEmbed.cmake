# prompt_embed(<target> <name> <file>): adds `const unsigned char <name>[]`, the text of the file and a NUL, to the target.
function(prompt_embed target name file)
  file(READ "${CMAKE_SOURCE_DIR}/${file}" bytes HEX)
  string(REGEX REPLACE "(..)" "0x\\1," bytes "${bytes}")
  set(generated "${CMAKE_BINARY_DIR}/${name}.c")
  file(CONFIGURE OUTPUT "${generated}" CONTENT "/* ${file} */\nextern const unsigned char ${name}[];\nconst unsigned char ${name}[] = {${bytes}0};\n")
  target_sources(${target} PRIVATE "${generated}")
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/${file}")
endfunction()
