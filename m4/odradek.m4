dnl The parts of configure.ac, in the order in which they are used there.

dnl ODR_BUILD_COMPILER: the compiler of the machine that builds, for the generator in protocol/.
AC_DEFUN([ODR_BUILD_COMPILER], [
AC_ARG_VAR([CC_FOR_BUILD], [C compiler for programs that run during the build])
AS_IF([test -z "$CC_FOR_BUILD"], [
	AS_IF([test "$cross_compiling" = yes], [CC_FOR_BUILD=cc], [CC_FOR_BUILD=$CC])])
AM_CONDITIONAL([CROSS], [test "$cross_compiling" = yes])
])

dnl ODR_CXX_COMPILER: the C++ compiler that goes with the C compiler: src/group/re2.cc is C++ because RE2 is.
AC_DEFUN([ODR_CXX_COMPILER], [
AS_IF([test -z "$CXX"], [
	odr_cxx=`AS_ECHO(["$CC"]) | sed 's/clang/clang++/; s/gcc/g++/'`
	AS_IF([$odr_cxx --version >/dev/null 2>&1], [CXX=$odr_cxx])])
AS_IF([test -z "${CXXFLAGS+set}"], [CXXFLAGS=$CFLAGS])
AC_PROG_CXX
])

dnl ODR_SWITCH(NAME, HELP): --enable-NAME, off by default, as $odr_NAME and the automake condition of that name in capitals.
AC_DEFUN([ODR_SWITCH], [
AC_ARG_ENABLE([$1], [AS_HELP_STRING([--enable-$1], [$2])], [odr_$1=$enableval], [odr_$1=no])
AM_CONDITIONAL(m4_toupper([$1]), [test "$odr_$1" != no])
])

AC_DEFUN([ODR_SWITCHES], [
ODR_SWITCH([werror], [compiler warnings are errors])
ODR_SWITCH([developer], [werror, slow checks, frame pointers])
ODR_SWITCH([asan], [AddressSanitizer and UndefinedBehaviorSanitizer; implies developer])
ODR_SWITCH([tsan], [ThreadSanitizer; implies developer])
ODR_SWITCH([coverage], [count executed lines (gcov)])
ODR_SWITCH([fuzz], [build the libFuzzer targets of tests/fuzz; wants clang, implies asan])
AC_ARG_ENABLE([static-libs],
	[AS_HELP_STRING([--disable-static-libs], [link the libraries as shared ones (for packagers); the default links
		statically what the system has as .a files])], [odr_static=$enableval], [odr_static=auto])
AS_IF([test $odr_fuzz = yes], [odr_asan=yes])
AS_IF([test $odr_asan = yes && test $odr_tsan = yes], [AC_MSG_ERROR([--enable-asan and --enable-tsan exclude each other])])
AS_IF([test $odr_asan = yes || test $odr_tsan = yes], [odr_developer=yes])
AS_IF([test $odr_developer = yes], [odr_werror=yes])
])

dnl ODR_FLAG(VARIABLE, FLAG...): adds each flag that the compiler and the linker both take.
AC_DEFUN([ODR_FLAG], [
odr_saved=$CFLAGS
CFLAGS="$odr_saved $ODR_CFLAGS -Werror $2"
AC_CACHE_CHECK([whether $CC takes $2], [AS_TR_SH([odr_cv_flag_$2])],
	[AC_LINK_IFELSE([AC_LANG_PROGRAM()], [AS_TR_SH([odr_cv_flag_$2])=yes], [AS_TR_SH([odr_cv_flag_$2])=no])])
CFLAGS=$odr_saved
AS_IF([test $AS_TR_SH([odr_cv_flag_$2]) = yes], [$1="$$1 $2"])
])

dnl ODR_COMPILER_FLAGS: ODR_CFLAGS (how code is made), ODR_WARNINGS (what is said about it), ODR_CPPFLAGS, ODR_LDFLAGS.
AC_DEFUN([ODR_COMPILER_FLAGS], [
ODR_CPPFLAGS='-D_GNU_SOURCE'
ODR_CFLAGS='-std=gnu11 -fno-strict-aliasing -fno-common -ffunction-sections -fdata-sections'
ODR_LDFLAGS='-Wl,--gc-sections'
ODR_WARNINGS='-Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition -Wpointer-arith'
ODR_WARNINGS="$ODR_WARNINGS -Wwrite-strings -Wundef -Wvla -Wformat=2 -Wno-unused-parameter -Wno-missing-field-initializers"
AS_IF([test $odr_werror = yes], [ODR_WARNINGS="$ODR_WARNINGS -Werror"])
AS_IF([test $odr_developer = yes], [
	ODR_CPPFLAGS="$ODR_CPPFLAGS -DODRADEK_DEVELOPER"
	ODR_CFLAGS="$ODR_CFLAGS -fno-omit-frame-pointer"])
AS_IF([test $odr_coverage = yes], [ODR_CFLAGS="$ODR_CFLAGS --coverage"])
AS_IF([test $odr_fuzz = yes], [ODR_CFLAGS="$ODR_CFLAGS -fsanitize=fuzzer-no-link"])
AS_IF([test $odr_asan = yes], [ODR_CFLAGS="$ODR_CFLAGS -fsanitize=address,undefined -fno-sanitize-recover=all"],
	[test $odr_tsan = yes], [ODR_CFLAGS="$ODR_CFLAGS -fsanitize=thread"],
	[ODR_HARDENING])
ODR_CXXFLAGS=`AS_ECHO(["$ODR_CFLAGS"]) | sed 's/-std=gnu11/-std=gnu++17 -fno-exceptions -fno-rtti/'`
ODR_CXXWARNINGS='-Wall -Wextra -Wshadow -Wno-unused-parameter'
AS_IF([test $odr_werror = yes], [ODR_CXXWARNINGS="$ODR_CXXWARNINGS -Werror"])
AC_SUBST([ODR_CXXFLAGS])
AC_SUBST([ODR_CXXWARNINGS])
AC_SUBST([ODR_CPPFLAGS])
AC_SUBST([ODR_CFLAGS])
AC_SUBST([ODR_LDFLAGS])
AC_SUBST([ODR_WARNINGS])
])

dnl ODR_HARDENING: not with sanitizers, which bring their own.
AC_DEFUN([ODR_HARDENING], [
AC_CACHE_CHECK([for the best _FORTIFY_SOURCE], [odr_cv_fortify], [
	odr_cv_fortify=2
	AC_PREPROC_IFELSE([AC_LANG_SOURCE([[
#include <features.h>
#if !__GLIBC_PREREQ(2, 35) || !defined(__GNUC__) || (!defined(__clang__) && __GNUC__ < 12)
#error old
#endif
]])], [odr_cv_fortify=3])])
AS_CASE([" $CFLAGS "], [*' -O0 '*], [], [*' -O'*],
	[ODR_CPPFLAGS="$ODR_CPPFLAGS -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=$odr_cv_fortify"])
ODR_FLAG([ODR_CFLAGS], [-fstack-protector-strong])
ODR_FLAG([ODR_CFLAGS], [-fstack-clash-protection])
ODR_FLAG([ODR_CFLAGS], [-fPIE])
ODR_FLAG([ODR_LDFLAGS], [-pie])
ODR_FLAG([ODR_LDFLAGS], [-Wl,-z,relro])
ODR_FLAG([ODR_LDFLAGS], [-Wl,-z,now])
ODR_FLAG([ODR_LDFLAGS], [-Wl,-z,noexecstack])
ODR_FLAG([ODR_LDFLAGS], [-Wl,-z,pack-relative-relocs])
ODR_ORDER
])

dnl ODR_ORDER: ORDER_LDFLAGS has the linker place functions as src/order.ld says, where it can add to its own script.
AC_DEFUN([ODR_ORDER], [
AC_CACHE_CHECK([whether the linker takes an order of functions], [odr_cv_order], [
	echo 'SECTIONS { .text.ordered : { *(.text.main) } } INSERT BEFORE .text;' >conftest.ld
	odr_saved=$LDFLAGS
	LDFLAGS="$LDFLAGS -Wl,-T,conftest.ld"
	AC_LINK_IFELSE([AC_LANG_PROGRAM], [odr_cv_order=yes], [odr_cv_order=no])
	LDFLAGS=$odr_saved
	rm -f conftest.ld])
AS_IF([test $odr_cv_order = yes], [ORDER_LDFLAGS='-Wl,-T,$(srcdir)/src/order.ld'])
AC_SUBST([ORDER_LDFLAGS])
])

dnl ODR_LIBRARY(VARIABLE, NAME, HEADER, FUNCTION, DEBIAN-PACKAGE, ARCHIVES, AFTER): sets VARIABLE to what links the library:
dnl the first of ARCHIVES that is there, unless shared libraries are asked for; AFTER is what an archive needs after it.
AC_DEFUN([ODR_LIBRARY], [
AC_ARG_VAR([$1], [what links $2, instead of what is found])
AC_CHECK_HEADER([$3], [], [AC_MSG_ERROR([$3 is missing: install $5 (Debian) or the $2 development files])])
AS_IF([test -z "$$1"], [
	AC_MSG_CHECKING([how to link $2])
	odr_found=
	odr_libs=$LIBS
	AS_IF([test "$odr_static" = no], [odr_tries="-l$2"],
		[test "$odr_static" = yes], [odr_tries="$6"],
		[odr_tries="$6 -l$2"])
	for odr_try in $odr_tries; do
		AS_CASE([$odr_try], [-l:*], [odr_try="$odr_try $7"])
		LIBS="$odr_try $odr_libs"
		AC_LINK_IFELSE([AC_LANG_CALL([], [$4])], [odr_found=$odr_try; break])
	done
	LIBS=$odr_libs
	AC_MSG_RESULT([${odr_found:-not found}])
	AS_IF([test -z "$odr_found"], [AC_MSG_ERROR([$2 cannot be linked: install $5 (Debian), or see --disable-static-libs])])
	$1=$odr_found
	AS_CASE([$odr_found], [-l:*], [], [odr_shared="$odr_shared $2"])])
])

dnl ODR_RE2: as ODR_LIBRARY, for a library that has no C function.
AC_DEFUN([ODR_RE2], [
AC_ARG_VAR([RE2_LIBS], [what links re2, instead of what is found])
AC_LANG_PUSH([C++])
AC_CHECK_HEADER([re2/re2.h], [], [AC_MSG_ERROR([re2/re2.h is missing: install libre2-dev (Debian) or the re2 development files])])
AS_IF([test -z "$RE2_LIBS"], [
	AC_MSG_CHECKING([how to link re2])
	odr_found=
	odr_libs=$LIBS
	AS_IF([test "$odr_static" = no], [odr_tries="-lre2"],
		[test "$odr_static" = yes], [odr_tries="-l:libre2.a"],
		[odr_tries="-l:libre2.a -lre2"])
	for odr_try in $odr_tries; do
		LIBS="$odr_try -lpthread $odr_libs"
		AC_LINK_IFELSE([AC_LANG_PROGRAM([[#include <re2/re2.h>]],
			[[re2::RE2 r("a+"); return r.ok() ? 0 : 1;]])], [odr_found=$odr_try; break])
	done
	LIBS=$odr_libs
	AC_MSG_RESULT([${odr_found:-not found}])
	AS_CASE([$odr_found],
		[''], [AC_MSG_ERROR([re2 cannot be linked: install libre2-dev (Debian), or see --disable-static-libs])],
		[-l:*], [RE2_LIBS="$odr_found -l:libstdc++.a -lm -lpthread -static-libgcc"],
		[RE2_LIBS="$odr_found -lstdc++ -lm"
		odr_shared="$odr_shared re2"])])
AC_LANG_POP([C++])
])

dnl ODR_LIBRARIES: snappy is C++ inside, so its archive brings the C++ runtime's.
AC_DEFUN([ODR_LIBRARIES], [
ODR_LIBRARY([UV_LIBS], [uv], [uv.h], [uv_loop_init], [libuv1-dev], [-l:libuv_a.a -l:libuv.a], [-lpthread -ldl])
ODR_LIBRARY([Z_LIBS], [z], [zlib.h], [inflate], [zlib1g-dev], [-l:libz.a], [])
ODR_LIBRARY([SNAPPY_LIBS], [snappy], [snappy-c.h], [snappy_compress], [libsnappy-dev and g++], [-l:libsnappy.a],
	[-l:libstdc++.a -lm -static-libgcc])
ODR_RE2
ODR_LIBRARY([XXHASH_LIBS], [xxhash], [xxhash.h], [XXH3_64bits], [libxxhash-dev], [-l:libxxhash.a], [])
ODR_LIBRARY([LZ4_LIBS], [lz4], [lz4frame.h], [LZ4F_decompress], [liblz4-dev], [-l:liblz4.a], [])
ODR_LIBRARY([ZSTD_LIBS], [zstd], [zstd.h], [ZSTD_decompressStream], [libzstd-dev], [-l:libzstd.a], [-lpthread])
ODR_LIBRARY([JANSSON_LIBS], [jansson], [jansson.h], [json_loadb], [libjansson-dev], [-l:libjansson.a], [])
ODR_LIBRARY([HTTP_PARSER_LIBS], [http_parser], [http_parser.h], [http_parser_execute], [libhttp-parser-dev], [-l:libhttp_parser.a], [])
ODR_LIBRARY([CRYPTO_LIBS], [crypto], [openssl/evp.h], [EVP_DigestInit_ex], [libssl-dev], [-l:libcrypto.a], [-ldl -lpthread])
odr_beneath=$LIBS
LIBS="$CRYPTO_LIBS $LIBS"
ODR_LIBRARY([SSL_LIBS], [ssl], [openssl/ssl.h], [SSL_CTX_new], [libssl-dev], [-l:libssl.a], [])
LIBS=$odr_beneath
AC_ARG_VAR([CMOCKA_LIBS], [what links cmocka, for the tests only])
AC_CHECK_HEADER([cmocka.h], [odr_cmocka=yes], [odr_cmocka=no], [[
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
]])
AS_IF([test -z "$CMOCKA_LIBS"], [CMOCKA_LIBS=-lcmocka])
AM_CONDITIONAL([CMOCKA], [test $odr_cmocka = yes])
])

dnl ODR_INSTALL_PLACES: directories that autoconf has no switch for.
AC_DEFUN([ODR_INSTALL_PLACES], [
AC_ARG_WITH([systemdsystemunitdir],
	[AS_HELP_STRING([--with-systemdsystemunitdir=DIR], [where the systemd unit goes; no leaves it out])],
	[], [with_systemdsystemunitdir='${prefix}/lib/systemd/system'])
AM_CONDITIONAL([SYSTEMD_UNIT], [test "$with_systemdsystemunitdir" != no])
AC_SUBST([systemdsystemunitdir], [$with_systemdsystemunitdir])
])

dnl ODR_MACRO(EXPRESSION, THEN): what the compiler says of the processor that it compiles for.
AC_DEFUN([ODR_MACRO], [
AC_PREPROC_IFELSE([AC_LANG_SOURCE([[
#if !($1)
#error it is not
#endif
]])], [$2])
])

dnl ODR_PROCESSOR: which of src/base/crc32c_*.c is compiled. (The host's name is not guessed: $host_cpu is empty here.)
AC_DEFUN([ODR_PROCESSOR], [
odr_crc32c=plain
ODR_MACRO([defined(__x86_64__)], [odr_crc32c=x86])
ODR_MACRO([defined(__ARM_FEATURE_CRC32)], [odr_crc32c=arm])
AM_CONDITIONAL([CRC32C_X86], [test $odr_crc32c = x86])
AM_CONDITIONAL([CRC32C_ARM], [test $odr_crc32c = arm])
])

AC_DEFUN([ODR_SUMMARY], [
AS_ECHO(["odradek $PACKAGE_VERSION: $CC $CFLAGS"])
AS_ECHO(["  warnings are errors: $odr_werror, developer: $odr_developer, asan: $odr_asan, tsan: $odr_tsan, coverage: $odr_coverage, fuzz: $odr_fuzz"])
AS_IF([test -n "$odr_shared"], [AS_ECHO(["  linked as shared libraries:$odr_shared"])])
AS_IF([test $odr_cmocka = no], [AS_ECHO(["  cmocka.h is missing (Debian: libcmocka-dev): make check will not work"])])
])
