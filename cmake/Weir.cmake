# weir_room(NAME [LIBS ...])      the *.c of this folder as library weir_NAME, main*.c left out
# weir_program(NAME MAIN [LIBS])  a program in build/<preset>/bin
set(CMAKE_C_STANDARD 17)
set(CMAKE_C_EXTENSIONS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bin)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
if(NOT CMAKE_BUILD_TYPE)
	set(CMAKE_BUILD_TYPE RelWithDebInfo)
endif()

option(WEIR_WERROR "warnings are errors" OFF)
set(WEIR_SANITIZE "" CACHE STRING "sanitizers, as -fsanitize= takes them")
option(WEIR_LTO "link-time optimisation" OFF)
option(WEIR_COVERAGE "count lines and branches (clang)" OFF)
option(WEIR_FUZZ "libFuzzer targets (clang)" OFF)

add_library(weir_flags INTERFACE)
target_include_directories(weir_flags INTERFACE ${PROJECT_SOURCE_DIR})
target_include_directories(weir_flags SYSTEM INTERFACE ${PROJECT_BINARY_DIR}/generated)
target_compile_definitions(weir_flags INTERFACE _GNU_SOURCE WEIR_VERSION="${PROJECT_VERSION}"
	WEIR_DATE="November 21, 2026")
target_compile_options(weir_flags INTERFACE
	-Wall -Wextra -Wconversion -Wsign-conversion -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wcast-qual
	-Wvla -Wundef -Wformat=2 -Wdouble-promotion -Wno-missing-field-initializers -Wno-format-nonliteral
	$<$<C_COMPILER_ID:GNU>:-Wlogical-op -Wduplicated-cond>
	-fstack-protector-strong -fno-common
	# The same bytes wherever it is built (scripts/check-reproducible); debuggers and coverage want the real paths.
	$<$<CONFIG:Release>:-ffile-prefix-map=${PROJECT_SOURCE_DIR}=. -ffile-prefix-map=${PROJECT_BINARY_DIR}=build>)
if(WEIR_WERROR)
	target_compile_options(weir_flags INTERFACE -Werror)
endif()
if(WEIR_SANITIZE)
	target_compile_options(weir_flags INTERFACE -fsanitize=${WEIR_SANITIZE} -fno-sanitize-recover=all
		-fno-omit-frame-pointer)
	target_link_options(weir_flags INTERFACE -fsanitize=${WEIR_SANITIZE})
elseif(CMAKE_BUILD_TYPE MATCHES "Rel")
	target_compile_options(weir_flags INTERFACE -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
endif()
if(WEIR_SANITIZE MATCHES "thread") # for librdkafka's threads; in front of libc
	add_library(weir_tsan_threads SHARED ${PROJECT_SOURCE_DIR}/tests/tsan_threads.c)
	target_compile_options(weir_tsan_threads PRIVATE -fsanitize=thread -g)
	target_link_options(weir_tsan_threads PRIVATE -fsanitize=thread)
	target_link_libraries(weir_flags INTERFACE -Wl,--no-as-needed weir_tsan_threads)
endif()
if(WEIR_FUZZ) # libFuzzer has to see which lines of every room an input reaches
	target_compile_options(weir_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()
if(WEIR_COVERAGE) # the last option keeps what a process counted that ends by a signal
	target_compile_options(weir_flags INTERFACE -fprofile-instr-generate -fcoverage-mapping
		"SHELL:-mllvm -runtime-counter-relocation")
	target_link_options(weir_flags INTERFACE -fprofile-instr-generate)
endif()
target_link_options(weir_flags INTERFACE -Wl,-z,relro,-z,now)
if(WEIR_LTO)
	set(CMAKE_INTERPROCEDURAL_OPTIMIZATION ON)
	target_link_options(weir_flags INTERFACE $<$<C_COMPILER_ID:GNU>:-flto=auto>) # else GCC warns that it has one job
endif()

function(weir_room name)
	cmake_parse_arguments(ROOM "" "" "LIBS" ${ARGN})
	file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.c)
	list(FILTER sources EXCLUDE REGEX "/main[^/]*\\.c$")
	if(NOT sources)
		add_library(weir_${name} INTERFACE)
		target_link_libraries(weir_${name} INTERFACE weir_flags ${ROOM_LIBS})
		return()
	endif()
	add_library(weir_${name} STATIC ${sources})
	target_link_libraries(weir_${name} PUBLIC weir_flags ${ROOM_LIBS})
endfunction()

function(weir_program name main)
	cmake_parse_arguments(PROGRAM "" "" "LIBS" ${ARGN})
	if(NOT EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/${main})
		return()
	endif()
	add_executable(${name} ${main})
	target_link_libraries(${name} PRIVATE weir_flags ${PROGRAM_LIBS})
	install(TARGETS ${name} RUNTIME COMPONENT ${name})
	foreach(section 1 8)
		if(EXISTS ${PROJECT_SOURCE_DIR}/packaging/man/${name}.${section})
			install(FILES ${PROJECT_SOURCE_DIR}/packaging/man/${name}.${section}
				DESTINATION ${CMAKE_INSTALL_MANDIR}/man${section} COMPONENT ${name})
		endif()
	endforeach()
endfunction()
