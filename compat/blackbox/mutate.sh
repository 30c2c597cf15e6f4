# The black box held against brokers that break their promises. Sourced by run; says how many were found.
# Each line of `mutants` is tried on a copy of the sources, in as many as five runs.

RUNS=5

copy_sources() { # TREE
	mkdir -p "$1"
	(cd "$ROOT" && git ls-files -z | xargs -0 cp --parents -t "$1")
}

# find_mutant WORKLOAD FAULT ANOMALY: whether one of the runs finds it.
find_mutant() {
	local run
	for run in $(seq $RUNS); do
		rm -rf "$WORK/runs"
		black_box --workload "$1" --fault "$2" --seconds 8 --keep "$WORK/kept" >"$WORK/said" 2>&1
		grep -qE "^ *($3) " "$WORK/said" && return 0
	done
	tail -n 20 "$WORK/said" >&2
	return 1
}

run_mutants() { # [NAME...]: all when none is named
	local tree=$WORK/tree name workload fault anomaly file script
	copy_sources "$tree"
	export ODRADEK=$tree/build/odradek
	while read -r name _ workload _ fault _ anomaly _ file _ script; do
		case "$name" in \#* | '') continue ;; esac
		[ $# -eq 0 ] || [[ " $* " = *" $name "* ]] || continue
		cp "$tree/$file" "$WORK/original"
		sed -i "$script" "$tree/$file"
		! cmp -s "$tree/$file" "$WORK/original" && make -C "$tree" >"$WORK/make.log" 2>&1
		result "$name: it is built" $?
		find_mutant "$workload" "$fault" "$anomaly"
		result "$name: $workload with $fault finds $anomaly" $?
		cp "$WORK/original" "$tree/$file"
	done <"$COMPAT/blackbox/mutants"
}
