# lint.sh: what the lints share. Each looks from the top of the source, writes what it finds into $found, one a line, and
# ends with `verdict`. $build is the build folder. An exception is a line in tests/lint/exceptions: LINT WHERE WHY.
# shellcheck shell=sh disable=SC2034

build=$PWD
cd "${srcdir:-.}"
lint=${0##*/}
found=$(mktemp)
trap 'rm -f "$found"' EXIT

# excepted: a filter; leaves out the lines that contain a WHERE of this lint.
excepted() {
	awk -v lint="$lint" '
		FNR == NR { if ($1 == lint) where[$2] = 1; next }
		{ for (w in where) if (index($0, w)) next; print }' tests/lint/exceptions -
}

verdict() {
	if [ -s "$found" ]; then
		cat "$found"
		echo "$lint: $(wc -l <"$found") found; wanted: $1"
		exit 1
	fi
	exit 0
}

# Objects of sanitizer and coverage builds are full of others' symbols: nothing can be said there.
skip_unless_plain_objects() {
	case ${ODR_CFLAGS-} in
	*-fsanitize* | *--coverage*)
		echo "$lint: skipped, the objects are instrumented"
		exit 77
		;;
	esac
}

# Our own files: those of git where there is one.
files() {
	if [ -e .git ]; then
		git ls-files --cached --others --exclude-standard
	else
		find . -type f | sed 's,^\./,,'
	fi | while IFS= read -r file; do
		[ ! -f "$file" ] || printf '%s\n' "$file"
	done
}
