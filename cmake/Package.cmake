# Debian packages by CPack, one for each program, and what they install beside it. `cpack -G DEB` in build/release.
set(unit_dir /usr/lib/systemd/system)
install(FILES packaging/systemd/weir-collector.service DESTINATION ${unit_dir} COMPONENT weir-collector)
install(FILES packaging/systemd/weir-inserter.service DESTINATION ${unit_dir} COMPONENT weir-inserter)
install(FILES packaging/sysctl/60-weir.conf DESTINATION /usr/lib/sysctl.d COMPONENT weir-collector)
foreach(component weir-collector weir-inserter)
	install(FILES packaging/sysusers/weir.conf DESTINATION /usr/lib/sysusers.d RENAME ${component}.conf COMPONENT ${component})
endforeach()
install(FILES packaging/conf/inserter.env DESTINATION /etc/weir COMPONENT weir-inserter)
