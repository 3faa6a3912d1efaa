# Packages: one .deb for each program, weir-common with what they share, libweirflow0 and its -dev. `scripts/package` makes
# them from the preset `package`, and the tarball for other systems. Only with WEIR_PACKAGE, because units, configuration
# and the like belong into /usr/lib and /etc, whatever the prefix: `cmake --install` elsewhere leaves them out.
option(WEIR_PACKAGE "install systemd units, configuration files and sysusers too; for packages" OFF)
if(NOT WEIR_PACKAGE)
	return()
endif()

set(services collector inserter enricher embedded)
set(packages weir-common weir-collector weir-inserter weir-enricher weir-mocker weir-embedded libweirflow libweirflow-dev)
set(packaging ${PROJECT_SOURCE_DIR}/packaging)
set(control ${PROJECT_BINARY_DIR}/control) # conffiles and maintainer scripts

install(FILES ${packaging}/sysusers/weir.conf DESTINATION /usr/lib/sysusers.d COMPONENT weir-common)
install(FILES ${packaging}/sysctl/60-weir.conf DESTINATION /usr/lib/sysctl.d COMPONENT weir-collector)
install(FILES ${packaging}/conf/inserter.env DESTINATION /etc/weir COMPONENT weir-inserter
	PERMISSIONS OWNER_READ OWNER_WRITE GROUP_READ)
install(PROGRAMS scripts/clickhouse-apply scripts/sizing DESTINATION /usr/share/weir/scripts COMPONENT weir-common)
install(PROGRAMS scripts/fetch-chdb DESTINATION /usr/share/weir/scripts COMPONENT weir-embedded)
install(DIRECTORY sql/queries DESTINATION /usr/share/weir/sql COMPONENT weir-common FILES_MATCHING PATTERN "*.sql")

set(WEIR_DEB_COPYRIGHT ${PROJECT_BINARY_DIR}/copyright)
configure_file(${packaging}/deb/copyright ${WEIR_DEB_COPYRIGHT} COPYONLY)

foreach(service ${services})
	set(program weir-${service})
	install(FILES ${packaging}/systemd/${program}.service DESTINATION /usr/lib/systemd/system COMPONENT ${program})
	install(FILES ${packaging}/conf/${program}.conf DESTINATION /etc/weir RENAME ${service}.conf COMPONENT ${program}
		PERMISSIONS OWNER_READ OWNER_WRITE GROUP_READ)
	set(conffiles /etc/weir/${service}.conf)
	if(service STREQUAL inserter)
		list(APPEND conffiles /etc/weir/inserter.env)
	endif()
	list(JOIN conffiles "\n" text)
	file(WRITE ${control}/${program}/conffiles "${text}\n")
	list(JOIN conffiles " " CONFFILES)
	set(SERVICE ${service})
	foreach(script postinst prerm postrm)
		configure_file(${packaging}/deb/service.${script} ${control}/${program}/${script} @ONLY
			FILE_PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
	endforeach()
	string(TOUPPER ${program} upper)
	set(CPACK_DEBIAN_${upper}_PACKAGE_CONTROL_EXTRA ${control}/${program}/conffiles ${control}/${program}/postinst
		${control}/${program}/prerm ${control}/${program}/postrm)
	set(CPACK_DEBIAN_${upper}_PACKAGE_DEPENDS "weir-common (= ${PROJECT_VERSION})")
endforeach()
string(APPEND CPACK_DEBIAN_WEIR-COLLECTOR_PACKAGE_DEPENDS ", procps") # /bin/kill, for ExecReload
foreach(script postinst postrm)
	configure_file(${packaging}/deb/common.${script} ${control}/weir-common/${script} COPYONLY
		FILE_PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
endforeach()
foreach(package ${packages})
	string(TOUPPER ${package} upper)
	string(REGEX REPLACE "^libweirflow$" libweirflow0 name ${package})
	set(CPACK_DEBIAN_${upper}_PACKAGE_NAME ${name})
	install(FILES ${WEIR_DEB_COPYRIGHT} DESTINATION /usr/share/doc/${name} COMPONENT ${package})
endforeach()

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME weir)
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "") # would be the first line of every package
set(CPACK_PACKAGE_CONTACT "weir maintainers <weir@localhost>")
set(CPACK_PACKAGE_DIRECTORY ${PROJECT_BINARY_DIR}/packages)
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_COMPONENTS_GROUPING IGNORE)
set(CPACK_COMPONENTS_ALL ${packages})
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION net)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_COMPRESSION_TYPE xz)

set(CPACK_COMPONENT_WEIR-COMMON_DESCRIPTION "what weir's programs share
 The user that its services run as, the schema of a flow record, ClickHouse's tables, the operator's queries.")
set(CPACK_COMPONENT_WEIR-COLLECTOR_DESCRIPTION "collects NetFlow, IPFIX and sFlow, passes flows on to Kafka
 Decodes what routers and switches export and publishes it as length-prefixed protobuf; keeps what Kafka has not
 acknowledged over outages and crashes; counts every loss by its reason.")
set(CPACK_COMPONENT_WEIR-INSERTER_DESCRIPTION "reads flows from Kafka and puts them somewhere
 Terminal, Prometheus metrics, PostgreSQL, rotating files, HTTP, Redis.")
set(CPACK_COMPONENT_WEIR-ENRICHER_DESCRIPTION "adds countries, AS numbers and names to the flows of a topic
 Reads one Kafka topic and writes another, each flow exactly once.")
set(CPACK_COMPONENT_WEIR-MOCKER_DESCRIPTION "sends made-up or captured flow records
 NetFlow v1 to v9, IPFIX and sFlow whose contents are known, for tests without a router.")
set(CPACK_COMPONENT_WEIR-EMBEDDED_DESCRIPTION "a broker and a ClickHouse for one machine, in one process
 The ClickHouse engine is not in it: /usr/share/weir/scripts/fetch-chdb fetches it.")
set(CPACK_COMPONENT_LIBWEIRFLOW_DESCRIPTION "flow records of weir: read, print, filter (shared library)
 For programs that read weir's Kafka topic.")
set(CPACK_COMPONENT_LIBWEIRFLOW-DEV_DESCRIPTION "flow records of weir: read, print, filter (headers)
 Headers, pkg-config file and the schema of libweirflow.")

set(CPACK_DEBIAN_WEIR-COMMON_PACKAGE_ARCHITECTURE all)
set(CPACK_DEBIAN_WEIR-COMMON_PACKAGE_SHLIBDEPS OFF)
set(CPACK_DEBIAN_WEIR-COMMON_PACKAGE_DEPENDS "passwd")
set(CPACK_DEBIAN_WEIR-COMMON_PACKAGE_SUGGESTS "curl")
set(CPACK_DEBIAN_WEIR-COMMON_PACKAGE_CONTROL_EXTRA ${control}/weir-common/postinst ${control}/weir-common/postrm)
set(CPACK_DEBIAN_WEIR-COLLECTOR_PACKAGE_SUGGESTS "weir-inserter, weir-embedded")
set(CPACK_DEBIAN_WEIR-EMBEDDED_PACKAGE_SUGGESTS "npm, curl")
set(CPACK_DEBIAN_LIBWEIRFLOW_PACKAGE_SECTION libs)
file(WRITE ${control}/libweirflow/triggers "activate-noawait ldconfig\n")
file(WRITE ${control}/libweirflow/shlibs "libweirflow 0 libweirflow0 (>= ${PROJECT_VERSION})\n")
set(CPACK_DEBIAN_LIBWEIRFLOW_PACKAGE_CONTROL_EXTRA ${control}/libweirflow/triggers ${control}/libweirflow/shlibs)
set(CPACK_DEBIAN_LIBWEIRFLOW-DEV_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_LIBWEIRFLOW-DEV_PACKAGE_SHLIBDEPS OFF)
set(CPACK_DEBIAN_LIBWEIRFLOW-DEV_PACKAGE_DEPENDS "libweirflow0 (= ${PROJECT_VERSION})")
include(CPack)
