# The libraries that weir stands on, all from Debian 12. Names as pkg-config knows them.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)

pkg_check_modules(RDKAFKA REQUIRED IMPORTED_TARGET rdkafka>=2.0)
pkg_check_modules(PROTOBUF_C REQUIRED IMPORTED_TARGET libprotobuf-c>=1.4)
pkg_check_modules(MICROHTTPD REQUIRED IMPORTED_TARGET libmicrohttpd>=0.9.70)
pkg_check_modules(PCAP REQUIRED IMPORTED_TARGET libpcap)
pkg_check_modules(HIREDIS REQUIRED IMPORTED_TARGET hiredis>=0.14)
pkg_check_modules(LIBPQ REQUIRED IMPORTED_TARGET libpq>=13)
pkg_check_modules(OPENSSL REQUIRED IMPORTED_TARGET openssl>=1.1.1)
pkg_check_modules(ZSTD REQUIRED IMPORTED_TARGET libzstd)
pkg_check_modules(CURL REQUIRED IMPORTED_TARGET libcurl)
pkg_check_modules(MAXMINDDB REQUIRED IMPORTED_TARGET libmaxminddb)
pkg_check_modules(ZLIB REQUIRED IMPORTED_TARGET zlib)

find_program(PROTOC_C protoc-c REQUIRED)

pkg_check_modules(CMOCKA IMPORTED_TARGET cmocka) # tests only
